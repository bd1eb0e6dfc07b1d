"""In-order failure: what was earned before a fault, a Close or the end goes out ahead of the Close (R7, R8)."""

import pytest

from tests.asgi_bridge.exchanges import WebSocketExchange, open_websocket
from tests.asgi_bridge.memory import settle
from tests.codec.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    client_frame,
    close_frame,
    fragments,
)
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.codec.frames import FrameLimits

pytestmark = pytest.mark.anyio

SEND = "websocket.send"
LIMITS = FrameLimits(max_message_size=100, max_fragments=3)

FAULTS = {
    "r4-unmasked": (1002, client_frame(TEXT, b"x", key=None)),
    "r5-rsv1": (1002, client_frame(TEXT, b"x", rsv=0x40)),
    "r6-long-form": (1002, client_frame(TEXT, b"x", length_bits=16)),
    "opcode-3": (1002, client_frame(3, b"x")),
    "continuation-of-nothing": (1002, client_frame(CONTINUATION, b"x")),
    "r9-bad-utf-8": (1007, client_frame(TEXT, b"\xff")),
    "r10-close-code-1005": (1002, close_frame(1005)),
    "r10-close-of-one-byte": (1002, client_frame(CLOSE, b"\x03")),
    "r14-too-big": (1009, client_frame(BINARY, bytes(101))),
    "r15-too-many-fragments": (1008, fragments(TEXT, [b"a", b"b", b"c", b"d"])),
}
fault_cases = pytest.mark.parametrize(("code", "fault"), FAULTS.values(), ids=FAULTS)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": SEND})


def assert_failed(ws: WebSocketExchange, replies: list[tuple[int, bytes]], code: int) -> None:
    """The peer has got these frames, then one Close with this code, and the end."""
    *frames, (opcode, payload) = ws.frames()
    assert frames == replies
    assert opcode == CLOSE
    assert int.from_bytes(payload[:2], "big") == code
    assert ws.transport.is_closed()
    assert not ws.transport.is_aborted()


@fault_cases
async def test_r8_replies_go_out_ahead_of_the_close(code: int, fault: bytes) -> None:
    async with open_websocket(app=echo, limits=LIMITS) as ws:
        assert ws.taken().startswith(b"HTTP/1.1 101 ")
        await ws.peer_sends(
            client_frame(TEXT, b"one"), client_frame(BINARY, b"two"), fault, client_frame(TEXT, b"after")
        )
        assert_failed(ws, [(TEXT, b"one"), (BINARY, b"two")], code)
        assert ws.session.disconnect is not None
        assert ws.session.disconnect[0] == code
        assert ws.session.closed_by == "server"
        assert ws.session.channel.messages_received == 2


@fault_cases
async def test_r8_at_once_when_the_application_is_not_behind(code: int, fault: bytes) -> None:
    async with open_websocket(limits=LIMITS) as ws:
        waiting = await ws.begin(ws.app.receive)
        await ws.peer_sends(fault)
        assert_failed(ws, [], code)
        assert waiting.result["type"] == "websocket.disconnect"
        assert waiting.result["code"] == code
        assert ws.runtime.pending == []


async def test_r8_the_fault_waits_until_the_application_reaches_it() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"one"), client_frame(TEXT, b"two"), client_frame(3))
        assert ws.frames() == []
        assert (await ws.receive())["text"] == "one"
        await ws.send(SEND, text="reply to one")
        assert ws.frames() == [(TEXT, b"reply to one")]
        assert (await ws.receive())["text"] == "two"
        await ws.send(SEND, text="reply to two")
        assert not ws.transport.is_closed()
        assert (await ws.disconnected())[0] == 1002
        assert_failed(ws, [(TEXT, b"reply to two")], 1002)


async def test_r8_after_fail_timeout_when_the_application_is_behind() -> None:
    async with open_websocket(fail_timeout=1.0, ping_interval=None) as ws:
        await ws.peer_sends(client_frame(TEXT, b"one"), client_frame(3))
        await ws.advance(0.9)
        assert not ws.transport.is_closed()
        await ws.advance(0.1)
        assert_failed(ws, [], 1002)
        assert ws.runtime.pending == []
        assert (await ws.receive())["text"] == "one", "what was received is still delivered"
        with pytest.raises(ClientDisconnected) as caught:
            await ws.send(SEND, text="too late")
        assert caught.value.code == 1002
        assert (await ws.disconnected())[0] == 1002
        assert ws.taken() == b""


async def test_r8_an_application_that_only_sends_learns_of_it() -> None:
    """It never calls receive(): user need 11."""
    async with open_websocket() as ws:
        await ws.peer_sends(close_frame(1001, b"going"))
        await ws.send(SEND, text="still in time")
        await ws.advance(1)
        assert ws.frames() == [(TEXT, b"still in time"), (CLOSE, b"\x03\xe9going")]
        with pytest.raises(ClientDisconnected) as caught:
            await ws.send(SEND, text="too late")
        assert (caught.value.code, caught.value.reason) == (1001, "going")


