"""What an error that nobody handled becomes, at the outermost router."""

import inspect
from contextlib import nullcontext
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.routing import Router as StarletteRouter
from starlette.routing import WebSocketRoute as StarletteWebSocketRoute
from starlette.websockets import WebSocket as StarletteWebSocket
from starlette.websockets import WebSocketDisconnect as StarletteWebSocketDisconnect

from tests.asgi_bridge.double import Server, websocket_scope
from wsserve import DenyAll, Host, Include, Response, Route, Router, TestClient, WebSocketRoute
from wsserve.asgi_bridge.boundary import BOUNDARY, boundary
from wsserve.asgi_bridge.exceptions import HTTPException, WebSocketDisconnect, WebSocketException
from wsserve.asgi_bridge.middleware.permissions import with_permissions
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio


async def run_http(app: ASGIApp) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    scope = websocket_scope(type="http", method="GET")
    async with boundary(scope, receive, send) as guarded:
        assert BOUNDARY in scope
        await app(scope, receive, guarded)
    return sent


def failing(error: Exception, *messages: Message) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        raise error

    return app


START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}


async def test_n9_an_http_exception_is_a_response() -> None:
    start, body = await run_http(failing(HTTPException(404, "no such page", {"x-a": "b"})))
    assert (start["status"], body["body"]) == (404, b"no such page\n")
    assert (b"x-a", b"b") in start["headers"]


@pytest.mark.parametrize(
    ("error", "messages"),
    [(HTTPException(404), [START]), (ZeroDivisionError(), []), (WebSocketException(), []), (WebSocketDisconnect(), [])],
    ids=["begun", "crash", "for-websockets", "disconnect"],
)
async def test_n9_other_errors_go_on_to_the_server(error: Exception, messages: list[Message]) -> None:
    with pytest.raises(type(error)):
        await run_http(failing(error, *messages))


async def test_an_orderly_response_passes() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)

    assert await run_http(app) == [START]


async def test_g8_a_websocket_ends_as_its_handler_did() -> None:
    server = Server()
    async with boundary(server.scope, server.receive, server.send) as send:
        await WebSocket(server.scope, server.receive, send).accept()
        raise WebSocketException(4001, "enough")
    closing = server.sent[1]
    assert (closing["code"], closing["reason"]) == (4001, "enough")


def test_a_framework_between_has_its_own_boundary_within() -> None:
    """An error must not reach a framework that takes it for its own."""

    async def refusing() -> str:
        raise HTTPException(418)

    inner = Router([Route("/refuse", refusing)])
    denied = with_permissions(PlainTextResponse("never"), [DenyAll])
    starlette = Starlette(routes=[Mount("/denied", app=denied), Mount("/inner", app=inner)])
    with TestClient(Router([Include("/below", app=starlette)])) as client:
        assert client.get("/below/denied/").status_code == 403
        assert client.get("/below/inner/refuse").status_code == 418


# Applications without a WebSocket of ours

ACCEPT: dict[str, Any] = {"type": "websocket.accept"}
CLOSE: dict[str, Any] = {"type": "websocket.close", "code": 4001, "reason": "done"}
DENIAL: dict[str, Any] = {"type": "websocket.http.response.start", "status": 410, "headers": []}
BODY: dict[str, Any] = {"type": "websocket.http.response.body", "body": b""}


def hosts_of(app: ASGIApp) -> list[Router]:
    below = Include("/chat", app=app)
    routers = [Router([below]), Router([Host("example.com", app)]), Router([Include(routes=[below])])]
    return [*routers, Router([WebSocketRoute("/chat", app)]), Router(default=app)]


async def ending_of(router: Router, error: type[Exception] | None = None, **scope: Any) -> list[Message]:
    """Return what was sent."""
    server = Server(**scope)
    with nullcontext() if error is None else pytest.raises(error):
        await router(server.scope, server.receive, server.send)
    return server.sent


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (HTTPException(404, "gone"), 1008, "gone"),
        (HTTPException(503, "down"), 1011, "down"),
        (StarletteHTTPException(403, "no"), 1008, "no"),
        (WebSocketException(), 1008, ""),
        (WebSocketException(4000, "enough"), 4000, "enough"),
    ],
)
async def test_n9_after_its_own_accept_the_error_of_a_raw_application_is_a_close(
    error: Exception, code: int, reason: str
) -> None:
    message = {"type": "websocket.send", "text": "hello"}
    for router in hosts_of(failing(error, ACCEPT, message)):
        sent = await ending_of(router)
        assert sent == [ACCEPT, message, {"type": "websocket.close", "code": code, "reason": reason}]


