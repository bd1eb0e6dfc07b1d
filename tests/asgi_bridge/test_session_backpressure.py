"""Bounds in both directions: the receive queue, blocked sends, pongs and the ceiling (A3, A4, A8)."""

from typing import Any

import pytest

from tests.asgi_bridge.exchanges import errors_in, open_websocket
from tests.asgi_bridge.memory import settle
from tests.codec.frames import BINARY, CLOSE, PING, PONG, TEXT, client_frame, close_frame
from wsserve.asgi_bridge.backpressure import EVENT_COST
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.message_channel import CEILING
from wsserve.asgi_bridge.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio

SEND = "websocket.send"


def text(number: int) -> bytes:
    return client_frame(TEXT, b"%d" % number)


# In


async def test_max_queue_crossed_by_one_message() -> None:
    async with open_websocket(max_queue=8) as ws:
        await ws.peer_sends(*(text(number) for number in range(7)))
        assert ws.transport.is_reading()
        await ws.peer_sends(text(7))
        assert not ws.transport.is_reading()
        for number in range(8):
            assert ws.transport.is_reading() is (number > 5), "until a quarter is left"
            assert (await ws.receive())["text"] == str(number)
        assert ws.transport.is_reading()


@pytest.mark.parametrize("kind", [TEXT, BINARY])
async def test_max_queue_bytes_crossed_by_one_byte(kind: int) -> None:
    async with open_websocket(max_queue_bytes=1000) as ws:
        await ws.peer_sends(client_frame(kind, b"x" * (999 - EVENT_COST)))
        assert ws.transport.is_reading()
        await ws.receive()
        await ws.peer_sends(client_frame(kind, b"x" * (1000 - EVENT_COST)))
        assert not ws.transport.is_reading()
        await ws.receive()
        assert ws.transport.is_reading()


async def test_ceiling_stops_parsing_and_nothing_is_lost() -> None:
    """All in one read: beyond the ceiling it is neither parsed nor answered until the application has caught up."""
    each = 100
    count = CEILING * 1000 // each
    frames = [client_frame(BINARY, b"%036d" % number) for number in range(3 * count)]
    async with open_websocket(max_queue_bytes=1000, max_queue=16) as ws:
        await ws.peer_sends(
            *frames[: count - 1],
            client_frame(PING, b"below"),
            frames[count - 1],
            client_frame(PING, b"above"),
            *frames[count:],
            client_frame(PING, b"end"),
            close_frame(4000, b"done"),
        )
        assert ws.frames() == [(PONG, b"below")]
        assert ws.session.channel.messages_received == count
        for number in range(3 * count):
            assert (await ws.receive())["bytes"] == b"%036d" % number
            assert ws.session.channel.messages_received - number - 1 <= count
        assert ws.frames() == [(PONG, b"above"), (PONG, b"end")]
        assert await ws.disconnected() == (4000, "done")
        assert ws.frames() == [(CLOSE, b"\x0f\xa0done")]


async def test_reading_does_not_go_on_before_what_was_read_is_through() -> None:
    frames = [client_frame(BINARY, bytes(500)) for _ in range(20)]
    async with open_websocket(max_queue_bytes=1000) as ws:
        await ws.peer_sends(*frames)
        received = 0
        while not ws.transport.is_reading():
            await ws.receive()
            received += 1
        assert received == 20
        assert ws.session.channel.messages_received == 20


async def test_a8_pings_are_answered_while_reading_is_paused() -> None:
    async with open_websocket(max_queue=1) as ws:
        await ws.peer_sends(text(1), client_frame(PING, b"x"))
        assert not ws.transport.is_reading()
        assert ws.frames() == [(PONG, b"x")]


@pytest.mark.parametrize("last", ["end", "loss"])
async def test_a9_the_end_behind_a_full_queue(last: str) -> None:
    """What was read is delivered, also what had not been parsed when the peer went."""
    frames = [client_frame(BINARY, bytes(500)) for _ in range(20)]
    async with open_websocket(max_queue_bytes=1000) as ws:
        await ws.peer_sends(*frames, client_frame(BINARY, bytes(500))[:100])
        await (ws.peer_ends() if last == "end" else ws.lose())
        for _ in range(20):
            assert (await ws.receive())["bytes"] == bytes(500)
        assert await ws.disconnected() == (1006, "")


