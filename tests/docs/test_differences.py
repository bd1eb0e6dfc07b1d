"""What the pages say that Starlette, FastAPI, Lilya and lihil do otherwise is so, in the versions that they name."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple

import anyio
import fastapi
import lihil
import lihil.errors
import lilya.exceptions
import lilya.websockets
import pytest
import starlette.websockets
from lilya.apps import Lilya
from lilya.authentication import requires as lilya_requires
from lilya.dependencies import Provide, Provides
from lilya.middleware import DefineMiddleware
from lilya.middleware.sessions import SessionMiddleware as LilyaSessions
from lilya.permissions import DefinePermission
from lilya.routing import WebSocketPath
from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import WebSocketRoute

from tests.asgi_bridge.double import Server, text
from tests.docs.pages import PAGES
from wsserve.asgi_bridge.types import ASGIApp, Message

Handler = Callable[[Any], Awaitable[None]]
NAMED = re.compile(r"\b(Starlette|FastAPI|Lilya|lihil|uvicorn) (\d+\.\d+(?:\.\d+)?)")
PROVIDES = Provides()
SOCKETS = [starlette.websockets.WebSocket, lilya.websockets.WebSocket]


class Outcome(NamedTuple):
    """What an application did with one connection."""

    sent: list[Message]
    error: Exception | None

    @property
    def kinds(self) -> list[str]:
        return [str(message["type"]) for message in self.sent]


def run(app: ASGIApp, *messages: Message, **scope: Any) -> Outcome:
    """Let the application serve one connection on a scripted server."""
    server = Server(*messages, **scope)

    async def call() -> Exception | None:
        try:
            with anyio.move_on_after(5):
                await app(server.scope, server.receive, server.send)
        except Exception as error:
            return error
        return None

    return Outcome(server.sent, anyio.run(call))


def bare(socket: Any, handler: Handler) -> ASGIApp:
    """Return an application that gives a framework's WebSocket to the handler."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await handler(socket(scope, receive, send))

    return app


def starlette_app(handler: Any, **options: Any) -> ASGIApp:
    return Starlette(routes=[WebSocketRoute("/chat", handler)], **options)


def lilya_app(handler: Any, *, route: dict[str, Any] | None = None, **options: Any) -> ASGIApp:
    app: ASGIApp = Lilya(routes=[WebSocketPath("/chat", handler, **(route or {}))], **options)
    return app


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


# The WebSocket class


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


def test_cleanups() -> None:
    assert not hasattr(starlette.websockets.WebSocket, "add_cleanup")
    ran = []

    async def handler(websocket: Any) -> None:
        await websocket.accept()
        websocket.add_cleanup(lambda: ran.append("cleanup"))
        with pytest.raises(lilya.websockets.WebSocketDisconnect):
            await websocket.receive_text()

    run(bare(lilya.websockets.WebSocket, handler), {"type": "websocket.disconnect", "code": 1001})
    assert ran == []


def test_a_scope_of_another_type() -> None:
    with pytest.raises(AssertionError):
        lilya.websockets.WebSocket({"type": "http"}, None, None)  # type: ignore[arg-type]  # nothing is called


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


def test_starlettes_requires_needs_a_name() -> None:
    async def handler(connection: Any) -> None: ...

    with pytest.raises(Exception, match='No "request" or "websocket" argument'):
        requires("read")(handler)


# Lilya


def test_lilyas_errors() -> None:
    async def fails(websocket: Any) -> None:
        await websocket.accept()
        raise ValueError("secret")

    close = run(lilya_app(fails)).sent[1]
    assert (close["type"], close["code"]) == ("websocket.close", 500)
    assert "secret" in close["reason"]


@pytest.mark.parametrize(
    "error", [lilya.exceptions.HTTPException(status_code=401), lilya.exceptions.PermissionDenied()]
)
def test_lilya_sends_nothing_for_an_http_exception(error: Exception) -> None:
    async def handler(websocket: Any) -> None:
        raise error

    assert run(lilya_app(handler)).sent == []


def test_lilya_sends_nothing_where_there_is_no_route() -> None:
    assert run(lilya_app(denied), path="/nowhere").sent == []


def test_lilya_leaves_the_connection_to_a_handler_that_returns() -> None:
    async def handler(websocket: Any) -> None:
        await websocket.accept()

    assert run(lilya_app(handler)).kinds == ["websocket.accept"]


def test_lilyas_properties_without_middleware() -> None:
    async def handler(websocket: Any) -> None:
        for name in ("session", "user", "auth"):
            with pytest.raises(lilya.exceptions.ImproperlyConfigured) as missing:
                getattr(websocket, name)
            assert isinstance(missing.value, ValueError)

    assert run(bare(lilya.websockets.WebSocket, handler)).error is None