async def test_n9_before_accept_it_is_a_denial() -> None:
    for router in hosts_of(failing(HTTPException(404, "gone"))):
        start, body = await ending_of(router)
        assert (start["status"], body["body"]) == (404, b"gone\n")


@pytest.mark.parametrize(
    "messages",
    [
        [CLOSE],
        [ACCEPT, CLOSE],
        [DENIAL],
        [DENIAL, {**BODY, "more_body": True}],
        [DENIAL, BODY],
        [DENIAL, BODY, BODY],
    ],
    ids=["closed", "accepted-closed", "begun", "more", "denied", "too-much"],
)
async def test_n9_what_a_raw_application_has_ended_is_not_ended_again(messages: list[Message]) -> None:
    for router in hosts_of(failing(HTTPException(404), *messages)):
        assert await ending_of(router) == messages


@pytest.mark.parametrize("error", [ZeroDivisionError, StarletteWebSocketDisconnect, RuntimeError])
async def test_n9_a_failed_raw_application_is_left_to_the_server(error: type[Exception]) -> None:
    for router in hosts_of(failing(error(1001), ACCEPT)):
        assert await ending_of(router, error) == [ACCEPT]


async def test_n9_so_is_one_that_returns_or_lets_our_disconnect_escape() -> None:
    async def accepting(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPT)

    for app in (accepting, failing(WebSocketDisconnect(), ACCEPT)):
        for router in hosts_of(app):
            assert await ending_of(router) == [ACCEPT]


@pytest.mark.parametrize(("error", "code"), [(None, 1000), (KeyError, 1011)])
async def test_g8_a_handler_s_own_accept_message_is_no_raw_application_s(
    error: type[Exception] | None, code: int
) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.send({"type": "websocket.accept"})
        if error is not None:
            raise error

    sent = await ending_of(Router([WebSocketRoute("/chat", handler)]), error)
    assert [message.get("code") for message in sent] == [None, code]


async def test_n9_cleanups_run_at_the_end_of_a_raw_application_too() -> None:
    done: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        WebSocket(scope, receive, send).add_cleanup(lambda: done.append("cleanup"))
        await send(ACCEPT)

    for router in hosts_of(app):
        await ending_of(router)
        assert done.pop() == "cleanup"


@pytest.mark.parametrize("outer", [Starlette, StarletteRouter])
async def test_n9_errors_from_below_starlette(outer: Any) -> None:
    async def socket(websocket: StarletteWebSocket) -> None:
        await websocket.accept()
        raise WebSocketException(4000, "enough")

    below = outer(routes=[Mount("/mounted", routes=[StarletteWebSocketRoute("/chat", socket)])])
    sent = await ending_of(Router([Include("/chat", app=below)]), path="/chat/mounted/chat")
    assert [message.get("code") for message in sent] == [None, 4000]


async def test_an_exception_handler_sees_that_a_raw_application_has_accepted() -> None:
    async def handler(websocket: WebSocket, error: Exception) -> None:
        await websocket.send_text("sorry")
        await websocket.close(4001)

    app = failing(KeyError(), ACCEPT)
    sent = await ending_of(Router([WebSocketRoute("/chat", app, exception_handlers={KeyError: handler})]))
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]


async def test_routers_stand_in_no_application_s_way() -> None:
    """Their handlers send by the server's own `send`."""
    seen: list[Send] = []

    class Seeing(Router):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(send)

    for router in hosts_of(Seeing()):
        server = Server()
        await router(server.scope, server.receive, server.send)
        assert seen.pop() == server.send


async def test_a_watched_send_is_no_coroutine_of_its_own() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert not inspect.iscoroutinefunction(send)
        await send(ACCEPT)

    for router in hosts_of(app):
        assert await ending_of(router) == [ACCEPT]


async def test_a_raw_application_has_the_lifespan_and_requests_as_they_are() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(scope["type"])(scope, receive, send)

    with TestClient(Router([Include("/below", app=app)])) as client:
        assert client.get("/below/").text == "http"