async def test_a9_a_close_behind_a_full_queue_is_told_after_the_loss() -> None:
    frames = [client_frame(BINARY, bytes(500)) for _ in range(20)]
    async with open_websocket(max_queue_bytes=1000) as ws:
        await ws.peer_sends(*frames, close_frame(1001, b"bye"))
        await ws.lose()
        with pytest.raises(ClientDisconnected):
            await ws.send(SEND, text="x")
        for _ in range(20):
            await ws.receive()
        assert await ws.disconnected() == (1001, "bye")
        assert ws.session.closed_by == "client"


async def test_a9_no_timer_is_left_when_the_end_behind_a_full_queue_is_never_reached() -> None:
    frames = [client_frame(BINARY, bytes(500)) for _ in range(20)]
    async with open_websocket(max_queue_bytes=1000) as ws:
        await ws.peer_sends(*frames)
        await ws.lose()
        assert ws.runtime.pending == []
        for _ in range(19):
            await ws.receive()
        assert ws.runtime.pending == []


async def test_closing_reads_on_whatever_the_queue_held() -> None:
    frames = [client_frame(BINARY, bytes(500)) for _ in range(20)]
    async with open_websocket(max_queue_bytes=1000) as ws:
        await ws.peer_sends(*frames, client_frame(PING, b"x"))
        assert not ws.transport.is_reading()
        await ws.send("websocket.close")
        assert ws.transport.is_reading()
        assert ws.frames() == [(CLOSE, b"\x03\xe8")]
        await ws.peer_sends(close_frame(1000))
        assert await ws.disconnected() == (1000, "")


# Out


async def test_a3_send_blocks_at_the_high_water_mark() -> None:
    async with open_websocket(high_water=1000) as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(996))
        assert ws.transport.write_buffer_size() == 1000
        await ws.send(SEND, text="")  # crosses the mark, and returns
        call = await ws.begin(ws.app.send, {"type": SEND, "text": "three"})
        assert not call.is_done()
        ws.transport.take(500)
        await settle()
        assert not call.is_done()
        ws.transport.take(300)
        await settle()
        assert call.is_done()
        ws.transport.take()
        assert ws.frames() == [(BINARY, bytes(996)), (TEXT, b""), (TEXT, b"three")]
        assert ws.session.channel.messages_sent == 3
        assert ws.session.channel.bytes_sent == 1000 + 2 + 7


async def test_a3_memory_is_bounded_for_a_client_that_does_not_read() -> None:
    async with open_websocket(high_water=65536) as ws:
        ws.transport.stalled = True

        async def flood() -> None:
            while True:
                await ws.app.send({"type": SEND, "bytes": bytes(1000)})

        call = await ws.begin(flood)
        assert not call.is_done()
        assert ws.transport.write_buffer_size() < 65536 + 1005
        await ws.advance(20)
        assert isinstance(call.error, ClientDisconnected)


async def test_a3_a_sender_that_is_never_blocked_gives_the_others_their_turn() -> None:
    sent = 0

    async def flood() -> None:
        nonlocal sent
        while True:
            await ws.app.send({"type": SEND, "text": ""})
            sent += 1

    async with open_websocket() as ws:
        call = await ws.begin(flood)
        assert 1000 < sent < 50_000, "the test itself has had its turn"
        call.scope.cancel()


async def test_a3_a_write_without_progress_aborts_with_1006(caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket(write_timeout=20, ping_interval=None) as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(2000))
        call = await ws.begin(ws.app.send, {"type": SEND, "text": "x"})
        for _ in range(3):
            ws.transport.take(1)
            await ws.advance(20)
        assert not call.is_done()
        await ws.advance(19.9)
        assert not ws.transport.is_aborted()
        await ws.advance(0.1)
        assert ws.transport.is_aborted()
        assert isinstance(call.error, ClientDisconnected)
        assert call.error.code == 1006
        assert await ws.disconnected() == (1006, "")
        assert ws.session.closed_by == "nobody"
        await ws.end(call.error)
    assert errors_in(caplog) == []


