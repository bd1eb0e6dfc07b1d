"""What from-starlette.md and its like say that Starlette and FastAPI do otherwise is so."""

import json
import re
from importlib.metadata import version
from typing import Annotated, Any

import fastapi
import lilya.websockets
import pytest
import starlette.websockets
from starlette.applications import Starlette
from starlette.authentication import AuthenticationBackend, AuthenticationError, requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from tests.asgi_bridge.double import text
from tests.docs.outcomes import bare, run
from tests.docs.pages import PAGES
from wsserve import RouteDeclarationError, TestClient, WebSocket
from wsserve import SessionMiddleware as OwnSessions
from wsserve import WebSocketRoute as OwnRoute
from wsserve.asgi_bridge.types import ASGIApp, Message

NAMED = re.compile(r"\b(Starlette|FastAPI|Lilya|lihil|uvicorn) (\d+\.\d+(?:\.\d+)?)")
SOCKETS = [starlette.websockets.WebSocket, lilya.websockets.WebSocket]


def starlette_app(handler: Any, **options: Any) -> ASGIApp:
    return Starlette(routes=[WebSocketRoute("/chat", handler)], **options)


def test_the_pages_name_the_versions_that_are_installed() -> None:
    named = {
        (name.lower(), number)
        for page in PAGES
        for name, number in re.findall(
            r"\b(Starlette|FastAPI|Lilya|lihil|uvicorn) (\d+\.\d+(?:\.\d+)?)", page.read_text()
        )
    }
    assert {name for name, _ in named} == {"starlette", "fastapi", "lilya", "lihil", "uvicorn"}
    for name, number in named - {("lihil", "0.2.37"), ("lihil", "0.2.38")}:
        assert version(name) == number or version(name).startswith(f"{number}."), f"{name} {number}"


# The WebSocket classes of both


@pytest.mark.parametrize("socket", SOCKETS, ids=["starlette", "lilya"])
@pytest.mark.parametrize(
    ("name", "message", "error"),
    [
        ("receive_bytes", {"type": "websocket.receive", "text": "x"}, KeyError),
        ("receive_text", {"type": "websocket.receive", "bytes": b"x"}, KeyError),
        ("receive_json", text("{"), json.JSONDecodeError),
    ],
)
def test_receiving(socket: Any, name: str, message: Message, error: type[Exception]) -> None:
    async def handler(websocket: Any) -> None:
        await websocket.accept()
        await getattr(websocket, name)()

    assert type(run(bare(socket, handler), message).error) is error


@pytest.mark.parametrize("socket", SOCKETS, ids=["starlette", "lilya"])
def test_the_other_key_may_be_none(socket: Any) -> None:
    async def handler(websocket: Any) -> None:
        await websocket.accept()
        assert await websocket.receive_bytes() is None

    assert run(bare(socket, handler), {"type": "websocket.receive", "text": "x", "bytes": None}).error is None


@pytest.mark.parametrize("socket", SOCKETS, ids=["starlette", "lilya"])
def test_sending_and_closing(socket: Any) -> None:
    async def handler(websocket: Any) -> None:
        with pytest.raises(RuntimeError):
            await websocket.send_text("too early")
        await websocket.accept(subprotocol="not offered")
        await websocket.close(999)
        with pytest.raises(RuntimeError):
            await websocket.send_text("too late")
        with pytest.raises(RuntimeError):
            await websocket.close()
        with pytest.raises(TypeError):
            websocket.iter_json(mode="binary")
        assert not isinstance(websocket.url, str)
        assert socket(websocket.scope, None, None).application_state.name == "CONNECTING"
        assert not hasattr(websocket, "close_code")

    outcome = run(bare(socket, handler))
    assert outcome.error is None
    assert outcome.sent[0]["subprotocol"] == "not offered"
    assert outcome.sent[1]["code"] == 999


# Starlette and FastAPI


async def accepted(websocket: Any) -> None:
    await websocket.accept()
    raise fastapi.HTTPException(401)


async def denied(websocket: Any) -> None:
    raise fastapi.HTTPException(401)


def test_starlettes_http_exception() -> None:
    assert run(starlette_app(denied)).sent[0]["status"] == 401
    assert run(starlette_app(accepted)).kinds[:2] == ["websocket.accept", "websocket.http.response.start"]


def test_no_route_in_starlette() -> None:
    assert run(starlette_app(denied), path="/nowhere").kinds == ["websocket.close"]


def test_fastapis_missing_parameter() -> None:
    app = fastapi.FastAPI()

    @app.websocket("/chat")
    async def chat(websocket: fastapi.WebSocket, limit: int) -> None:
        await websocket.accept()

    assert run(app).kinds == ["websocket.close"]


def test_starlettes_sessions() -> None:
    async def visit(websocket: Any) -> None:
        websocket.session["visits"] = 1
        await websocket.accept()

    sessions = Middleware(SessionMiddleware, secret_key="a secret of 16 bytes or more")
    assert run(starlette_app(visit, middleware=[sessions])).sent[0]["headers"] == []
    assert isinstance(run(starlette_app(visit)).error, AssertionError)


async def count(request: Request) -> PlainTextResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return PlainTextResponse(str(request.session["visits"]))


@pytest.mark.parametrize("order", [(SessionMiddleware, OwnSessions), (OwnSessions, SessionMiddleware)])
def test_a_sessions_cookie_is_the_same(order: Any) -> None:
    cookies: dict[str, str] = {}
    for visits, middleware in enumerate(order, 1):
        app = middleware(Starlette(routes=[Route("/", count)]), secret_key="a secret of 16 bytes or more")
        with TestClient(app, cookies=cookies) as client:
            assert client.get("/").text == str(visits)
            cookies = dict(client.cookies)


class Refusing(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> Any:
        raise AuthenticationError("unknown")


def test_starlettes_authentication() -> None:
    authentication = Middleware(AuthenticationMiddleware, backend=Refusing())
    assert run(starlette_app(denied, middleware=[authentication])).kinds == ["websocket.close"]


def test_starlettes_requires_needs_a_name() -> None:
    async def handler(connection: Any) -> None: ...

    with pytest.raises(Exception, match='No "request" or "websocket" argument'):
        requires("read")(handler)


def test_fastapis_markers_are_mistakes_here() -> None:
    async def handler(websocket: WebSocket, user: Annotated[str, fastapi.Depends(denied)]) -> None: ...

    with pytest.raises(RouteDeclarationError, match="Depends of fastapi"):
        OwnRoute("/", handler)
