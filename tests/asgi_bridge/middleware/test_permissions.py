"""N11: permissions."""

import gc
import weakref
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket as StarletteWebSocket

from tests.asgi_bridge.double import Server, text
from tests.asgi_bridge.middleware.calls import denial_of, http_call, http_scope, response_of, values_of, websocket_call
from wsserve.asgi_bridge.boundary import BOUNDARY, boundary
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import HTTPException, ImproperlyConfigured, PermissionDenied, WebSocketException
from wsserve.asgi_bridge.injection.faults import InvalidRequestError
from wsserve.asgi_bridge.json_messages import decode_json
from wsserve.asgi_bridge.middleware.authentication import SimpleUser, UnauthenticatedUser
from wsserve.asgi_bridge.middleware.options import Permission
from wsserve.asgi_bridge.middleware.permissions import (
    AllowAny,
    BasePermission,
    DenyAll,
    IsAuthenticated,
    with_permissions,
)
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app

pytestmark = pytest.mark.anyio


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})


async def starlette_page(request: StarletteRequest) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def starlette_socket(websocket: StarletteWebSocket) -> None:
    await websocket.accept()


STARLETTE = Starlette(routes=[Route("/chat", starlette_page), WebSocketRoute("/chat", starlette_socket)])
APPS = [pytest.param(hello, id="bare"), pytest.param(STARLETTE, id="starlette")]


class ByHeader(BasePermission):
    def __init__(self, app: ASGIApp, name: str = "x-pass") -> None:
        super().__init__(app)
        self.name = name

    async def has_permission(self, connection: ConnectionData) -> bool:
        return connection.headers.get(self.name) == "yes"


class AsgiStyle:
    """As Lilya's documentation shows permissions."""

    def __init__(self, app: ASGIApp, *args: Any, **options: Any) -> None:
        self.app = app
        self.options = options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if b"x-pass" not in dict(scope["headers"]):
            raise PermissionDenied(self.options.get("detail"), {"x-denied": "1"})
        await self.app(scope, receive, send)


PASS = (b"x-pass", b"yes")
CLOSE = {"type": "websocket.close", "code": 1000, "reason": ""}


async def accepts(app: ASGIApp, **scope: Any) -> bool:
    return [message["type"] for message in await websocket_call(app, **scope)] == ["websocket.accept"]


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("permission", [ByHeader, AsgiStyle, Permission(ByHeader, name="x-pass")])
async def test_n11_a_permission_lets_through_or_denies(app: ASGIApp, permission: Any) -> None:
    permitted = with_permissions(app, [permission])
    assert await accepts(permitted, headers=[PASS])
    assert denial_of(await websocket_call(permitted)) == (403, b"Forbidden\n")
    assert response_of(await http_call(permitted, PASS)) == (200, b"hello")
    assert response_of(await http_call(permitted)) == (403, b"Forbidden\n")


@pytest.mark.parametrize("app", APPS)
async def test_n11_trap_deny_all_denies_with_a_status_not_an_invalid_code(app: ASGIApp) -> None:
    for denied in (DenyAll(app), with_permissions(app, [DenyAll])):
        assert denial_of(await websocket_call(denied)) == (403, b"Forbidden\n")
        assert response_of(await http_call(denied)) == (403, b"Forbidden\n")
        sent = await websocket_call(denied, extensions={})
        assert sent == [CLOSE], "which a server answers with 403"


@pytest.mark.parametrize("app", APPS)
async def test_n11_allow_any_lets_all_through(app: ASGIApp) -> None:
    assert await accepts(with_permissions(app, [AllowAny]))
    assert response_of(await http_call(AllowAny(app))) == (200, b"hello")


@pytest.mark.parametrize("app", APPS)
async def test_n11_is_authenticated_answers_401(app: ASGIApp) -> None:
    permitted = with_permissions(app, [Permission(IsAuthenticated, challenge="Bearer")])
    assert await accepts(permitted, user=SimpleUser("ann"))
    sent = await websocket_call(permitted, user=UnauthenticatedUser())
    assert denial_of(sent) == (401, b"Unauthorized\n")
    assert values_of(sent[0], b"www-authenticate") == [b"Bearer"]
    sent = await http_call(IsAuthenticated(app), user=UnauthenticatedUser())
    assert response_of(sent) == (401, b"Unauthorized\n")
    assert values_of(sent[0], b"www-authenticate") == []
    with pytest.raises(ImproperlyConfigured, match="AuthenticationMiddleware"):
        await websocket_call(permitted)


