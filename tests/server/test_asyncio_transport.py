"""The asyncio transport on a transport that only notes what is done to it; sockets are in test_connection."""

import asyncio
import socket
from typing import Any, cast

import anyio
import pytest

from tests.end_to_end.raw_client import frame, upgrade_head
from tests.server.live import Logs, Recorder, until
from tests.server.test_timers import Clock
from wsserve.asgi_bridge.types import ASGIApp
from wsserve.server import asyncio_transport
from wsserve.server.asyncio_transport import SLICE, AsyncioTransport
from wsserve.server.config import Config
from wsserve.server.connection import ConnectionContext
from wsserve.server.lifespan import Lifespan
from wsserve.server.runtime import ServerRuntime
from wsserve.server.serve import LINGER_TIMEOUT, _make_context

pytestmark = pytest.mark.anyio

CLOSE_TIMEOUT = 3.0
WRITE_LIMIT = 1000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _clean(logs: Logs) -> None:
    """Let no test log a warning or an error that it does not expect."""


class Wire:
    """An `asyncio.Transport` without a socket."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.waiting = 0
        self.closing = False
        self.refuses_eof = False

    def get_extra_info(self, name: str) -> Any:
        return _NoSocket() if name == "socket" else None

    def set_write_buffer_limits(self, *, high: int) -> None:
        assert high == WRITE_LIMIT

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def write_eof(self) -> None:
        if self.refuses_eof:
            raise OSError(107, "not connected")
        self.done.append("eof")

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")


class _NoSocket:
    family = socket.AF_INET

    def getsockname(self) -> Any:
        raise OSError("not connected")

    getpeername = getsockname


class Pair:
    """A transport and the wire below it, with a clock of their own."""

    def __init__(self, app: ASGIApp | None = None, tasks: anyio.abc.TaskGroup | None = None) -> None:
        self.clock = Clock()
        runtime = ServerRuntime(cast(Any, tasks), on_asyncio=True)
        runtime.now = lambda: self.clock.now
        runtime.timers = self.clock.wheel
        config = Config(ws_close_timeout=CLOSE_TIMEOUT, ws_write_limit=WRITE_LIMIT, timeout_handshake=1000.0)
        self.app = Recorder()
        app = app if app is not None else self.app
        self.context: ConnectionContext = _make_context(app, config, runtime, Lifespan(app))
        self.wire = Wire()
        self.transport = AsyncioTransport(self.context)
        self.transport.connection_made(cast(asyncio.Transport, self.wire))

    @property
    def done(self) -> list[Any]:
        """What was done to the wire since this was last looked at."""
        done, self.wire.done = self.wire.done, []
        return done


async def turn() -> None:
    """Let the event loop have its next turn."""
    await asyncio.sleep(0)


async def test_what_is_written_goes_out_at_once() -> None:
    pair = Pair()
    pair.transport.write(b"one")
    pair.transport.write(b"two")
    assert pair.done == [b"one", b"two"]


async def test_what_is_written_soon_goes_out_in_one_write() -> None:
    pair = Pair()
    pair.transport.write_soon(b"one")
    pair.transport.write_soon(b"two")
    assert pair.done == []
    assert pair.transport.write_buffer_size() == 6
    pair.transport.write(b"three")
    assert pair.done == [b"onetwothree"]
    await turn()
    assert pair.done == []
    assert pair.transport.write_buffer_size() == 0


async def test_what_is_written_soon_waits_for_one_turn_only() -> None:
    pair = Pair()
    pair.transport.write_soon(b"one")
    await turn()
    assert pair.done == [b"one"]
    pair.transport.write_soon(b"two")
    await turn()
    assert pair.done == [b"two"]


async def test_what_is_written_while_input_is_handed_on_goes_out_in_one_write() -> None:
    pair = Pair()

    def answer(data: bytes) -> None:
        pair.transport.write(data)
        pair.transport.write_soon(data)
        assert pair.transport.write_buffer_size() == 2 * len(data)
        pair.transport.write(b"!")
        assert pair.done == []

    pair.transport.hand_to(answer)
    pair.transport.data_received(b"one")
    assert pair.done == [b"oneone!"]
    pair.transport.hand_to(pair.transport.write)
    pair.transport.data_received(b"two")
    assert pair.done == [b"two"]
    await turn()
    assert pair.done == []


async def test_a_fault_while_input_is_handed_on_leaves_nothing_gathered() -> None:
    pair = Pair()

    def fail(data: bytes) -> None:
        pair.transport.write(data)
        raise ValueError(data)

    pair.transport.hand_to(fail)
    with pytest.raises(ValueError, match="one"):
        pair.transport.data_received(b"one")
    assert pair.done == [b"one"]
    pair.transport.write(b"two")
    assert pair.done == [b"two"]


async def test_gathering_ends_at_the_write_limit() -> None:
    pair = Pair()
    pair.transport.write_soon(b"x" * (WRITE_LIMIT - 1))
    assert pair.done == []
    pair.transport.write_soon(b"x")
    assert pair.done == [b"x" * WRITE_LIMIT]


async def test_a9_nothing_is_written_to_a_transport_that_is_closing() -> None:
    """asyncio would log a warning for each write from the fifth on."""
    pair = Pair()
    pair.transport.write_soon(b"one")
    pair.wire.closing = True
    pair.transport.write(b"two")
    pair.transport.write_soon(b"three")
    pair.transport.pause_reading()
    pair.transport.resume_reading()
    pair.transport.connection_lost(None)
    await turn()
    assert pair.done == []
    assert pair.transport.write_buffer_size() == 0
    assert pair.context.connections == set()


async def test_an_abort_drops_what_was_gathered() -> None:
    pair = Pair()
    pair.transport.write_soon(b"one")
    pair.transport.abort()
    await turn()
    assert pair.done == ["abort"]


async def test_reading_is_paused_and_resumed() -> None:
    pair = Pair()
    pair.transport.pause_reading()
    pair.transport.resume_reading()
    assert pair.done == ["pause", "resume"]


async def test_close_ends_the_output_drains_the_input_and_then_closes() -> None:
    pair = Pair()
    pair.transport.write_soon(b"last")
    pair.transport.close()
    assert pair.done == [b"last", "eof", "resume"]
    pair.transport.data_received(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
    pair.transport.close()
    pair.clock.advance(LINGER_TIMEOUT - 0.01)
    assert pair.done == []
    pair.clock.advance(0.1)
    assert pair.done == ["close"]
    pair.transport.connection_lost(None)
    assert pair.app.scopes == []
    assert sum(len(bucket) for bucket in pair.clock.wheel._buckets.values()) == 0


async def test_the_peers_end_ends_the_draining() -> None:
    pair = Pair()
    pair.transport.close()
    assert pair.transport.eof_received() is False, "then the event loop closes"
    assert pair.done == ["eof", "resume"]


async def test_a_peer_that_has_finished_is_not_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 0.0)  # its connection ends nothing by itself
    assert pair.transport.eof_received() is True
    pair.transport.close()
    assert pair.done == ["close"]


async def test_draining_waits_while_the_peer_takes_what_is_left() -> None:
    pair = Pair()
    pair.wire.waiting = 1000
    pair.transport.close()
    for _ in range(8):
        pair.clock.advance(CLOSE_TIMEOUT - 0.5)
        pair.wire.waiting -= 100
    assert pair.done == ["eof", "resume"]
    pair.wire.waiting = 0
    pair.clock.advance(2 * LINGER_TIMEOUT + 0.1)
    assert pair.done == ["close"]


async def test_a_peer_that_takes_nothing_of_what_is_left_is_given_up() -> None:
    pair = Pair()
    pair.wire.waiting = 1000
    pair.transport.close()
    pair.clock.advance(CLOSE_TIMEOUT - 0.1)
    assert "abort" not in pair.wire.done
    pair.clock.advance(LINGER_TIMEOUT + 0.1)
    assert pair.done[-1] == "abort"


async def test_a9_a_connection_that_was_reset_unnoticed_is_aborted() -> None:
    pair = Pair()
    pair.wire.refuses_eof = True
    pair.transport.close()
    assert pair.done == ["abort"]


async def test_close_leaves_a_transport_alone_that_is_closing_already() -> None:
    pair = Pair()
    pair.wire.closing = True
    pair.transport.close()
    assert pair.done == []


async def test_backpressure_reaches_the_session() -> None:
    async with anyio.create_task_group() as tasks:
        pair = Pair(tasks=tasks)
        pair.transport.pause_writing()
        pair.transport.resume_writing()  # there is no session yet
        pair.transport.data_received(upgrade_head("/"))
        await until(lambda: b"101" in b"".join(pair.wire.done))
        pair.transport.pause_writing()
        pair.wire.done.clear()
        pair.transport.data_received(frame(9, b"one") + frame(9, b"two"))
        assert pair.done == []
        pair.transport.resume_writing()
        assert pair.done == [b"\x8a\x03two"], "the newest ping is answered"
        pair.transport.connection_lost(None)
    assert pair.app.codes == [1006]


# Large reads, in turns


class Told:
    """A connection that only notes what it is told."""

    def __init__(self, *_: object) -> None:
        self.told: list[Any] = []

    def data_received(self, data: bytes) -> None:
        self.told.append(len(data))

    def eof_received(self) -> None:
        self.told.append("eof")

    def connection_lost(self) -> None:
        self.told.append("lost")


class Fed(Pair):
    """A pair whose connection only notes what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        monkeypatch.setattr(asyncio_transport, "TURN", seconds)
        monkeypatch.setattr(asyncio_transport, "Connection", Told)
        super().__init__()
        self.told: list[Any] = cast(Told, self.transport._connection).told


