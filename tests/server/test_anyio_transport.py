"""The portable transport on a stream in memory, on every event loop; sockets are in test_connection."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream

from tests.end_to_end.raw_client import close_frame, frame, upgrade_head
from tests.server.live import Logs, Recorder, get, hello, respond, until
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.server.acceptors import on_asyncio
from wsserve.server.anyio_transport import WRITE_SIZE, AnyioTransport
from wsserve.server.config import Config
from wsserve.server.lifespan import Lifespan
from wsserve.server.runtime import ServerRuntime
from wsserve.server.serve import _make_context

pytestmark = pytest.mark.anyio

WRITE_LIMIT = 1000
ERRORS = [
    pytest.param(anyio.BrokenResourceError, id="broken"),
    pytest.param(anyio.ClosedResourceError, id="closed"),
    pytest.param(ConnectionResetError, id="reset"),
    pytest.param(lambda: anyio.BusyResourceError("writing to"), id="busy"),
]


@pytest.fixture(autouse=True)
def _clean(logs: Logs) -> None:
    """Let no test log a warning or an error that it does not expect."""


class Stream(ByteStream):
    """A byte stream that is fed by the test, and keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.receives = 0
        self.fail_with: Callable[[], BaseException] | None = None
        """What sending raises."""
        self.closed = False
        self._input: deque[bytes | Callable[[], BaseException]] = deque()
        self._fed = anyio.Event()
        self._gate = anyio.Event()
        self._gate.set()

    def feed(self, item: bytes | Callable[[], BaseException]) -> None:
        """Let `receive` return these bytes, or raise this."""
        self._input.append(item)
        self._fed.set()

    def end(self) -> None:
        self.feed(anyio.EndOfStream)

    def hold(self) -> None:
        """Let sending block until `release`."""
        self._gate = anyio.Event()

    def release(self) -> None:
        self._gate.set()

    @property
    def text(self) -> bytes:
        return b"".join(piece for piece in self.sent if piece != "eof")

    async def receive(self, max_bytes: int = 65536) -> bytes:
        self.receives += 1
        while not self._input:
            self._fed = anyio.Event()
            await self._fed.wait()
        item = self._input.popleft()
        if not isinstance(item, bytes):
            raise item()
        return item

    async def send(self, item: bytes) -> None:
        await self._gate.wait()
        await anyio.lowlevel.checkpoint()
        if self.fail_with is not None:
            raise self.fail_with()
        self.sent.append(bytes(item))

    async def send_eof(self) -> None:
        if self.fail_with is not None:
            raise self.fail_with()
        self.sent.append("eof")

    async def aclose(self) -> None:
        self.closed = True
        await anyio.lowlevel.checkpoint()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return {}


class Served:
    """A stream that is being served."""

    def __init__(self, stream: Stream, transport: AnyioTransport) -> None:
        self.stream = stream
        self.transport = transport
        self.ended = anyio.Event()


@asynccontextmanager
async def serving(app: ASGIApp, *, linger_timeout: float = 0.05, **options: Any) -> AsyncIterator[Served]:
    """Serve `app` on a stream in memory. At the end the connection must be over, or be aborted."""
    config = Config(ws_write_limit=WRITE_LIMIT, **options)
    async with anyio.create_task_group() as tasks:
        runtime = ServerRuntime(tasks, on_asyncio=on_asyncio())
        tasks.start_soon(runtime.timers.run)
        context = _make_context(app, config, runtime, Lifespan(app))
        context.linger_timeout = linger_timeout
        stream = Stream()
        served = Served(stream, AnyioTransport(stream, context))

        async def run() -> None:
            await served.transport.run()
            served.ended.set()

        tasks.start_soon(run)
        yield served
        with anyio.fail_after(5):
            await served.ended.wait()
        assert stream.closed
        assert context.connections == set()
        await until(lambda: not runtime.running)
        assert sum(len(bucket) for bucket in runtime.timers._buckets.values()) == 0
        runtime.cancel()


async def test_any_byte_stream_is_served_and_its_scope_knows_no_addresses() -> None:
    app = Recorder()
    async with serving(app) as served:
        served.stream.feed(get("/", "Connection: close"))
    assert (app.scopes[0]["client"], app.scopes[0]["server"]) == (None, None)
    assert served.stream.sent[-1] == "eof"
    assert served.stream.text.startswith(b"HTTP/1.1 200")


async def test_what_is_written_before_the_writing_task_runs_goes_out_in_one_piece() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for number in range(5):
            await send({"type": "websocket.send", "text": f"{number}"})

    async with serving(app) as served:
        served.stream.feed(upgrade_head("/"))
        await until(lambda: served.stream.sent)
        served.stream.feed(close_frame(1000))
    assert served.stream.sent[0].endswith(b"\x81\x010\x81\x011\x81\x012\x81\x013\x81\x014\x88\x02\x03\xe8")


async def test_large_output_goes_out_in_pieces_and_the_session_waits_meanwhile() -> None:
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(4):
            await send({"type": "websocket.send", "bytes": b"\xee" * 3 * WRITE_SIZE})
            sent += 1

    async with serving(app) as served:
        served.stream.hold()
        served.stream.feed(upgrade_head("/"))
        await until(lambda: served.transport.write_buffer_size() > WRITE_LIMIT)
        await anyio.wait_all_tasks_blocked()
        assert sent == 1
        served.stream.release()
        await until(lambda: sent == 4)
        served.stream.feed(close_frame(1000))
    assert max(len(piece) for piece in served.stream.sent if piece != "eof") == WRITE_SIZE
    assert served.stream.text.count(b"\xee") == 4 * 3 * WRITE_SIZE
    assert served.transport.write_buffer_size() == 0