def test_a_dependency_that_lilya_does_not_know() -> None:
    async def handler(websocket: Any, clock: Any = PROVIDES) -> None: ...

    close = run(lilya_app(handler)).sent[-1]
    assert close["code"] == 1011
    assert "clock" in close["reason"]


def test_lilyas_dependencies() -> None:
    log: list[str] = []
    values: list[int] = []

    def counted() -> int:
        values.append(len(values))
        return len(values)

    def resource() -> Iterator[str]:
        yield "resource"
        log.append("cleaned up")

    async def handler(websocket: Any, count: Any, value: Any) -> None:
        await websocket.accept()
        await websocket.send_json(count)
        await websocket.close()

    app = lilya_app(handler, dependencies={"count": Provide(counted, use_cache=True), "value": Provide(resource)})
    assert [run(app).sent[1]["text"] for _ in range(2)] == ["1", "1"]
    assert log == []


def test_lilyas_sessions() -> None:
    async def visit(websocket: Any) -> None:
        websocket.session["visits"] = 1
        await websocket.accept()

    sessions = DefineMiddleware(LilyaSessions, secret_key="a secret of 16 bytes or more")
    assert list(run(lilya_app(visit, middleware=[sessions])).sent[0]["headers"]) == []


class Nobody:
    """A permission that lets nobody in."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise lilya.exceptions.PermissionDenied()


def test_lilyas_permissions() -> None:
    closing = run(lilya_app(denied, route={"permissions": [DefinePermission(Nobody)]})).sent
    assert [(message["type"], message["code"]) for message in closing] == [("websocket.close", 403)]


def test_lilyas_requires_is_skipped_for_a_handler_of_a_route() -> None:
    class Anonymous:
        scopes: tuple[str, ...] = ()

    @lilya_requires("admin")
    async def handler(websocket: Any) -> None:
        await websocket.accept()

    assert run(lilya_app(handler), auth=Anonymous()).kinds == ["websocket.accept"]


# lihil


def lihil_app(route: Any) -> ASGIApp:
    """Return an application that has had its startup, which lihil needs."""
    app = lihil.Lihil(route)

    async def start() -> None:
        events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Message:
            return next(events)

        async def send(message: Message) -> None:
            assert message["type"].endswith(".complete")

        await app({"type": "lifespan", "state": {}}, receive, send)

    anyio.run(start)
    called: ASGIApp = app
    return called


def lihil_route(handler: Any, path: str = "chat") -> Any:
    route = lihil.WebSocketRoute(path)
    route.endpoint(handler)
    return route


def test_lihils_missing_parameters() -> None:
    async def query(ws: lihil.WebSocket, limit: int) -> None: ...

    async def cookie(ws: lihil.WebSocket, theme: Annotated[str, lihil.Param("cookie", alias="theme")]) -> None: ...

    for handler in (query, cookie):
        outcome = run(lihil_app(lihil_route(handler)))
        assert outcome.sent[0]["status"] == 500
        assert outcome.error is not None


def test_a_path_parameter_with_a_type_in_lihil() -> None:
    async def handler(ws: lihil.WebSocket, number: int) -> None: ...

    assert run(lihil_app(lihil_route(handler, "chat/{number:int}")), path="/chat/5").error is not None


def test_lihils_declarations() -> None:
    with pytest.raises(ValueError, match="Trailing slash"):
        lihil.WebSocketRoute("chat/")

    def plain(ws: lihil.WebSocket) -> None: ...

    with pytest.raises(lihil.errors.NotSupportedError):
        lihil_route(plain)

    async def body(ws: lihil.WebSocket, data: dict[str, int]) -> None: ...

    with pytest.raises(Exception, match=r"lifespan\.startup\.failed"):
        lihil_app(lihil_route(body))


def test_lihil_shares_what_is_reused() -> None:
    made: list[object] = []

    class Pool: ...

    def connect() -> Pool:
        made.append(1)
        return Pool()

    async def handler(ws: lihil.WebSocket, pool: Annotated[Pool, lihil.use(connect, reuse=True)]) -> None:
        await ws.accept()

    app = lihil_app(lihil_route(handler))
    run(app)
    run(app)
    assert len(made) == 1


def test_lihil_needs_its_lifespan() -> None:
    async def handler(ws: lihil.WebSocket) -> None: ...

    assert isinstance(run(lihil.Lihil(lihil_route(handler))).error, AttributeError)


def test_lihils_error_after_accept() -> None:
    async def handler(ws: lihil.WebSocket) -> None:
        await ws.accept()
        raise ValueError("a mistake")

    assert "websocket.http.response.start" in run(lihil_app(lihil_route(handler))).kinds[1:]
