"""N15, L11: authentication of requests and handshakes."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials as StarletteCredentials
from starlette.authentication import SimpleUser as StarletteUser
from starlette.authentication import requires as starlette_requires
from starlette.middleware import Middleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket as StarletteWebSocket

from tests.asgi_bridge.double import Server
from tests.asgi_bridge.middleware.calls import denial_of, http_call, http_scope, response_of, values_of, websocket_call
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import HTTPException
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.middleware.authentication import (
    AuthCredentials,
    AuthenticationError,
    AuthenticationMiddleware,
    AuthResult,
    SimpleUser,
    UnauthenticatedUser,
    User,
)
from wsserve.asgi_bridge.types import Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app

pytestmark = pytest.mark.anyio

NO_EXTENSION: dict[str, Any] = {"extensions": {}}


class TokenBackend:
    async def authenticate(self, connection: ConnectionData, /) -> AuthResult:
        token = connection.query_params.get("token")
        if token is None:
            return None
        if token != "good":
            raise AuthenticationError(f"token {token!r} is not known", headers={"WWW-Authenticate": "Bearer"})
        return AuthCredentials(["chat"]), SimpleUser("ann")


async def cookie_backend(connection: ConnectionData) -> AuthResult:
    name = connection.cookies.get("user")
    return None if name is None else (AuthCredentials("cookie"), SimpleUser(name))


async def seen_by(backend: Any, **scope: Any) -> Any:
    """Return auth and user that an application gets."""
    seen: list[Any] = []

    @websocket_app
    async def app(ws: WebSocket) -> None:
        seen.append((ws.auth, ws.user))
        await ws.accept()

    sent = await websocket_call(AuthenticationMiddleware(app, backend), **scope)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    return seen[0]


async def untouched(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("the application was called")


async def test_n15_l11_a_backend_sets_auth_and_user() -> None:
    auth, user = await seen_by(TokenBackend(), query_string=b"token=good")
    assert auth.scopes == ["chat"]
    assert (user.is_authenticated, user.display_name, user.identity) == (True, "ann", "ann")
    assert user == SimpleUser("ann")


async def test_n15_whom_no_backend_knows_is_unauthenticated() -> None:
    auth, user = await seen_by([TokenBackend(), cookie_backend])
    assert auth.scopes == []
    assert (user.is_authenticated, user.display_name, user.identity) == (False, "", "")
    assert user == UnauthenticatedUser()


async def test_n15_backends_are_asked_in_turn() -> None:
    headers = [(b"cookie", b"user=bob")]
    assert (await seen_by([TokenBackend(), cookie_backend], headers=headers))[1] == SimpleUser("bob")
    both = {"headers": headers, "query_string": b"token=good"}
    assert (await seen_by([TokenBackend(), cookie_backend], **both))[1] == SimpleUser("ann")
    assert (await seen_by((cookie_backend, TokenBackend()), **both))[1] == SimpleUser("bob")


async def test_n15_a_backend_may_be_a_plain_function() -> None:
    auth, user = await seen_by(lambda connection: (StarletteCredentials(["a"]), StarletteUser(connection["path"])))
    assert (auth.scopes, user.display_name) == (["a"], "/chat")


async def test_n15_a_backend_cannot_take_the_applications_messages() -> None:
    seen: list[Any] = []

    async def backend(connection: ConnectionData) -> AuthResult:
        seen.append(connection)
        return None

    await seen_by(backend)
    assert type(seen[0]) is ConnectionData
    assert not hasattr(seen[0], "receive")


async def test_n15_trap_an_authentication_error_is_a_denial_with_401() -> None:
    sent = await websocket_call(AuthenticationMiddleware(untouched, TokenBackend()), query_string=b"token=bad")
    assert denial_of(sent) == (401, b"token 'bad' is not known\n")
    assert values_of(sent[0], b"www-authenticate") == [b"Bearer"]


async def test_n15_trap_without_the_extension_it_is_a_close_before_accept() -> None:
    middleware = AuthenticationMiddleware(untouched, TokenBackend())
    sent = await websocket_call(middleware, query_string=b"token=bad", **NO_EXTENSION)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_n15_an_authentication_error_is_a_response_with_401() -> None:
    sent = await http_call(AuthenticationMiddleware(untouched, TokenBackend()), query_string=b"token=bad")
    assert response_of(sent) == (401, b"token 'bad' is not known\n")
    assert values_of(sent[0], b"www-authenticate") == [b"Bearer"]


async def test_n15_a_backend_chooses_the_status() -> None:
    async def backend(connection: ConnectionData) -> AuthResult:
        raise AuthenticationError("not at night", 403)

    middleware = AuthenticationMiddleware(untouched, [cookie_backend, backend])
    assert denial_of(await websocket_call(middleware)) == (403, b"not at night\n")
    error = AuthenticationError()
    assert (error.status_code, error.detail, str(error)) == (401, "Unauthorized", "401 Unauthorized")


async def test_n15_a_client_that_left_is_no_error() -> None:
    server = Server(query_string=b"token=bad")
    server.error = OSError("gone")
    await AuthenticationMiddleware(untouched, TokenBackend())(server.scope, server.receive, server.send)
    assert server.sent == []


@pytest.mark.parametrize("error", [LookupError("database"), HTTPException(503), PermissionError()])
async def test_n15_other_errors_of_a_backend_go_up(error: Exception) -> None:
    async def backend(connection: ConnectionData) -> AuthResult:
        raise error

    server = Server()
    with pytest.raises(type(error)):
        await AuthenticationMiddleware(untouched, backend)(server.scope, server.receive, server.send)
    assert server.sent == []


@pytest.mark.parametrize("result", [True, False, (), (1, 2, 3), [AuthCredentials(), SimpleUser("a")], SimpleUser("a")])
async def test_n15_a_result_that_is_none_of_a_backend_lets_nobody_in(result: Any) -> None:
    async def my_backend(connection: ConnectionData) -> Any:
        return result

    with pytest.raises(TypeError, match=r"my_backend\(\) returned .*: it is to return \(AuthCredentials, user\)"):
        await websocket_call(AuthenticationMiddleware(untouched, my_backend))


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"backend": []}, ValueError, "empty list"),
        ({"backend": TokenBackend}, TypeError, r"write TokenBackend\(\)"),
        ({"backend": None}, TypeError, "None has none"),
        ({"backend": [TokenBackend(), "token"]}, TypeError, "'token' has none"),
        ({"backend": cookie_backend, "on_error": 403}, TypeError, "on_error"),
    ],
)
def test_n15_options_are_checked_at_once(options: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        AuthenticationMiddleware(untouched, **options)


async def test_n15_other_scopes_pass_and_nothing_is_wrapped() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        pass

    middleware = AuthenticationMiddleware(app, cookie_backend)
    lifespan: Scope = {"type": "lifespan"}
    page = http_scope()
    await middleware(lifespan, receive, send)
    await middleware(page, receive, send)
    assert seen[0] == ({"type": "lifespan"}, receive, send)
    assert seen[1][1:] == (receive, send)
    assert "user" not in page, "the scope of whoever called is left as it was"


# on_error


def ours(connection: ConnectionData, error: AuthenticationError) -> Response:
    return Response(f"{connection.url.path}: {error.detail}", 402, {"x-error": "1"})


async def starlettes(connection: ConnectionData, error: AuthenticationError) -> JSONResponse:
    return JSONResponse(error.detail, 402, {"x-error": "1"})


@pytest.mark.parametrize(
    ("on_error", "body"), [(ours, b"/chat: token 'bad' is not known"), (starlettes, b"\"token 'bad' is not known\"")]
)
async def test_n15_on_error_gives_the_response(on_error: Any, body: bytes) -> None:
    middleware = AuthenticationMiddleware(untouched, TokenBackend(), on_error)
    sent = await websocket_call(middleware, query_string=b"token=bad")
    assert denial_of(sent) == (402, body)
    assert values_of(sent[0], b"x-error") == [b"1"]
    assert response_of(await http_call(middleware, query_string=b"token=bad")) == (402, body)
    sent = await websocket_call(middleware, query_string=b"token=bad", **NO_EXTENSION)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_n15_on_error_without_a_response_lets_nobody_in() -> None:
    middleware: Any = AuthenticationMiddleware(untouched, TokenBackend(), lambda connection, error: None)  # type: ignore[arg-type,return-value]  # on purpose
    with pytest.raises(TypeError, match=r"on_error\(\) returned None"):
        await websocket_call(middleware, query_string=b"token=bad")


# Users and Starlette


def test_n15_credentials_of_one_scope_are_not_its_letters() -> None:
    assert AuthCredentials("admin").scopes == ["admin"]
    assert AuthCredentials(iter(["a", "b"])).scopes == ["a", "b"]
    assert repr(AuthCredentials()) == "AuthCredentials([])"


def test_n15_users_are_what_frameworks_expect() -> None:
    users: list[User] = [SimpleUser("ann"), UnauthenticatedUser(), StarletteUser("bob")]
    assert [user.display_name for user in users] == ["ann", "", "bob"]


@starlette_requires("chat")
async def starlette_page(request: StarletteRequest) -> PlainTextResponse:
    return PlainTextResponse(request.user.display_name)


@starlette_requires("chat")
async def starlette_socket(websocket: StarletteWebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(websocket.user.display_name)


ROUTES = [Route("/chat", starlette_page), WebSocketRoute("/chat", starlette_socket)]


@pytest.mark.parametrize(
    "app",
    [
        AuthenticationMiddleware(Starlette(routes=ROUTES), TokenBackend()),
        Starlette(routes=ROUTES, middleware=[Middleware(AuthenticationMiddleware, backend=TokenBackend())]),
    ],
)
async def test_n15_in_front_of_starlette_and_within(app: Any) -> None:
    assert response_of(await http_call(app, query_string=b"token=good")) == (200, b"ann")
    assert response_of(await http_call(app))[0] == 403
    assert response_of(await http_call(app, query_string=b"token=bad"))[0] == 401
    sent = await websocket_call(app, query_string=b"token=good")
    assert [message.get("text") for message in sent] == [None, "ann"]
    assert [message["type"] for message in await websocket_call(app)] == ["websocket.close"]
    assert denial_of(await websocket_call(app, query_string=b"token=bad"))[0] == 401