async def test_a_channel_gets_whole_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 0.0)
    sizes: list[int] = []
    pair.transport.hand_to(lambda data: sizes.append(len(data)))
    pair.transport.data_received(bytes(3 * SLICE + 1))
    assert (sizes, pair.told, pair.done) == ([3 * SLICE + 1], [], [])


async def test_what_was_read_with_the_handshake_goes_to_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 0.0)
    sizes: list[int] = []
    pair.transport.data_received(bytes(3 * SLICE))
    pair.transport.hand_to(lambda data: sizes.append(len(data)))
    for _ in range(3):
        await turn()
    assert (pair.told, sizes) == ([SLICE], [2 * SLICE])


async def test_a_channel_that_is_made_while_a_slice_is_handed_on_gets_all_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = Fed(monkeypatch, 60.0)
    sizes: list[int] = []

    def accept(data: bytes) -> None:
        sizes.append(len(data))
        pair.transport.hand_to(lambda data: sizes.append(len(data)))

    pair.transport._receive = accept
    pair.transport.data_received(bytes(3 * SLICE + 1))
    assert sizes == [SLICE, 2 * SLICE + 1]


async def test_after_its_end_nothing_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 0.0)
    pair.transport.connection_lost(None)
    pair.transport._receive(b"late")
    assert pair.told == ["lost"]


