"""What an application may send when, and what becomes of its errors (G3 to G8, A20)."""

import asyncio
import logging
from typing import Any

import pytest

from tests.asgi_bridge.exchanges import LOGGER, errors_in, open_websocket
from tests.codec.frames import BINARY, CLOSE, TEXT, client_frame, close_frame, server_frame
from wsserve.asgi_bridge.exceptions import (
    ClientDisconnected,
    WebSocketDisconnect,
    WebSocketFrameTypeError,
    WebSocketJSONError,
    WebSocketMessageError,
)
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app
from wsserve.codec.errors import LocalProtocolError

pytestmark = pytest.mark.anyio

SEND = "websocket.send"


# Messages


@pytest.mark.parametrize(
    ("content", "frame"),
    [
        ({"text": "\u20ac"}, (TEXT, "\u20ac".encode())),
        ({"text": "", "bytes": None}, (TEXT, b"")),
        ({"bytes": b"\xff"}, (BINARY, b"\xff")),
        ({"bytes": bytearray(b"x"), "text": None}, (BINARY, b"x")),
        ({"bytes": memoryview(b"x")}, (BINARY, b"x")),
        ({"text": type("Markup", (str,), {})("x")}, (TEXT, b"x")),
        ({"text": "x", "extra": 1}, (TEXT, b"x")),
    ],
)
async def test_g5_send(content: dict[str, Any], frame: tuple[int, bytes]) -> None:
    async with open_websocket() as ws:
        await ws.send(SEND, **content)
        assert ws.frames() == [frame]
        assert ws.session.channel.messages_sent == 1
        assert ws.session.channel.bytes_sent == 2 + len(frame[1])


@pytest.mark.parametrize(
    "content",
    [{}, {"text": None, "bytes": None}, {"text": "x", "bytes": b"x"}, {"text": b"x"}, {"bytes": "x"}, {"text": 1}],
    ids=repr,
)
async def test_g5_a_faulty_send_raises_and_sends_nothing(content: dict[str, Any]) -> None:
    async with open_websocket() as ws:
        with pytest.raises(InvalidMessageError, match=r"websocket\.send"):
            await ws.send(SEND, **content)
        assert ws.frames() == []
        await ws.send(SEND, text="good")
        assert ws.frames() == [(TEXT, b"good")]
        assert ws.session.channel.messages_sent == 1


async def test_g6_lone_surrogates_raise() -> None:
    async with open_websocket() as ws:
        with pytest.raises(LocalProtocolError, match="surrogate"):
            await ws.send(SEND, text="\ud800")
        assert ws.frames() == []
        assert ws.session.channel.messages_sent == 0


@pytest.mark.parametrize(
    "kind",
    [
        "websocket.accept",
        "websocket.http.response.start",
        "websocket.http.response.body",
        "websocket.receive",
        "http.response.start",
        "WEBSOCKET.SEND",
        b"websocket.send",
        None,
    ],
)
async def test_g6_anything_else_after_accept_raises_and_names_what_would_do(kind: object) -> None:
    async with open_websocket() as ws:
        with pytest.raises(InvalidMessageError, match=r"'websocket\.send' or 'websocket\.close'"):
            await ws.send_message({"type": kind, "text": "x", "status": 200})
        with pytest.raises(InvalidMessageError, match="None"):
            await ws.send_message({"text": "x"})
        assert ws.frames() == []


async def test_g6_what_is_no_message_raises() -> None:
    async with open_websocket() as ws:
        with pytest.raises(AttributeError):
            await ws.send_message("websocket.send")  # type: ignore[arg-type]  # the mistake under test
        assert ws.frames() == []


async def test_g5_receive_has_one_of_text_and_bytes() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, "\u20ac".encode()), client_frame(BINARY, b"\xff"))
        assert await ws.receive() == {"type": "websocket.receive", "text": "\u20ac"}
        message = await ws.receive()
        assert message == {"type": "websocket.receive", "bytes": b"\xff"}
        assert type(message["bytes"]) is bytes


