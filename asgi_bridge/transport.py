"""What a session asks of the world: a transport to write to, and the event loop's clock, timers and tasks.

Two sets of these exist in `wsserve.server`, one for asyncio and one for any anyio byte stream; tests have a third, in
memory. Sessions see nothing else of sockets or event loops.
"""

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol


class Transport(Protocol):
    """One connection's outgoing side, and the tap on its incoming side.

    The owner of the transport calls the session's `data_received`, `eof_received`, `connection_lost`, `pause_writing`
    and `resume_writing`, with the meaning that `asyncio.Protocol` gives them.
    """

    def write(self, data: bytes) -> None:
        """Send `data`, and what was gathered before; while the session takes input, gather it."""

    def write_soon(self, data: bytes) -> None:
        """Gather `data` with what is written next, which is expected to follow at once, to share one write with it."""

    def write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""

    def hand_to(self, receive: Callable[[bytes], None]) -> None:
        """Call `receive` with what arrives from now on, instead of the session's `data_received`.

        It gets whole reads, and has to see to it that one connection's input does not take the turns of others.
        """

    def pause_reading(self) -> None:
        """Stop taking bytes from the peer. Idempotent."""

    def resume_reading(self) -> None:
        """Take bytes from the peer again. Idempotent."""

    def close(self) -> None:
        """Send what is buffered, then close.

        Only the outgoing side ends at first, and what still arrives is read and dropped until the peer has ended its
        side too, for a while: closing a socket with unread input makes TCP send a reset, which can destroy what the
        peer has not read yet (RFC 9112, section 9.6; RFC 6455, section 7.1.1).
        """

    def abort(self) -> None:
        """Close at once; what is buffered is lost."""


class Timer(Protocol):
    """A callback that is due."""

    def cancel(self) -> None:
        """Do not call it. Harmless when it was called already."""


class Signal(Protocol):
    """Something that one task awaits and that is set from anywhere in the same event loop, then again and again."""

    def set(self) -> None:
        """Wake the task that awaits it, now or when it comes. Idempotent."""

    def resume(self) -> None:
        """Do what `set` does; the task may run before this returns, so it must be the last that a caller does."""

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait until it is set; then it is as new."""


class Runtime(Protocol):
    """The event loop, as sessions see it."""

    def now(self) -> float:
        """Return a monotonic time in seconds."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, not before `delay` seconds have passed."""

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the event loop's next turn, after what is due in this one."""

    def new_signal(self) -> Signal:
        """Return a new `Signal`."""

    def cancelled(self) -> bool:
        """Tell whether the server is cancelling its tasks."""

    def spawn(self, function: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """Run `function` as a task of its own; it must not raise."""


class Deadline:
    """At most one pending timer: setting it anew cancels the one before."""

    __slots__ = ("_runtime", "_timer")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._timer: Timer | None = None

    def set(self, delay: float, callback: Callable[[], None]) -> None:
        """Call `callback` in `delay` seconds, and nothing that was set before."""
        self.cancel()
        self._timer = self._runtime.call_later(delay, callback)

    def cancel(self) -> None:
        """Call nothing. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Gate:
    """A place where tasks wait until something has changed; whoever is woken looks again for itself."""

    __slots__ = ("_new_signal", "_signals")

    def __init__(self, new_signal: Callable[[], Signal]) -> None:
        self._new_signal = new_signal
        self._signals: list[Signal] = []

    async def wait(self) -> None:
        """Wait for the next `wake`."""
        # A signal for each waiter: with a shared one, cancelling one waiting task would cancel the others.
        signal = self._new_signal()
        self._signals.append(signal)
        try:
            await signal
        finally:
            self._signals.remove(signal)

    def wake(self) -> None:
        """Wake every task that waits now."""
        for signal in self._signals:
            signal.set()