class _MethodUser:
    def is_authenticated(self) -> bool:
        return False


async def test_n11_a_user_whose_is_authenticated_is_a_method_is_not_let_in() -> None:
    assert denial_of(await websocket_call(IsAuthenticated(hello), user=_MethodUser()))[0] == 401


async def test_n11_the_first_permission_is_the_outermost() -> None:
    asked: list[str] = []

    class First(BasePermission):
        def has_permission(self, connection: ConnectionData) -> bool:
            asked.append(type(self).__name__)
            return True

    class Second(First):
        pass

    class Third(First):
        def has_permission(self, connection: ConnectionData) -> bool:
            super().has_permission(connection)
            return False

        def denial(self, connection: ConnectionData) -> HTTPException:
            return HTTPException(451, f"not from {connection.headers['host']}")

    sent = await websocket_call(with_permissions(hello, [First, Second, Third, DenyAll]))
    assert denial_of(sent) == (451, b"not from example.com\n")
    assert asked == ["First", "Second", "Third"]


# Below a router's boundary


@pytest.mark.parametrize("permission", [ByHeader, AsgiStyle])
async def test_n11_below_a_boundary_the_error_is_raised_for_exception_handlers(permission: Any) -> None:
    permitted = with_permissions(hello, [permission])
    server = Server(**{BOUNDARY: None})
    with pytest.raises(PermissionDenied):
        await permitted(server.scope, server.receive, server.send)
    assert server.sent == []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with boundary(scope, receive, send) as inner:
            await permitted(scope, receive, inner)

    assert denial_of(await websocket_call(app)) == (403, b"Forbidden\n")
    assert response_of(await http_call(app)) == (403, b"Forbidden\n")


# Elsewhere


async def test_n11_a_detail_and_headers_go_out() -> None:
    permitted = with_permissions(hello, [Permission(AsgiStyle, detail="not you")])
    sent = await websocket_call(permitted)
    assert denial_of(sent) == (403, b"not you\n")
    assert values_of(sent[0], b"x-denied") == [b"1"]
    assert values_of((await http_call(permitted))[0], b"x-denied") == [b"1"]


class Raising:
    """Raises what it is given."""

    def __init__(self, app: ASGIApp, error: Exception) -> None:
        self.error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise self.error


async def test_n11_an_error_has_its_own_body_and_type() -> None:
    permitted = with_permissions(hello, [Permission(Raising, error=InvalidRequestError([]))])
    for sent, read in ((await http_call(permitted), response_of), (await websocket_call(permitted), denial_of)):
        status, body = read(sent)
        assert (status, decode_json(body)["status"]) == (422, 422)
        assert values_of(sent[0], b"content-type") == [b"application/problem+json"]


async def test_n11_not_modified_has_no_body() -> None:
    permitted = with_permissions(hello, [Permission(Raising, error=HTTPException(304))])
    assert response_of(await http_call(permitted)) == (304, b"")
    assert denial_of(await websocket_call(permitted)) == (304, b"")


async def test_n11_a_denial_that_is_for_websockets_only_goes_up_from_a_request() -> None:
    class Own(DenyAll):
        def denial(self, connection: ConnectionData) -> Any:
            return WebSocketException(4003, "not you")

    with pytest.raises(WebSocketException):
        await http_call(Own(hello))
    assert [message["type"] for message in await websocket_call(Own(hello))] == ["websocket.close"]


