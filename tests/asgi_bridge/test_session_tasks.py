"""Several of an application's tasks at once, its cleanups, and what the session counts."""

import anyio
import pytest

from tests.asgi_bridge.exchanges import errors_in, open_websocket
from tests.asgi_bridge.memory import settle
from tests.codec.frames import BINARY, TEXT, client_frame, close_frame
from wsserve.asgi_bridge.exceptions import (
    ClientDisconnected,
)
from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio

SEND = "websocket.send"


# Cleanups


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()], ids=repr)
async def test_a_cleanup_that_raises_ends_only_this_connection(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def fail() -> None:
        raise error

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        websocket.add_cleanup(lambda: done.append("first"))
        websocket.add_cleanup(fail)
        websocket.add_cleanup(lambda: done.append("last"))
        await websocket.accept()

    async with open_websocket(app=app) as ws:
        ws.taken()
        await settle()
        assert done == ["last", "first"]
        assert ws.runtime.running == []
    assert len(errors_in(caplog)) == 1


async def test_cleanups_below_a_middleware_that_copies_the_scope_run() -> None:
    done: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        WebSocket({**scope}, receive, send).add_cleanup(lambda: done.append("done"))

    async with open_websocket(app=app):
        assert done == ["done"]


async def test_cleanups_run_when_the_server_cancels() -> None:
    done: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        WebSocket(scope, receive, send).add_cleanup(lambda: done.append("done"))
        await anyio.sleep_forever()

    async with open_websocket(app=app) as ws:
        ws.runtime.cancel()
        await settle()
        assert done == ["done"]
        assert ws.transport.is_aborted()


# Several tasks


async def test_two_receivers_get_each_message_once() -> None:
    async with open_websocket() as ws:
        calls = [await ws.begin(ws.app.receive) for _ in range(2)]
        await ws.peer_sends(client_frame(TEXT, b"one"))
        assert sorted(call.is_done() for call in calls) == [False, True]
        await ws.peer_sends(client_frame(TEXT, b"two"))
        assert sorted(call.result["text"] for call in calls) == ["one", "two"]


async def test_g1_of_two_receivers_one_gets_the_disconnect() -> None:
    async with open_websocket() as ws:
        calls = [await ws.begin(ws.app.receive) for _ in range(2)]
        await ws.peer_sends(close_frame(4000))
        results = [call.result for call in calls if call.error is None]
        assert results == [{"type": "websocket.disconnect", "code": 4000, "reason": ""}]
        assert len([call for call in calls if isinstance(call.error, ClientDisconnected)]) == 1


@pytest.mark.parametrize("cancelled", [0, 1])
async def test_cancelling_one_of_two_receivers_loses_nothing(cancelled: int) -> None:
    async with open_websocket() as ws:
        calls = [await ws.begin(ws.app.receive) for _ in range(2)]
        calls[cancelled].scope.cancel()
        await settle()
        await ws.peer_sends(client_frame(TEXT, b"one"))
        assert calls[1 - cancelled].result["text"] == "one"
        assert not calls[cancelled].is_done()


@pytest.mark.parametrize("cancelled", [0, 1])
async def test_cancelling_a_receiver_as_a_message_arrives_loses_nothing(cancelled: int) -> None:
    async with open_websocket() as ws:
        calls = [await ws.begin(ws.app.receive) for _ in range(2)]
        ws.session.data_received(client_frame(TEXT, b"one") + client_frame(TEXT, b"two"))
        calls[cancelled].scope.cancel()
        await settle()
        received = [call.result["text"] for call in calls if call.is_done()]
        while len(received) < 2:
            received.append((await ws.receive())["text"])
        assert sorted(received) == ["one", "two"]


async def test_a_receive_that_times_out_loses_nothing() -> None:
    async with open_websocket() as ws:
        for number in range(3):
            call = await ws.begin(ws.app.receive)
            call.scope.cancel()
            await settle()
            await ws.peer_sends(client_frame(TEXT, b"%d" % number))
            assert not call.is_done()
            assert (await ws.receive())["text"] == str(number)


async def test_user_need_15_concurrent_sends_do_not_interleave() -> None:
    async with open_websocket(high_water=100) as ws:
        ws.transport.stalled = True
        payloads = [bytes([number]) * 200 for number in range(5)]
        calls = [await ws.begin(ws.app.send, {"type": SEND, "bytes": payload}) for payload in payloads]
        while ws.transport.write_buffer_size():
            ws.transport.take(50)
            await settle()
        assert all(call.is_done() for call in calls)
        assert sorted(payload for _, payload in ws.frames()) == payloads


# Counters


async def test_counters() -> None:
    wire = [client_frame(TEXT, b"one"), client_frame(BINARY, b"three"), client_frame(0x9, b"p"), close_frame(1000)]
    async with open_websocket(trailing=wire[0], accept=False) as ws:
        await ws.accept()
        await ws.peer_sends(*wire[1:])
        for _ in range(3):
            await ws.receive()
        await ws.send(SEND, text="four")
        assert await ws.disconnected() == (1000, "")
        session = ws.session
        assert (session.channel.messages_received, session.channel.messages_sent) == (2, 1)
        assert session.channel.bytes_received == sum(map(len, wire))
        assert session.channel.bytes_sent == 3 + 6 + 4, "pong, message and Close"
