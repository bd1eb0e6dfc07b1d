"""Ends that meet: both sides, faults, losses and the server's shutdown (G3, R8, A9, A14, A15)."""

from collections.abc import Awaitable, Callable

import pytest

from tests.asgi_bridge.exchanges import WebSocketExchange, assert_over, closes, errors_in, open_websocket
from tests.codec.frames import (
    CLOSE,
    TEXT,
    client_frame,
    close_frame,
)
from wsserve.asgi_bridge.exceptions import ClientDisconnected

pytestmark = pytest.mark.anyio

SEND = "websocket.send"
CLOSING = "websocket.close"


# Races


async def test_g3_both_close_at_once() -> None:
    async with open_websocket() as ws:
        await ws.send(CLOSING, code=4000, reason="ours")
        await ws.peer_sends(close_frame(4001, b"theirs"))
        assert closes(ws) == [b"\x0f\xa0ours"]
        assert await ws.disconnected() == (4001, "theirs")
        assert ws.session.closed_by == "application"
        await assert_over(ws)


@pytest.mark.parametrize("message", [True, False])
async def test_g3_the_app_closes_while_the_peers_close_waits(message: bool) -> None:
    async with open_websocket() as ws:
        if message:
            await ws.peer_sends(client_frame(TEXT, b"unread"))
        await ws.peer_sends(close_frame(4001, b"theirs"))
        await ws.send(CLOSING, code=4000, reason="ours")
        assert closes(ws) == [b"\x0f\xa0ours"]
        assert ws.transport.is_closed()
        assert await ws.disconnected() == (4001, "theirs")
        await assert_over(ws)


async def test_r8_the_app_closes_while_a_fault_waits() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"unread"), client_frame(3))
        await ws.send(CLOSING, code=4000)
        assert closes(ws) == [b"\x0f\xa0"]
        assert ws.transport.is_closed()
        assert (await ws.disconnected())[0] == 1002
        await assert_over(ws)


async def test_a9_the_app_closes_while_the_end_waits() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"unread"))
        await ws.peer_ends()
        assert not ws.transport.is_closed()
        await ws.send(CLOSING, code=4000)
        assert closes(ws) == [b"\x0f\xa0"]
        assert await ws.disconnected() == (1006, "")
        await assert_over(ws)


@pytest.mark.parametrize("last", [client_frame(3), close_frame(1000), b""], ids=["fault", "close", "end"])
async def test_r8_the_app_closes_after_it_was_acted_on(last: bytes) -> None:
    async with open_websocket() as ws:
        await (ws.peer_sends(last) if last else ws.peer_ends())
        await ws.advance(1)
        before = ws.taken()
        await ws.send(CLOSING, code=4000)
        assert ws.taken() == b""
        assert before.count(b"\x88") == (1 if last else 0)
        await ws.disconnected()
        await assert_over(ws)


async def test_a9_the_loss_while_the_end_waits() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"one"))
        await ws.peer_ends()
        await ws.lose()
        assert ws.runtime.pending == []
        assert (await ws.receive())["text"] == "one"
        assert await ws.disconnected() == (1006, "")


async def test_a9_replies_still_go_to_a_peer_that_has_only_finished_sending() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"one"))
        await ws.peer_ends()
        await ws.receive()
        await ws.send(SEND, text="reply")
        assert ws.frames() == [(TEXT, b"reply")]
        assert await ws.disconnected() == (1006, "")


# Shutdown


async def test_a15_shutdown_of_an_open_connection_is_1012() -> None:
    async with open_websocket() as ws:
        waiting = await ws.begin(ws.app.receive)
        ws.session.shutdown()
        assert closes(ws) == [b"\x03\xf4the server is shutting down"]
        assert ws.session.closed_by == "server"
        with pytest.raises(ClientDisconnected):
            await ws.send(SEND, text="x")
        await ws.send(CLOSING)
        assert not waiting.is_done()
        await ws.peer_sends(close_frame(1012))
        assert waiting.result == {"type": "websocket.disconnect", "code": 1012, "reason": ""}
        await assert_over(ws)


async def test_a14_shutdown_is_bounded_when_neither_side_does_anything() -> None:
    async with open_websocket(close_timeout=10) as ws:
        ws.session.shutdown()
        await ws.advance(10)
        assert ws.transport.is_aborted()
        assert ws.runtime.running == ["websocket /chat"], "the application has not ended: the server knows its name"
        assert ws.runtime.pending == []


async def test_a14_an_application_that_is_cancelled_after_its_grace(caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket() as ws:
        ws.session.shutdown()
        ws.runtime.cancel()
        await ws.after_abort()
        assert ws.transport.is_aborted()
        assert ws.runtime.running == []
        assert await ws.disconnected() == (1006, "")
    assert errors_in(caplog) == []


@pytest.mark.parametrize("last", [client_frame(3), close_frame(1000), b""], ids=["fault", "close", "end"])
async def test_a15_shutdown_while_the_last_event_waits(last: bytes) -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"unread"))
        await (ws.peer_sends(last) if last else ws.peer_ends())
        ws.session.shutdown()
        assert [close[:2] for close in closes(ws)] == [b"\x03\xf4"]
        assert ws.transport.is_closed()
        await ws.disconnected()
        await assert_over(ws)


async def test_a15_shutdown_while_the_app_closes_changes_nothing() -> None:
    async with open_websocket() as ws:
        await ws.send(CLOSING, code=4000)
        ws.session.shutdown()
        assert closes(ws) == [b"\x0f\xa0"]
        assert ws.session.closed_by == "application"


# Nothing is left


ENDS: dict[str, Callable[[WebSocketExchange], Awaitable[object]]] = {
    "peer-closes": lambda ws: ws.peer_sends(close_frame(1000)),
    "fault": lambda ws: ws.peer_sends(client_frame(3)),
    "end": lambda ws: ws.peer_ends(),
    "loss": lambda ws: ws.lose(),
    "app-closes": lambda ws: ws.send(CLOSING),
    "app-returns": lambda ws: ws.end(),
    "app-raises": lambda ws: ws.end(ValueError("x")),
    "keepalive": lambda ws: ws.advance(60),
}


@pytest.mark.parametrize("second", ENDS)
@pytest.mark.parametrize("first", ENDS)
async def test_however_it_ends_twice_there_is_one_close_one_disconnect_and_no_timer(first: str, second: str) -> None:
    async with open_websocket() as ws:
        waiting = await ws.begin(ws.app.receive)
        for end in (first, second):
            over = ws.runtime.running == [] or ws.session.closed_by == "application"
            # As transports do: nothing is handed on after close().
            discarded = end in ("peer-closes", "fault", "end") and ws.transport.is_closed()
            if not (discarded or (end.startswith("app-") and over)):
                await ENDS[end](ws)
        await ws.advance(30)
        assert waiting.is_done()
        assert waiting.error is None
        assert waiting.result["type"] == "websocket.disconnect"
        assert ws.transport.is_closed()
        assert len([opcode for opcode, _ in ws.frames() if opcode == CLOSE]) <= 1
        assert ws.runtime.pending == []
        await assert_over(ws)