@pytest.mark.parametrize("how", ["end", "loss", "close", "fault"])
async def test_g4_a_blocked_send_wakes_on_disconnect(how: str, caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket() as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(2000))
        call = await ws.begin(ws.app.send, {"type": SEND, "text": "x"})
        waiting = await ws.begin(ws.app.receive)
        if how == "end":
            await ws.peer_ends()
        elif how == "loss":
            await ws.lose()
        else:
            await ws.peer_sends(close_frame(4000, b"bye") if how == "close" else client_frame(3))
        assert waiting.result["code"] == {"end": 1006, "loss": 1006, "close": 4000, "fault": 1002}[how]
        assert isinstance(call.error, ClientDisconnected)
        assert isinstance(call.error, OSError)
        assert call.error.code == waiting.result["code"]
        await ws.end(call.error)
    assert errors_in(caplog) == []


async def test_a3_two_blocked_senders_go_on_and_nothing_is_lost() -> None:
    async with open_websocket() as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(2000))
        calls = [await ws.begin(ws.app.send, {"type": SEND, "bytes": bytes(2000)}) for _ in range(2)]
        ws.transport.take(2004)
        await settle()
        assert sorted(call.is_done() for call in calls) == [False, True], "one fills it again"
        ws.transport.take()
        await settle()
        assert all(call.is_done() for call in calls)
        assert [len(payload) for _, payload in ws.frames()] == [2000, 2000, 2000]


@pytest.mark.parametrize("cancelled", [0, 1])
async def test_cancelling_one_of_two_blocked_senders_loses_nothing(cancelled: int) -> None:
    async with open_websocket() as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(2000))
        calls = [await ws.begin(ws.app.send, {"type": SEND, "text": str(number)}) for number in range(2)]
        calls[cancelled].scope.cancel()
        await settle()
        ws.transport.take()
        await settle()
        assert calls[1 - cancelled].is_done()
        assert [payload for _, payload in ws.frames()][1:] == [b"%d" % (1 - cancelled)]
        assert ws.session.channel.messages_sent == 2


async def test_a_send_that_is_cancelled_as_it_wakes_is_whole_or_not_at_all() -> None:
    async with open_websocket() as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(2000))
        calls = [await ws.begin(ws.app.send, {"type": SEND, "text": str(number)}) for number in range(2)]
        ws.transport.take()
        calls[0].scope.cancel()
        await settle()
        sent = [payload for _, payload in ws.frames()][1:]
        assert sorted(sent) == ([b"0", b"1"] if calls[0].is_done() else [b"1"])


# Pongs


async def test_a4_all_pings_are_answered_when_output_is_not_blocked() -> None:
    async with open_websocket() as ws:
        await ws.peer_sends(*(client_frame(PING, b"%d" % number) for number in range(10)))
        assert ws.frames() == [(PONG, b"%d" % number) for number in range(10)]


async def test_a4_pongs_coalesce_to_the_newest_while_output_is_blocked() -> None:
    async with open_websocket() as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(2000))
        for number in range(100):
            await ws.peer_sends(*(client_frame(PING, b"%d" % (number * 100 + each)) for each in range(100)))
        assert ws.transport.write_buffer_size() == 2004
        ws.transport.take()
        assert ws.frames() == [(BINARY, bytes(2000)), (PONG, b"9999")]
        await ws.peer_sends(client_frame(PING, b"again"))
        assert ws.frames() == [(PONG, b"again")]


async def test_a4_a_flood_of_pings_from_a_client_that_never_reads_is_bounded() -> None:
    async with open_websocket(high_water=65536) as ws:
        ws.transport.stalled = True
        pings = client_frame(PING, bytes(125)) * 1000
        for _ in range(20):
            await ws.peer_sends(pings)
        assert ws.transport.write_buffer_size() <= 65536 + 127
        await ws.advance(20)
        assert ws.transport.is_aborted()


@pytest.mark.parametrize("end", ["fault", "application", "shutdown"])
async def test_r11_an_owed_pong_does_not_follow_the_close(end: str) -> None:
    async with open_websocket() as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(2000))
        await ws.peer_sends(client_frame(PING, b"owed"))
        if end == "fault":
            await ws.peer_sends(client_frame(3))
            await ws.disconnected()
        elif end == "application":
            await ws.send("websocket.close")
        else:
            ws.session.shutdown()
        ws.transport.take()
        assert [opcode for opcode, _ in ws.frames()] == [BINARY, CLOSE]


# Keepalive


