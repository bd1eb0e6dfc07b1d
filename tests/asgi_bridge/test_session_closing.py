"""The closing handshake, and each way that a connection ends (G1, G3, R10 to R13, A9, A10)."""

import pytest

from tests.asgi_bridge.exchanges import assert_over, closes, errors_in, open_websocket
from tests.asgi_bridge.memory import settle
from tests.codec.frames import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    client_frame,
    close_frame,
    fragments,
)
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.codec.errors import LocalProtocolError

pytestmark = pytest.mark.anyio

SEND = "websocket.send"
CLOSING = "websocket.close"

VALID_CODES = [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999]
INVALID_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


# The peer closes


@pytest.mark.parametrize("code", VALID_CODES)
async def test_g1_r10_the_peers_code_and_reason_reach_the_app(code: int) -> None:
    async with open_websocket() as ws:
        waiting = await ws.begin(ws.app.receive)
        await ws.peer_sends(close_frame(code, "why, \u20ac".encode()))
        assert waiting.result == {"type": "websocket.disconnect", "code": code, "reason": "why, \u20ac"}
        assert closes(ws) == [code.to_bytes(2, "big") + "why, \u20ac".encode()]
        assert ws.session.closed_by == "client"
        await assert_over(ws)


@pytest.mark.parametrize("code", INVALID_CODES)
async def test_r10_an_invalid_code_is_a_fault(code: int) -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(close_frame(code))
        assert (await ws.disconnected())[0] == 1002
        [close] = closes(ws)
        assert close[:2] == b"\x03\xea"
        assert ws.session.closed_by == "server"
        await assert_over(ws)


async def test_r10_a_close_of_one_byte_is_a_fault() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(CLOSE, b"\x03"))
        assert (await ws.disconnected())[0] == 1002


async def test_r12_an_empty_close_is_1005_and_answered_alike() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(CLOSE))
        assert await ws.disconnected() == (1005, "")
        assert closes(ws) == [b""]
        assert ws.session.closed_by == "client"
        await assert_over(ws)


@pytest.mark.parametrize(
    "partial",
    [
        b"",
        client_frame(TEXT, b"partial")[:1],
        client_frame(TEXT, b"partial")[:-1],
        fragments(TEXT, [b"one", b"two"])[:-9],
        client_frame(TEXT, b"frag", fin=False),
        close_frame(1000, b"x")[:-1],
    ],
    ids=["nothing", "header", "payload", "fragment", "fragments", "close"],
)
@pytest.mark.parametrize("how", ["end", "loss", "end-and-loss"])
async def test_a9_r12_lost_without_close_is_1006(how: str, partial: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket() as ws:
        waiting = await ws.begin(ws.app.receive)
        if partial:
            await ws.peer_sends(partial)
        if how != "loss":
            ws.session.eof_received()
        if how != "end":
            ws.transport.lose()
        await settle()
        assert waiting.result == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        assert closes(ws) == []
        assert ws.transport.is_closed()
        assert ws.session.closed_by == "nobody"
        assert ws.session.channel.messages_received == 0
        await assert_over(ws)
        await ws.end()
    assert errors_in(caplog) == []


async def test_g1_messages_before_the_loss_are_delivered_and_then_one_disconnect() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"one"), client_frame(BINARY, b"two"), close_frame(4000, b"bye"))
        await ws.lose()
        assert ws.session.disconnect == (4000, "bye"), "known to the access log at once"
        assert ws.session.closed_by == "client"
        assert (await ws.receive())["text"] == "one"
        with pytest.raises(ClientDisconnected) as caught:
            await ws.send(SEND, text="x")
        assert (caught.value.code, caught.value.reason) == (4000, "bye")
        assert (await ws.receive())["bytes"] == b"two"
        assert await ws.disconnected() == (4000, "bye")
        await assert_over(ws)


async def test_g4_an_app_that_only_sends_ends_on_the_loss_without_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """It has never called receive(), so it raises before the disconnect was delivered."""
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"unread"))
        await ws.lose()
        with pytest.raises(ClientDisconnected) as caught:
            await ws.send(SEND, text="x")
        await ws.end(caught.value)
    assert errors_in(caplog) == []


async def test_g4_close_after_the_peer_closed_is_harmless() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(close_frame(1000))
        await ws.disconnected()
        await ws.send(CLOSING, code=4000)
        await ws.send(CLOSING, code=4000)
        assert closes(ws) == [b"\x03\xe8"]


# The application closes


async def test_g3_the_disconnect_has_the_code_of_the_closing_handshake() -> None:
    async with open_websocket() as ws:
        await ws.send(CLOSING, code=4000, reason="bye")
        assert closes(ws) == [b"\x0f\xa0bye"]
        assert not ws.transport.is_closed()
        waiting = await ws.begin(ws.app.receive)
        assert not waiting.is_done()
        await ws.peer_sends(close_frame(4001, b"you too"))
        assert waiting.result == {"type": "websocket.disconnect", "code": 4001, "reason": "you too"}
        assert closes(ws) == []
        assert ws.transport.is_closed()
        assert ws.session.closed_by == "application"
        await assert_over(ws)