@pytest.mark.parametrize("how", ["peer-closes", "loss"])
async def test_g4_send_after_disconnect_raises_an_oserror(how: str, caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket() as ws:
        if how == "loss":
            await ws.lose()
        else:
            await ws.peer_sends(close_frame(4000, b"bye"))
        code, reason = await ws.disconnected()
        for _ in range(2):
            with pytest.raises(OSError, match=str(code)) as caught:
                await ws.send(SEND, text="x")
            assert isinstance(caught.value, ClientDisconnected)
            assert (caught.value.code, caught.value.reason) == (code, reason)
        with pytest.raises(InvalidMessageError):
            await ws.send(SEND)
        await ws.end(caught.value)
    assert errors_in(caplog) == []


async def test_g3_receive_after_disconnect_never_hangs() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(close_frame(4000, b"bye"))
        await ws.disconnected()
        for _ in range(3):
            with pytest.raises(ClientDisconnected) as caught:
                await ws.receive()
            assert (caught.value.code, caught.value.reason) == (4000, "bye")


# Errors


@pytest.mark.parametrize(
    "error",
    [
        ValueError("secret"),
        SystemExit("secret"),
        KeyboardInterrupt("secret"),
        asyncio.CancelledError("secret"),
        ExceptionGroup("secret", [ValueError("secret"), KeyError("secret")]),
        OSError("secret"),
        WebSocketDisconnect(1000),
        ClientDisconnected("secret"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_g8_a20_raises_after_accept(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket() as ws:
        await ws.end(error)
        assert ws.frames() == [(CLOSE, b"\x03\xf3")], "nothing of the error"
        assert ws.session.closed_by == "application"
        assert not ws.transport.is_closed()
        await ws.peer_sends(close_frame(1011))
        assert ws.transport.is_closed()
    [record] = errors_in(caplog)
    assert record.exc_info is not None
    assert record.exc_info[1] is error


async def test_g8_returns_after_accept(caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket() as ws:
        await ws.end()
        assert ws.frames() == [(CLOSE, b"\x03\xe8")]
        await ws.peer_sends(close_frame(1000))
        assert ws.transport.is_closed()
    assert errors_in(caplog) == []


async def test_g8_returns_with_messages_unread() -> None:
    async with open_websocket(max_queue=1) as ws:
        await ws.peer_sends(client_frame(TEXT, b"unread"))
        assert not ws.transport.is_reading()
        await ws.end()
        assert ws.frames() == [(CLOSE, b"\x03\xe8")]
        assert ws.transport.is_reading()
        await ws.peer_sends(close_frame(1000))
        assert ws.transport.is_closed()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WebSocketFrameTypeError("text", "binary"), 1003),
        (WebSocketJSONError("the message is no JSON"), 1007),
        (ExceptionGroup("tasks", [WebSocketJSONError("the message is no JSON")]), 1007),
    ],
    ids=["frame-type", "json", "json-in-a-group"],
)
async def test_a_message_error_closes_with_its_code_and_is_no_error_of_ours(
    error: BaseException, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_websocket() as ws:
        await ws.end(error)
        [(opcode, payload)] = ws.frames()
        assert opcode == CLOSE
        assert int.from_bytes(payload[:2], "big") == code
        assert payload[2:]
    assert errors_in(caplog) == []


@pytest.mark.parametrize("close_code", [1005, 99999, None, "x"])
async def test_an_impossible_close_code_of_an_error_ends_only_this_connection(
    close_code: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class OddError(WebSocketMessageError):
        pass

    OddError.close_code = close_code
    async with open_websocket() as ws:
        waiting = await ws.begin(ws.app.receive)
        await ws.end(OddError("x"))
        await ws.after_abort()
        assert ws.transport.is_aborted()
        assert waiting.result["code"] == 1006
    [record] = errors_in(caplog)
    assert record.exc_info


class ForeignError(Exception):
    """An error of some other library, with an attribute of the same name."""

    close_code = 1005


async def test_g8_a_foreign_error_with_a_close_code_is_1011(caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket() as ws:
        await ws.end(ForeignError("x"))
        assert ws.frames() == [(CLOSE, b"\x03\xf3")]
    assert len(errors_in(caplog)) == 1


WRONG_TYPE = WebSocketFrameTypeError("text", "binary")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WRONG_TYPE, 1003),
        (ExceptionGroup("", [WRONG_TYPE, WRONG_TYPE]), 1003),
        (ExceptionGroup("", [WRONG_TYPE, ValueError("x")]), 1011),
        (ValueError("x"), 1011),
    ],
    ids=["one", "two", "beside-another", "another"],
)
@pytest.mark.parametrize("hosted", [True, False])
async def test_g8_an_error_closes_alike_in_a_bare_and_in_a_hosted_app(
    hosted: bool, error: Exception, code: int
) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise error

    async def bare(scope: Scope, receive: Receive, send: Send) -> None:
        await handler(WebSocket(scope, receive, send))

    async with open_websocket(app=websocket_app(handler) if hosted else bare, accept=False) as ws:
        frame = server_frame(ws.taken().partition(b"\r\n\r\n")[2])
        assert int.from_bytes(frame[2][:2], "big") == code


async def test_a_disconnect_of_another_connection_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket() as ws:
        await ws.end(WebSocketDisconnect(1001))
        assert ws.frames() == [(CLOSE, b"\x03\xf3")]
    assert len(errors_in(caplog)) == 1


@pytest.mark.parametrize(
    "error",
    [
        WebSocketDisconnect(1001),
        ClientDisconnected(),
        ExceptionGroup("tasks", [ClientDisconnected(), WebSocketDisconnect(1006)]),
    ],
    ids=["receive", "send", "group"],
)
@pytest.mark.parametrize("how", ["peer-closes", "loss", "end", "fault", "shutdown"])
async def test_g4_a_disconnect_error_after_the_end_is_no_error(
    how: str, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER):
        async with open_websocket() as ws:
            if how == "shutdown":
                ws.session.shutdown()
            elif how == "loss":
                await ws.lose()
            elif how == "end":
                await ws.peer_ends()
                await ws.receive()
            else:
                await ws.peer_sends(close_frame(1001) if how == "peer-closes" else client_frame(3))
                await ws.receive()
            before = ws.taken()
            await ws.end(error)
            assert ws.taken() == b""
            assert before.count(b"\x88") == (how not in ("loss", "end"))
    assert [record.levelno for record in caplog.records] == [logging.DEBUG]


async def test_g8_an_error_after_the_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket() as ws:
        await ws.lose()
        await ws.end(ValueError("x"))
    assert len(errors_in(caplog)) == 1


@pytest.mark.parametrize("point", range(8))
async def test_a20_an_application_that_raises_at_any_point(point: int, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it has done before, the peer gets one complete answer and nothing is left (see `open_websocket`)."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        steps = iter(range(8))

        def maybe_raise() -> None:
            if next(steps) == point:
                raise ValueError("secret")

        maybe_raise()
        await receive()
        maybe_raise()
        await send({"type": "websocket.accept"})
        maybe_raise()
        await receive()
        maybe_raise()
        await send({"type": SEND, "text": "reply"})
        maybe_raise()
        await send({"type": "websocket.close"})
        maybe_raise()
        await receive()
        maybe_raise()
        try:
            await receive()
        finally:
            maybe_raise()

    async with open_websocket(app=app, trailing=client_frame(TEXT, b"x")) as ws:
        if point >= 4:
            await ws.peer_sends(close_frame(1000))
        wire = ws.taken()
        assert wire.startswith(b"HTTP/1.1 500 " if point < 2 else b"HTTP/1.1 101 ")
        assert wire.endswith(
            {2: b"\x88\x02\x03\xf3", 3: b"\x88\x02\x03\xf3", 4: b"\x88\x02\x03\xf3"}.get(point, wire[-4:])
        )
        assert wire.count(b"\x88\x02") == (point >= 2)
        assert b"secret" not in wire
        if point in (2, 3):
            await ws.peer_sends(close_frame(1000))
        assert ws.transport.is_closed()
        assert not ws.transport.is_aborted()
    assert len(errors_in(caplog)) == 1


async def test_a_callback_of_the_server_that_fails_ends_only_this_connection(caplog: pytest.LogCaptureFixture) -> None:
    def on_status(status: int) -> None:
        raise RuntimeError("disk full")

    async with open_websocket(accept=False, on_status=on_status) as ws:
        await ws.end()
        await ws.after_abort()
        assert ws.transport.is_aborted()
        assert await ws.receive() == {"type": "websocket.connect"}
        assert await ws.disconnected() == (1006, "")
    assert any(record.exc_info for record in errors_in(caplog))