async def test_a5_a_large_read_is_handed_on_over_several_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 0.0)
    pair.transport.data_received(bytes(2 * SLICE + 1))
    assert (pair.told, pair.done) == ([SLICE], ["pause"])
    pair.transport.data_received(b"more")  # TLS may have had it already
    assert pair.told == [SLICE]
    for _ in range(4):
        await turn()
    assert pair.told == [SLICE, SLICE, 5]
    assert pair.done[-1] == "resume"


async def test_a_read_of_one_slice_is_handed_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 0.0)
    pair.transport.data_received(bytes(SLICE))
    assert (pair.told, pair.done) == ([SLICE], [])


async def test_within_its_turn_a_large_read_is_handed_on_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 60.0)
    pair.transport.data_received(bytes(3 * SLICE))
    pair.transport.data_received(bytes(SLICE + 1))
    assert pair.told == [SLICE, SLICE, SLICE, SLICE, 1]


async def test_nothing_is_handed_on_while_the_session_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 0.0)
    pair.transport.data_received(bytes(2 * SLICE))
    pair.transport.pause_reading()
    for _ in range(3):
        await turn()
    assert pair.told == [SLICE]
    pair.transport.resume_reading()
    for _ in range(3):
        await turn()
    assert pair.told == [SLICE, SLICE]
    assert pair.done[-1] == "resume"


async def test_the_end_comes_behind_what_was_read_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 0.0)
    pair.transport.data_received(bytes(2 * SLICE))
    assert pair.transport.eof_received() is True
    assert pair.told == [SLICE]
    for _ in range(3):
        await turn()
    assert pair.told == [SLICE, SLICE, "eof"]


async def test_a_loss_comes_behind_what_was_read_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 0.0)
    pair.transport.data_received(bytes(3 * SLICE))
    pair.transport.pause_reading()
    pair.wire.closing = True
    pair.transport.connection_lost(None)
    for _ in range(3):
        await turn()
    assert pair.told == [SLICE, SLICE, SLICE, "lost"]


async def test_what_waits_is_dropped_when_the_connection_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Fed(monkeypatch, 0.0)
    pair.transport.data_received(bytes(2 * SLICE))
    pair.transport.close()
    for _ in range(3):
        await turn()
    assert pair.told == [SLICE]