async def test_a8_half_open_connection_is_gone_within_45_seconds() -> None:
    async with open_websocket() as ws:
        waiting = await ws.begin(ws.app.receive)
        await ws.advance(20)
        assert ws.frames() == [(PING, b"")]
        await ws.advance(9)
        assert not waiting.is_done()
        await ws.advance(16)
        assert ws.transport.is_aborted()
        assert waiting.result == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        assert ws.frames() == []


@pytest.mark.parametrize(
    "life",
    [client_frame(PONG), client_frame(TEXT, b"x"), client_frame(BINARY, bytes(100))[:1]],
    ids=["pong", "text", "byte"],
)
async def test_a8_any_inbound_byte_counts(life: bytes) -> None:
    async with open_websocket() as ws:
        await ws.advance(20)
        assert ws.frames() == [(PING, b"")]
        await ws.peer_sends(life)
        await ws.advance(20.5)
        assert not ws.transport.is_aborted()
        assert ws.frames() == [(PING, b"")]
        await ws.advance(20)
        assert ws.transport.is_aborted()


async def test_a8_the_deadline_is_suspended_while_reading_is_paused() -> None:
    """An application that is slow must not cost its client the connection: the pong waits unread."""
    async with open_websocket(max_queue=1) as ws:
        await ws.peer_sends(text(1))
        assert not ws.transport.is_reading()
        await ws.advance(1000)
        assert not ws.transport.is_aborted()
        await ws.receive()
        assert ws.transport.is_reading()
        await ws.advance(19)
        assert not ws.transport.is_aborted()
        await ws.advance(40)
        assert ws.transport.is_aborted()


async def test_a8_the_deadline_is_suspended_while_output_is_blocked() -> None:
    async with open_websocket(write_timeout=30, high_water=1000) as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(5000))
        for _ in range(20):
            await ws.advance(25)
            ws.transport.take(1)
        assert not ws.transport.is_aborted()
        assert ws.transport.write_buffer_size() == 5004 - 20, "no ping behind what is blocked"


async def test_a8_a_slow_reader_with_nothing_to_say_is_not_given_up_as_it_catches_up() -> None:
    """The ping of the time when output was blocked did not go out, so nobody could answer it."""
    async with open_websocket(write_timeout=100, high_water=1000) as ws:
        ws.transport.stalled = True
        await ws.send(SEND, bytes=bytes(5000))
        await ws.advance(28)
        ws.transport.take()
        await ws.advance(17)
        assert not ws.transport.is_aborted()
        assert (PING, b"") in ws.frames()
        await ws.advance(40)
        assert ws.transport.is_aborted()


async def test_a8_keepalive_can_be_off() -> None:
    async with open_websocket(ping_interval=None) as ws:
        assert ws.runtime.pending == []


async def test_a8_keepalive_begins_with_accept() -> None:
    async with open_websocket(accept=False) as ws:
        assert ws.runtime.pending == []
        await ws.accept()
        assert len(ws.runtime.pending) == 1


@pytest.mark.parametrize("options", [{"max_queue": 1}, {"max_queue_bytes": 1}])
async def test_the_smallest_bounds_work(options: dict[str, Any]) -> None:
    async with open_websocket(**options) as ws:
        await ws.peer_sends(*(text(number) for number in range(20)), close_frame(1000))
        for number in range(20):
            assert (await ws.receive())["text"] == str(number)
        assert await ws.disconnected() == (1000, "")


async def test_a5_messages_behind_the_end_of_a_turn_come_in_the_next() -> None:
    taken: list[str] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            taken.append(message["text"])
            if len(taken) == 100:
                ws.runtime.advance(0.5)  # the turn is over, with messages in the queue

    async with open_websocket(app=app, max_queue=1000, max_queue_bytes=1_000_000) as ws:
        await ws.peer_sends(*(client_frame(TEXT, b"%d" % number) for number in range(200)), close_frame(1000))
        await settle()
        assert taken == [str(number) for number in range(200)]
        assert ws.session.disconnect == (1000, "")


async def test_a_transport_that_is_full_after_the_close_is_not_watched_any_more() -> None:
    async with open_websocket() as ws:
        await ws.send("websocket.close")
        pending = ws.runtime.pending
        ws.session.pause_writing()
        assert ws.runtime.pending == pending
