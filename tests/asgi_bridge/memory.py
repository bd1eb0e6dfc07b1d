"""A runtime whose clock only tests advance, and a transport without a socket."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from wsserve.server.signals import EventSignal


async def settle() -> None:
    """Let every task run until all of them wait for something that only the test can bring about."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


# The runtime


class MemoryTimer:
    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.pending = True

    def cancel(self) -> None:
        self.pending = False


class MemoryRuntime:
    """A `Runtime` whose time stands still."""

    def __init__(self, tasks: TaskGroup | None = None) -> None:
        self._tasks = tasks
        self._now = 1000.0
        self._timers: list[MemoryTimer] = []
        self._cancelled = False
        self._scopes: list[anyio.CancelScope] = []
        self.running: list[str] = []
        self.errors: list[BaseException] = []
        """What came out of tasks: nothing must."""

    def now(self) -> float:
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> MemoryTimer:
        timer = MemoryTimer(self._now + delay, callback)
        self._timers.append(timer)
        return timer

    def call_soon(self, callback: Callable[[], None]) -> None:
        assert self._tasks is not None
        self._tasks.start_soon(self._call, callback)

    async def _call(self, callback: Callable[[], None]) -> None:
        callback()

    def new_signal(self) -> EventSignal:
        return EventSignal()

    def cancelled(self) -> bool:
        return self._cancelled

    def spawn(self, function: Callable[[], Awaitable[None]], name: str) -> None:
        assert self._tasks is not None
        self._tasks.start_soon(self._run, function, name)

    async def _run(self, function: Callable[[], Awaitable[None]], name: str) -> None:
        self.running.append(name)
        try:
            with anyio.CancelScope() as scope:
                self._scopes.append(scope)
                await function()
        except Exception as error:
            self.errors.append(error)
        finally:
            self.running.remove(name)

    def cancel(self) -> None:
        """Cancel all tasks, as the server does when its grace is over."""
        self._cancelled = True
        for scope in self._scopes:
            scope.cancel()

    @property
    def pending(self) -> list[float]:
        """In how many seconds each timer is due, the next one first."""
        return sorted(timer.due - self._now for timer in self._timers if timer.pending)

    def advance(self, seconds: float) -> None:
        """Let time pass and call what is due, in order; but not the tasks."""
        end = self._now + seconds
        while due := [timer for timer in self._timers if timer.pending and timer.due <= end]:
            timer = min(due, key=lambda timer: timer.due)
            self._now = timer.due
            timer.pending = False
            timer.callback()
        self._timers = [timer for timer in self._timers if timer.pending]
        self._now = end


# The transport


class Session(Protocol):
    def connection_lost(self) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class MemoryTransport:
    """A `Transport` to a peer that takes everything at once, or nothing while it is `stalled`."""

    def __init__(self, high_water: int) -> None:
        self.session: Session
        self._high_water = high_water
        self._blocked = False
        self._unsent = bytearray()
        self.sent = bytearray()
        """What the peer has got."""
        self.writes: list[tuple[bytes, bool]] = []
        """Each write, and whether there was more to follow."""
        self.stalled = False
        self._reading = True
        self._closed = False
        self._aborted = False
        self.lost = False

    def hand_to(self, receive: Callable[[bytes], None]) -> None:
        pass  # the session's `data_received` is called all along, as any owner may do

    def write(self, data: bytes) -> None:
        self._write(data, more=False)

    def write_soon(self, data: bytes) -> None:
        self._write(data, more=True)

    def _write(self, data: bytes, *, more: bool) -> None:
        assert type(data) is bytes
        assert data
        assert not self._closed, f"{data!r} was written after the end"
        assert not self.lost
        self.writes.append((data, more))
        if not self.stalled:
            self.sent += data
            return
        self._unsent += data
        if len(self._unsent) > self._high_water and not self._blocked:
            self._blocked = True
            self.session.pause_writing()

    def write_buffer_size(self) -> int:
        return len(self._unsent)

    def take(self, size: int | None = None) -> None:
        """Let a stalled peer take so many bytes; or everything, and go on taking."""
        self.stalled = size is not None
        size = len(self._unsent) if size is None else size
        self.sent += self._unsent[:size]
        del self._unsent[:size]
        if self._blocked and 4 * len(self._unsent) <= self._high_water:
            self._blocked = False
            self.session.resume_writing()

    # Methods, because a type checker takes an attribute to stay what an assertion has found it to be.

    def is_reading(self) -> bool:
        return self._reading

    def is_closed(self) -> bool:
        return self._closed

    def is_aborted(self) -> bool:
        return self._aborted

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True

    def close(self) -> None:
        if not (self._closed or self.lost):
            self._closed = True

    def abort(self) -> None:
        self._closed = self._aborted = True

    def lose(self) -> None:
        """Report the end to the session, as event loops do: a little after it has come about."""
        if not self.lost:
            self._closed = self.lost = True
            self.session.connection_lost()