async def test_g9_close_defaults() -> None:
    async with open_websocket() as ws:
        await ws.send(CLOSING)
        assert closes(ws) == [b"\x03\xe8"]


async def test_r13_a_long_reason_is_cut_on_a_character_boundary() -> None:
    async with open_websocket() as ws:
        await ws.send(CLOSING, code=1000, reason="\u20ac" * 100)
        assert closes(ws) == [b"\x03\xe8" + ("\u20ac" * 41).encode()]


@pytest.mark.parametrize("code", [*INVALID_CODES, "1000", 1000.0])
async def test_r10_r13_an_invalid_code_of_the_app_raises(code: object) -> None:
    async with open_websocket() as ws:
        with pytest.raises(LocalProtocolError):
            await ws.send(CLOSING, code=code)
        assert closes(ws) == []
        await ws.send(CLOSING, code=1000)
        assert closes(ws) == [b"\x03\xe8"]


async def test_g6_a_faulty_close_loses_no_messages() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"one"))
        for faulty in ({"code": 1005}, {"reason": "\ud800"}, {"reason": b"x"}):
            with pytest.raises((LocalProtocolError, InvalidMessageError)):
                await ws.send(CLOSING, **faulty)
        assert (await ws.receive())["text"] == "one"
        await ws.send(SEND, text="still open")
        assert ws.frames() == [(TEXT, b"still open")]


@pytest.mark.parametrize("kind", [SEND, CLOSING, "websocket.accept", "websocket.http.response.start"])
@pytest.mark.parametrize("answered", [True, False])
async def test_r11_the_close_goes_out_once_and_nothing_after_it(kind: str, answered: bool) -> None:
    async with open_websocket() as ws:
        await ws.send(CLOSING)
        assert closes(ws) == [b"\x03\xe8"]
        if answered:
            await ws.peer_sends(client_frame(PING, b"x"), client_frame(TEXT, b"x"), close_frame(1000))
        with pytest.raises(InvalidMessageError):
            await ws.send(kind, text="x", status=200)
        await ws.end(ValueError("after the close"))
        assert ws.taken() == b""


async def test_r11_messages_that_wait_are_dropped_by_the_apps_close() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"one"))
        await ws.send(CLOSING)
        await ws.peer_sends(client_frame(TEXT, b"two"), close_frame(1000))
        assert await ws.disconnected() == (1000, "")


async def test_g4_a_send_that_is_blocked_when_the_app_closes_wakes() -> None:
    async with open_websocket() as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(2000))
        call = await ws.begin(ws.app.send, {"type": SEND, "text": "x"})
        await ws.send(CLOSING)
        await settle()
        assert isinstance(call.error, InvalidMessageError)
        ws.transport.take()
        assert [opcode for opcode, _ in ws.frames()] == [BINARY, CLOSE]


# The peer does not answer


async def test_a10_close_never_answered_aborts_at_close_timeout() -> None:
    async with open_websocket(close_timeout=10) as ws:
        waiting = await ws.begin(ws.app.receive)
        await ws.send(CLOSING)
        assert ws.runtime.pending == [10], "and no keepalive"
        for _ in range(99):
            await ws.peer_sends(client_frame(TEXT, b"ignored"), client_frame(PING, b"ignored"))
            await ws.advance(0.1)
        assert not ws.transport.is_aborted()
        assert closes(ws) == [b"\x03\xe8"]
        await ws.advance(0.1)
        assert ws.transport.is_aborted()
        assert waiting.result == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        assert ws.session.closed_by == "application"
        assert ws.session.channel.messages_received == 0
        await assert_over(ws)


async def test_a10_the_deadline_holds_for_a_peer_that_does_not_read() -> None:
    async with open_websocket(close_timeout=10) as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(2000))
        await ws.send(CLOSING)
        await ws.advance(9.9)
        assert not ws.transport.is_aborted()
        await ws.advance(0.1)
        assert ws.transport.is_aborted()


async def test_r11_a_peer_that_still_takes_a_large_last_message_is_not_cut_off() -> None:
    async with open_websocket(close_timeout=10) as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(2000))
        await ws.send(CLOSING)
        for _ in range(4):
            ws.transport.take(400)
            await ws.advance(10)
            assert not ws.transport.is_aborted()
        ws.transport.take()
        await ws.advance(10)
        assert not ws.transport.is_aborted(), "all is out now, and the peer has its time to answer"
        await ws.advance(10)
        assert ws.transport.is_aborted()


@pytest.mark.parametrize("how", ["end", "loss"])
async def test_g3_the_peer_goes_instead_of_answering(how: str) -> None:
    async with open_websocket() as ws:
        await ws.send(CLOSING, code=4000)
        await (ws.peer_ends() if how == "end" else ws.lose())
        assert await ws.disconnected() == (1006, "")
        assert ws.session.closed_by == "application"
        await assert_over(ws)


async def test_g3_the_peer_breaks_the_protocol_instead_of_answering() -> None:
    async with open_websocket() as ws:
        await ws.send(CLOSING)
        await ws.peer_sends(client_frame(TEXT, b"x", key=None))
        assert (await ws.disconnected())[0] == 1002
        assert closes(ws) == [b"\x03\xe8"]
        await assert_over(ws)
