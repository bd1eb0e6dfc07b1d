"""Hosted handlers: how a connection ends when its handler does (G8)."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from tests.asgi_bridge.double import GoneError, Server, binary, disconnect, text
from tests.asgi_bridge.exchanges import errors_in, open_http
from tests.codec.http_feeds import head
from wsserve.asgi_bridge.exceptions import HTTPException, WebSocketDisconnect, WebSocketException
from wsserve.asgi_bridge.types import Message
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app

pytestmark = pytest.mark.anyio

Handler = Callable[[WebSocket], Awaitable[object]]


async def run(handler: Handler, server: Server) -> list[tuple[Any, ...]]:
    """Host `handler`; return what it sent: the type, for a close with code and reason."""
    await websocket_app(handler)(server.scope, server.receive, server.send)
    return sent(server)


def sent(server: Server) -> list[tuple[Any, ...]]:
    return [tuple(message[key] for key in ("type", "code", "reason") if key in message) for message in server.sent]


ACCEPT = ("websocket.accept",)


async def test_g8_return_after_accept_closes_with_1000() -> None:
    assert await run(WebSocket.accept, Server()) == [ACCEPT, ("websocket.close", 1000, "")]


async def test_g8_return_after_the_own_close() -> None:
    @websocket_app
    async def handler(websocket: WebSocket) -> None:
        """Say why."""
        await websocket.accept()
        await websocket.close(4000, "done")

    server = Server()
    await handler(server.scope, server.receive, server.send)
    assert sent(server) == [ACCEPT, ("websocket.close", 4000, "done")]
    assert (handler.__name__, handler.__doc__) == ("handler", "Say why.")
    assert list(inspect.signature(handler).parameters) == ["scope", "receive", "send"]


@pytest.mark.parametrize("error", [None, ZeroDivisionError()])
async def test_g8_an_unanswered_handshake_is_left_to_the_server(error: Exception | None) -> None:
    async def handler(websocket: WebSocket) -> None:
        if error is not None:
            raise error

    server = Server()
    try:
        await websocket_app(handler)(server.scope, server.receive, server.send)
    except ZeroDivisionError as caught:
        assert caught is error  # noqa: PT017  # one of the two raises
    assert server.sent == []


async def test_g8_an_error_closes_with_1011_and_goes_on() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ZeroDivisionError("no detail for the client")

    server = Server()
    with pytest.raises(ZeroDivisionError):
        await run(handler, server)
    assert sent(server) == [ACCEPT, ("websocket.close", 1011, "")]


async def test_l27_an_uncaught_wrong_frame_type_closes_with_1003() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()

    expected = ("websocket.close", 1003, "expected a text message, got a binary one")
    assert await run(handler, Server(binary(b"a"))) == [ACCEPT, expected]


async def test_l28_uncaught_malformed_json_closes_with_1007() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        async for _ in websocket.iter_json():
            pass

    server = Server(text("{"))
    await run(handler, server)
    assert server.sent[1]["code"] == 1007
    assert server.sent[1]["reason"].startswith("the message is no well-formed JSON")


async def test_l29_an_uncaught_disconnect_is_no_error() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            await websocket.receive_text()

    assert await run(handler, Server(text("a"), disconnect())) == [ACCEPT]


async def test_l26_an_uncaught_disconnect_of_a_send_is_no_error() -> None:
    server = Server()

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        server.error = GoneError()
        await websocket.send_text("a")

    assert await run(handler, server) == [ACCEPT]


async def test_g8_errors_of_a_task_group_count_alike() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(websocket.receive_bytes)

    assert await run(handler, Server(disconnect())) == [ACCEPT]
    assert (await run(handler, Server(text("a"))))[1][1] == 1003


async def test_an_async_with_block_ends_the_connection_too() -> None:
    server = Server()
    async with server.websocket() as websocket:
        await websocket.accept()
    assert sent(server) == [ACCEPT, ("websocket.close", 1000, "")]
    with pytest.raises(ValueError, match="mine"):
        async with await server_accepted() as websocket:
            raise ValueError("mine")
    assert websocket.close_code == 1011
    async with await server_accepted() as websocket:
        raise WebSocketDisconnect(1001)  # of another connection: this one is still open
    assert websocket.close_code == 1000


async def server_accepted() -> WebSocket:
    return await Server().accepted()


# Served as a whole application


@websocket_app
async def never_called(websocket: WebSocket) -> None:
    raise AssertionError("there is no WebSocket")


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST"])
async def test_u11_plain_http_is_answered_with_426(method: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with open_http(head(request_line=method + b" / HTTP/1.1"), app=never_called) as http:
        lines, _, body = http.taken().lower().partition(b"\r\n\r\n")
        status_line, *fields = lines.split(b"\r\n")
        assert status_line == b"http/1.1 426 upgrade required"
        assert {b"upgrade: websocket", b"connection: upgrade", b"content-type: text/plain; charset=utf-8"} < set(fields)
        assert (b"websocket client" in body) == (method != b"HEAD")
        assert http.ends == [True]
    assert errors_in(caplog) == []


async def test_u11_http_2_has_no_upgrade() -> None:
    server = Server(type="http", http_version="2")
    await never_called(server.scope, server.receive, server.send)
    assert server.sent[0]["status"] == 426
    assert [name for name, _ in server.sent[0]["headers"]] == [b"content-type", b"content-length"]


async def test_the_lifespan_is_confirmed() -> None:
    async def receive() -> Message:
        return next(events)

    async def send(message: Message) -> None:
        confirmed.append(message)

    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    confirmed: list[Message] = []
    await never_called({"type": "lifespan"}, receive, send)
    assert confirmed == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (WebSocketException(4001, "log in"), [ACCEPT, ("websocket.close", 4001, "log in")]),
        (WebSocketException(1011), [ACCEPT, ("websocket.close", 1011, "")]),
        (HTTPException(403), [ACCEPT, ("websocket.close", 1008, "Forbidden")]),
        (HTTPException(500, "x" * 200), [ACCEPT, ("websocket.close", 1011, "x" * 123)]),
    ],
    ids=ascii,
)
async def test_n9_an_exception_that_says_how_to_end(error: Exception, expected: list[tuple[Any, ...]]) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise error

    assert await run(handler, Server()) == expected


async def test_n9_an_http_exception_before_accept_is_a_denial() -> None:
    async def handler(websocket: WebSocket) -> None:
        raise HTTPException(401, "log in", {"www-authenticate": "Basic"})

    server = Server()
    await run(handler, server)
    start, body = server.sent
    assert (start["status"], body["body"]) == (401, b"log in\n")
    assert (b"www-authenticate", b"Basic") in start["headers"]
    assert await run(handler, Server(extensions={})) == [("websocket.close", 1000, "")]


async def test_n9_a_websocket_exception_before_accept_is_a_denial() -> None:
    async def handler(websocket: WebSocket) -> None:
        raise WebSocketException(4001)

    assert await run(handler, Server()) == [("websocket.close", 1000, "")]


async def test_n9_a_denial_that_nobody_waits_for() -> None:
    async def handler(websocket: WebSocket) -> None:
        assert (await websocket.receive())["type"] == "websocket.connect"
        assert (await websocket.receive())["type"] == "websocket.disconnect"
        raise HTTPException(401)

    assert await run(handler, Server(disconnect(1006))) == []


async def test_n9_after_the_own_end_an_exception_changes_nothing() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.send_denial_response(404, b"")
        raise HTTPException(401)

    server = Server()
    await run(handler, server)
    assert [message.get("status") for message in server.sent] == [404, None]