@pytest.mark.parametrize("fault", [client_frame(3), close_frame(1000)], ids=["fault", "close"])
async def test_r8_nothing_after_it_is_processed(fault: bytes) -> None:
    after = client_frame(TEXT, b"after") + client_frame(PING, b"after") + close_frame(4000)
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"before"), client_frame(PING, b"before"), fault, after)
        await ws.peer_sends(after)
        assert ws.frames() == [(PONG, b"before")]
        assert (await ws.receive())["text"] == "before"
        code, _ = await ws.disconnected()
        assert code in (1000, 1002)
        assert [opcode for opcode, _ in ws.frames()] == [CLOSE]
        ws.session.data_received(after)
        await settle()
        assert ws.taken() == b""
        assert ws.session.channel.messages_received == 1


async def test_r8_a_fault_while_send_is_blocked() -> None:
    async with open_websocket(app=echo, write_timeout=20, fail_timeout=1) as ws:
        ws.taken()
        ws.transport.stalled = True
        await ws.peer_sends(client_frame(BINARY, bytes(1000)), client_frame(TEXT, b"two"), client_frame(3))
        assert ws.transport.write_buffer_size() > 1000, "the second reply is blocked"
        ws.transport.take()
        await settle()
        assert_failed(ws, [(BINARY, bytes(1000)), (TEXT, b"two")], 1002)


async def test_r8_a_fault_while_send_stays_blocked() -> None:
    async with open_websocket(fail_timeout=1) as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(1000))
        call = await ws.begin(ws.app.send, {"type": SEND, "text": "blocked"})
        assert not call.is_done()
        await ws.peer_sends(client_frame(3))
        await ws.advance(0.9)
        assert not call.is_done()
        await ws.advance(0.1)
        assert isinstance(call.error, ClientDisconnected)
        assert call.error.code == 1002
        assert ws.transport.is_closed()
        assert ws.runtime.pending == []
        ws.transport.take()
        assert_failed(ws, [(BINARY, bytes(1000))], 1002)


async def test_r8_the_close_is_corked_behind_the_last_reply() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(TEXT, b"one"), client_frame(3))
        await ws.receive()
        await ws.send(SEND, text="one")
        assert ws.transport.writes[-1][1], "the Close is about to follow"
        await ws.disconnected()
        assert not ws.transport.writes[-1][1]


async def test_r7_a_ping_inside_a_fragmented_message_is_answered_first() -> None:
    async with open_websocket(app=echo) as ws:
        ws.taken()
        await ws.peer_sends(client_frame(TEXT, b"be", fin=False), client_frame(PING, b"\x00\xffping"))
        assert ws.frames() == [(PONG, b"\x00\xffping")]
        await ws.peer_sends(client_frame(CONTINUATION, b"gun"))
        assert ws.frames() == [(TEXT, b"begun")]


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(125))], ids=len)
async def test_r7_a_pong_echoes_the_payload_exactly(payload: bytes) -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(client_frame(PING, payload))
        assert ws.frames() == [(PONG, payload)]


async def test_r7_pongs_of_the_peer_are_ignored() -> None:
    async with open_websocket() as ws:
        waiting = await ws.begin(ws.app.receive)
        await ws.peer_sends(client_frame(PONG, b"unasked"), client_frame(TEXT, b"x"))
        assert waiting.result["text"] == "x"
        assert ws.frames() == []


async def test_r8_cork_hint_while_received_messages_are_queued() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(*(client_frame(TEXT, b"%d" % number) for number in range(3)))
        for number in range(3):
            await ws.receive()
            await ws.send(SEND, text=str(number))
        assert [more for _, more in ws.transport.writes[1:]] == [True, True, False]
        assert ws.frames() == [(TEXT, b"0"), (TEXT, b"1"), (TEXT, b"2")]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_r8_reads_of_any_size_lead_to_the_same_wire(size: int) -> None:
    data = b"".join(
        [
            client_frame(TEXT, b"one"),
            client_frame(PING, b"p"),
            fragments(BINARY, [b"t", b"", b"wo"]),
            client_frame(3, b"fault"),
            client_frame(TEXT, b"after"),
        ]
    )
    async with open_websocket(app=echo) as ws:
        ws.taken()
        for start in range(0, len(data), size):
            ws.session.data_received(data[start : start + size])
            await settle()
        frames = ws.frames()
        assert sorted(frames[:-1]) == sorted([(TEXT, b"one"), (PONG, b"p"), (BINARY, b"two")])
        assert frames[-1][1][:2] == b"\x03\xea"
