"""N16: what `requires` makes a client get, here and below other frameworks."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi import WebSocket as FastAPIWebSocket
from lilya.apps import Lilya
from lilya.routing import WebSocketPath
from lilya.websockets import WebSocket as LilyaWebSocket
from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.exceptions import WebSocketException as StarletteWebSocketException
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route, Router, WebSocketRoute
from starlette.websockets import WebSocket as StarletteWebSocket

from tests.asgi_bridge.double import Server
from tests.asgi_bridge.middleware.calls import denial_of, http_call, response_of, websocket_call
from wsserve.asgi_bridge.boundary import BOUNDARY, boundary
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import HTTPException
from wsserve.asgi_bridge.middleware.authentication import (
    AuthCredentials,
    AuthenticationMiddleware,
    AuthResult,
    SimpleUser,
)
from wsserve.asgi_bridge.middleware.requires import requires
from wsserve.asgi_bridge.request import Request
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app

pytestmark = pytest.mark.anyio

USERS: dict[str, AuthResult] = {
    "ann": (AuthCredentials(["read"]), SimpleUser("ann")),
    "root": (AuthCredentials(["read", "write"]), SimpleUser("root")),
}

ran: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


async def header_backend(connection: ConnectionData) -> AuthResult:
    return USERS.get(connection.headers.get("x-user", ""))


def named(name: str) -> tuple[bytes, bytes]:
    return b"x-user", name.encode()


# Here


async def chat(ws: WebSocket) -> None:
    await ws.accept()
    await guarded_part(ws)


@requires("write")
async def guarded_part(ws: WebSocket) -> None:
    await ws.send_text("secret")


@requires("write")
async def guarded_chat(ws: WebSocket) -> None:
    await chat(ws)


def bare(handler: Callable[[WebSocket], Any]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(HTTPException):
            await handler(WebSocket(scope, receive, send))

    return app


def bounded(handler: Callable[[WebSocket], Any]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with boundary(scope, receive, send) as inner:
            await handler(WebSocket(scope, receive, inner))

    return app


def mounted(handler: Callable[[WebSocket], Any]) -> ASGIApp:
    return Starlette(routes=[Mount("/", app=websocket_app(handler))])


@pytest.mark.parametrize("host", [websocket_app, bare, bounded, mounted])
@pytest.mark.parametrize(("name", "status", "phrase"), [("", 401, "Unauthorized"), ("ann", 403, "Forbidden")])
async def test_n16_trap_before_accept_a_denial_after_it_1008(
    host: Callable[..., ASGIApp], name: str, status: int, phrase: str
) -> None:
    headers = [named(name)]
    app = AuthenticationMiddleware(host(guarded_chat), header_backend)
    assert denial_of(await websocket_call(app, headers=headers)) == (status, f"{phrase}\n".encode())
    sent = await websocket_call(app, headers=headers, extensions={})
    assert [message["type"] for message in sent] == ["websocket.close"]
    app = AuthenticationMiddleware(host(chat), header_backend)
    sent = await websocket_call(app, headers=headers)
    assert sent[1:] == [{"type": "websocket.close", "code": 1008, "reason": phrase}]


@pytest.mark.parametrize("host", [websocket_app, bounded, mounted])
async def test_n16_who_may_is_let_in(host: Callable[..., ASGIApp]) -> None:
    app = AuthenticationMiddleware(host(guarded_chat), header_backend)
    sent = await websocket_call(app, headers=[named("root")])
    assert [message.get("text") for message in sent] == [None, "secret", None]


async def test_n16_below_a_boundary_the_error_is_left_to_exception_handlers() -> None:
    server = Server(auth=AuthCredentials(), user=SimpleUser("ann"), **{BOUNDARY: None})
    with pytest.raises(HTTPException):
        await guarded_chat(server.websocket())
    assert server.sent == []


async def test_n16_a_boundary_answers_requests() -> None:
    @requires("write")
    async def page(request: Request) -> None: ...

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with boundary(scope, receive, send):
            await page(Request(scope, receive))

    guarded = AuthenticationMiddleware(app, header_backend)
    assert response_of(await http_call(guarded, named("ann"))) == (403, b"Forbidden\n")
    assert response_of(await http_call(guarded)) == (401, b"Unauthorized\n")


# Below frameworks


@requires("write")
async def starlette_socket(websocket: StarletteWebSocket) -> None:
    ran.append(websocket)
    await websocket.accept()


async def starlette_late(websocket: StarletteWebSocket) -> None:
    await websocket.accept()
    await starlette_socket(websocket)


@requires("write")
async def starlette_page(request: StarletteRequest) -> PlainTextResponse:
    ran.append(request)
    return PlainTextResponse("page")


@requires("write")
def starlette_plain_page(request: StarletteRequest) -> PlainTextResponse:
    ran.append(request)
    return PlainTextResponse("page")


class Endpoint(WebSocketEndpoint):
    @requires("write")
    async def on_connect(self, websocket: StarletteWebSocket) -> None:
        ran.append(websocket)
        await websocket.accept()


ROUTES = [
    WebSocketRoute("/chat", starlette_socket),
    WebSocketRoute("/late", starlette_late),
    WebSocketRoute("/endpoint", Endpoint),
    Route("/chat", starlette_page),
    Route("/plain", starlette_plain_page),
]


def starlette(**options: Any) -> ASGIApp:
    return AuthenticationMiddleware(Starlette(routes=ROUTES, **options), header_backend)


@pytest.mark.parametrize(("name", "status", "phrase"), [("", 401, "Unauthorized"), ("ann", 403, "Forbidden")])
async def test_n16_trap_below_starlette_nobody_gets_in(name: str, status: int, phrase: str) -> None:
    app, headers = starlette(), [named(name)]
    for path in ("/chat", "/endpoint"):
        assert denial_of(await websocket_call(app, headers=headers, path=path)) == (status, phrase.encode())
        sent = await websocket_call(app, headers=headers, path=path, extensions={})
        assert [message["type"] for message in sent] == ["websocket.close"]
    sent = await websocket_call(app, headers=headers, path="/late")
    assert sent[1:] == [{"type": "websocket.close", "code": 1008, "reason": phrase}]
    for path in ("/chat", "/plain"):
        assert response_of(await http_call(app, named(name), path=path)) == (status, phrase.encode())
    assert ran == []


async def test_n16_below_starlette_who_may_is_let_in() -> None:
    sent = await websocket_call(starlette(), headers=[named("root")])
    assert [message["type"] for message in sent] == ["websocket.accept"]
    for path in ("/chat", "/plain"):
        assert response_of(await http_call(starlette(), named("root"), path=path)) == (200, b"page")


async def test_n16_starlettes_exception_handlers_get_the_error() -> None:
    def handler(connection: Any, error: Exception) -> JSONResponse:
        return JSONResponse({"login": "/"}, 401)

    app = starlette(exception_handlers={StarletteHTTPException: handler})
    assert denial_of(await websocket_call(app)) == (401, b'{"login":"/"}')
    assert response_of(await http_call(app)) == (401, b'{"login":"/"}')


async def test_n16_starlettes_router_alone_makes_no_answer_so_we_do() -> None:
    app = AuthenticationMiddleware(Router(ROUTES), header_backend)
    for path, expected in (("/chat", ["http.response.start", "http.response.body"]), ("/late", ["accept", "close"])):
        server = Server(path=path)
        with pytest.raises(StarletteWebSocketException) as caught:
            await app(server.scope, server.receive, server.send)
        assert (caught.value.code, caught.value.reason) == (1008, "Unauthorized")
        assert server.sent_types == expected
    assert server.sent[1]["code"] == 1008
    with pytest.raises(StarletteHTTPException):
        await http_call(app)
    assert ran == []


@requires("write")
async def dependency(websocket: FastAPIWebSocket) -> str:
    return "may write"


async def test_n16_trap_a_dependency_of_fastapi_is_not_bypassed_either() -> None:
    api = FastAPI()

    @api.websocket("/chat")
    async def endpoint(websocket: FastAPIWebSocket, may: Annotated[str, Depends(dependency)]) -> None:
        ran.append(may)
        await websocket.accept()

    app = AuthenticationMiddleware(api, header_backend)
    assert denial_of(await websocket_call(app))[0] == 401
    assert ran == []
    sent = await websocket_call(app, headers=[named("root")])
    assert [message["type"] for message in sent] == ["websocket.accept"]
    assert ran == ["may write"]


async def test_n16_trap_below_lilya_nobody_gets_in() -> None:
    @requires("write")
    async def socket(websocket: LilyaWebSocket) -> None:
        ran.append(websocket)
        await websocket.accept()

    app = AuthenticationMiddleware(Lilya(routes=[WebSocketPath("/chat", socket)]), header_backend)
    sent = await websocket_call(app)
    assert [message["type"] for message in sent] == ["websocket.close"], "which is 403: Lilya sends no denial responses"
    assert ran == []
    sent = await websocket_call(app, headers=[named("root")])
    assert sent[0]["type"] == "websocket.accept"


class UnknownConnection(dict[str, Any]):
    """A connection of a framework that nothing is known of."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.scope)
        self.scope = server.scope
        self.receive = server.receive
        self.send = server.send


async def test_n16_a_connection_of_an_unknown_framework_is_denied_too() -> None:
    @requires("write")
    async def handler(connection: UnknownConnection) -> None:
        ran.append(connection)

    server = Server(auth=AuthCredentials(["read"]), user=SimpleUser("ann"))
    with pytest.raises(HTTPException):
        await handler(UnknownConnection(server))
    assert denial_of(server.sent) == (403, b"Forbidden\n")
    assert ran == []
