"""What an error that nobody handled becomes, at the outermost router."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

from tests.asgi_bridge.double import Server, websocket_scope
from wsserve import DenyAll, Include, Route, Router, TestClient
from wsserve.asgi_bridge.exceptions import HTTPException, WebSocketDisconnect, WebSocketException
from wsserve.asgi_bridge.middleware.permissions import with_permissions
from wsserve.asgi_bridge.routing.boundary import BOUNDARY, boundary
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