async def test_u15_reading_that_is_resumed_and_paused_again_at_once_does_not_go_on() -> None:
    app = Recorder()
    async with serving(app) as served:
        await anyio.wait_all_tasks_blocked()
        served.transport.pause_reading()
        served.transport.pause_reading()
        served.stream.feed(b"GET")
        await anyio.wait_all_tasks_blocked()
        before = served.stream.receives
        for _ in range(5):
            served.stream.feed(b" ")
            served.transport.resume_reading()
            served.transport.pause_reading()
            await anyio.wait_all_tasks_blocked()
        assert served.stream.receives == before
        served.transport.resume_reading()
        served.transport.abort()


@pytest.mark.parametrize("error", ERRORS)
async def test_a9_a_stream_that_breaks_while_sending_ends_with_1006(error: Callable[[], BaseException]) -> None:
    app = Recorder()
    async with serving(app) as served:
        served.stream.feed(upgrade_head("/"))
        await until(lambda: served.stream.sent)
        served.stream.fail_with = error
        served.stream.feed(frame(9, b"ping"))
    assert app.codes == [1006]


@pytest.mark.parametrize("error", ERRORS)
async def test_a9_a_stream_that_breaks_while_receiving_ends_with_1006(error: Callable[[], BaseException]) -> None:
    app = Recorder()
    async with serving(app) as served:
        served.stream.feed(upgrade_head("/"))
        await until(lambda: served.stream.sent)
        served.stream.feed(error)
    assert app.codes == [1006]


async def test_a9_an_end_that_cannot_be_sent_is_no_error() -> None:
    async with serving(hello) as served:
        served.stream.feed(get("/", "Connection: close"))
        await until(lambda: served.transport._closing)
        served.stream.fail_with = lambda: OSError(107, "not connected")


async def test_the_peers_end_is_handed_on_and_the_response_still_goes_out() -> None:
    async with serving(hello) as served:
        served.stream.feed(get("/page"))
        served.stream.end()
    assert served.stream.text.endswith(b"/page")
    assert served.stream.sent[-1] == "eof"


async def test_close_drops_what_comes_in_and_what_is_written_later() -> None:
    app = Recorder()
    async with serving(app, linger_timeout=5.0) as served:
        await anyio.wait_all_tasks_blocked()
        served.transport.write(b"last")
        served.transport.close()
        served.transport.close()
        served.transport.pause_reading()
        served.transport.write(b"too late")
        served.stream.feed(get("/late"))
        await until(lambda: "eof" in served.stream.sent)
        assert not served.ended.is_set(), "the peer's end is waited for"
        served.stream.end()
    assert served.stream.sent == [b"last", "eof"]
    assert app.scopes == []


async def test_a_peer_that_has_finished_is_not_waited_for() -> None:
    async with serving(hello, linger_timeout=5.0) as served:
        await anyio.wait_all_tasks_blocked()
        served.transport.close()
        served.stream.end()
        with anyio.fail_after(0.5):
            await served.ended.wait()


async def test_what_is_left_at_the_end_goes_out_as_long_as_the_peer_takes_any() -> None:
    async with serving(hello, ws_close_timeout=0.1) as served:
        await anyio.wait_all_tasks_blocked()
        served.stream.hold()
        served.transport.write(b"x" * 4 * WRITE_SIZE)
        served.transport.close()
        served.stream.end()
        for _ in range(4):
            await anyio.sleep(0.08)
            served.stream.release()
            await anyio.lowlevel.checkpoint()
            served.stream.hold()
        served.stream.release()
    assert len(served.stream.text) == 4 * WRITE_SIZE


async def test_a_peer_that_takes_nothing_at_the_end_is_given_up() -> None:
    async with serving(hello, ws_close_timeout=0.05) as served:
        await anyio.wait_all_tasks_blocked()
        served.stream.hold()
        served.transport.write(b"x" * 4 * WRITE_SIZE)
        served.transport.close()
        with anyio.fail_after(1):
            await served.ended.wait()
    assert served.stream.sent == []


async def test_the_end_comes_for_a_stream_whose_task_is_cancelled() -> None:
    app = Recorder()
    with anyio.CancelScope() as scope:
        async with serving(app) as served:
            served.stream.feed(upgrade_head("/"))
            await until(lambda: served.stream.sent)
            scope.cancel()
    assert served.stream.closed


async def test_a_session_that_fails_ends_its_connection() -> None:
    """Faults of our own come out of `run`, for whoever runs it to log."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"")

    def fail(data: bytes) -> None:
        raise ValueError("a fault of our own")

    async def serve_and_fail() -> None:
        async with serving(app) as served:
            streams.append(served.stream)
            served.transport.hand_to(fail)
            served.stream.feed(b"x")
            await served.ended.wait()

    streams: list[Stream] = []
    with pytest.raises(ExceptionGroup):
        await serve_and_fail()
    assert streams[0].closed