class ByFirstMessage:
    """Accepts in order to look at a message."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        if await websocket.receive_text() != "password":
            raise PermissionDenied("wrong password")
        raise AssertionError("unreachable")


class RawByFirstMessage(ByFirstMessage):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__({**scope, "headers": []}, receive, send)


@pytest.mark.parametrize("permission", [ByFirstMessage, RawByFirstMessage])
async def test_n11_trap_after_accept_it_is_1008(permission: Any) -> None:
    sent = await websocket_call(with_permissions(hello, [permission]), text("guess"))
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert (sent[1]["code"], sent[1]["reason"]) == (1008, "wrong password")


async def test_n11_trap_a_permission_behind_an_accept_closes_with_1008() -> None:
    @websocket_app
    async def app(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await DenyAll(hello)(websocket.scope, websocket.receive, websocket._send)

    sent = await websocket_call(app)
    assert sent[2:] == [{"type": "websocket.close", "code": 1008, "reason": "Forbidden"}]


async def test_n11_a_client_that_left_is_no_error() -> None:
    server = Server()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        server.error = OSError("gone")
        raise PermissionDenied

    await with_permissions(app, [AllowAny])(server.scope, server.receive, server.send)
    assert [message["type"] for message in server.sent] == ["websocket.accept"]


async def test_n11_what_has_been_answered_is_not_answered_again() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send(CLOSE)
        else:
            await hello(scope, receive, send)
        raise PermissionDenied

    permitted = with_permissions(app, [AllowAny])
    assert await websocket_call(permitted) == [CLOSE]
    with pytest.raises(PermissionDenied):
        await http_call(permitted)


async def test_n11_errors_that_are_none_of_permission_go_up() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await websocket_call(with_permissions(app, [AllowAny]))


@pytest.mark.parametrize("permission", [DenyAll, AsgiStyle])
async def test_n11_the_lifespan_passes(permission: Any) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        pass

    lifespan: Scope = {"type": "lifespan"}
    await with_permissions(app, [permission])(lifespan, receive, send)
    await DenyAll(app)(lifespan, receive, send)
    assert seen == [(lifespan, receive, send)] * 2


async def test_n11_nothing_is_wrapped_below_a_boundary_and_receive_never() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((receive, send))

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        pass

    permitted = with_permissions(app, [AllowAny])
    await permitted(http_scope(**{BOUNDARY: None}), receive, send)
    await permitted(http_scope(), receive, send)
    assert seen[0] == (receive, send)
    assert seen[1][0] is receive


def test_a_permission_that_makes_no_application_is_refused() -> None:
    permission: Any = lambda _connection: True  # noqa: E731  # its name is in the message
    with pytest.raises(TypeError, match=r"the permission <.*lambda.*> makes True of an application: write a BaseP"):
        with_permissions(hello, [permission])


def test_n11_declarations_are_checked_at_once() -> None:
    with pytest.raises(TypeError, match=r"a permission is a class or a Permission\(\.\.\.\), not 'admin'"):
        with_permissions(hello, ["admin"])  # type: ignore[list-item]  # on purpose
    with pytest.raises(TypeError, match="has_permission"):
        with_permissions(hello, [BasePermission])


async def test_n11_permissions_within_starlette_as_its_middleware() -> None:
    app = Starlette(
        routes=[Route("/chat", starlette_page), WebSocketRoute("/chat", starlette_socket)],
        middleware=[Middleware(ByHeader, name="x-pass")],
    )
    assert await accepts(app, headers=[PASS])
    assert denial_of(await websocket_call(app))[0] == 403
    assert response_of(await http_call(app))[0] == 403


async def test_n11_only_true_lets_a_connection_through() -> None:
    class Careless(BasePermission):
        def has_permission(self, connection: ConnectionData) -> Any:
            return connection.scope.get

    with pytest.raises(TypeError, match=r"Careless\.has_permission\(\) returned <built-in .*>: it is to return"):
        await websocket_call(Careless(hello))


async def test_a_refused_connection_is_freed_without_the_garbage_collector() -> None:
    class Receiving:
        async def __call__(self) -> Message:
            return {"type": "websocket.connect"}

    receive = Receiving()
    held = weakref.ref(receive)
    gc.disable()
    try:
        server = Server()
        async with boundary(server.scope, receive, server.send) as send:
            await DenyAll(hello)(server.scope, receive, send)
        del receive, server, send
        assert held() is None
    finally:
        gc.enable()
