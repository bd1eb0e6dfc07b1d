"""Backpressure in both directions: a bounded receive queue, and senders that wait for room."""

from collections import deque
from typing import Final

import anyio.lowlevel

from wsserve.asgi_bridge.transport import Deadline, Gate, Runtime, Transport
from wsserve.codec.events import Close, EndOfStream, Fault

EVENT_COST = 64
"""What a queued message counts for beside its payload, in bytes: empty messages are not free."""

CEILING = 4
"""How many times the high-water mark in bytes may wait before parsing stops as well as reading.

Bytes that were read with the message that crossed the mark are still parsed up to here, so that pings among them are
answered; beyond it a compressed read could grow without bound.
"""

LastEvent = Close | Fault | EndOfStream


class ReceiveQueue:
    """Messages that wait for the application, and behind them the event that ended the connection.

    `max_messages` and `max_bytes` are the high-water mark; the low-water mark is a quarter of it. A character of text
    counts as one byte.
    """

    __slots__ = ("_cost", "_max_bytes", "_max_messages", "events", "last")

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._cost = 0
        self.events: deque[str | bytes | LastEvent] = deque()
        self.last: LastEvent | None = None
        """The event that ended the connection, once it is queued."""

    def put(self, event: str | bytes) -> None:
        """Add a message."""
        self.events.append(event)
        self._cost += EVENT_COST + len(event)

    def put_last(self, event: LastEvent) -> None:
        """Add the event behind which nothing comes."""
        self.events.append(event)
        self.last = event

    def take(self) -> str | bytes | LastEvent:
        """Remove and return the oldest."""
        event = self.events.popleft()
        if isinstance(event, (str, bytes)):
            self._cost -= EVENT_COST + len(event)
        return event

    def clear(self) -> None:
        """Drop what waits; `last` stays known."""
        self.events.clear()
        self._cost = 0

    @property
    def is_high(self) -> bool:
        """Whether reading should pause."""
        return self._cost >= self._max_bytes or len(self.events) >= self._max_messages

    @property
    def is_low(self) -> bool:
        """Whether reading may go on."""
        return 4 * self._cost <= self._max_bytes and 4 * len(self.events) <= self._max_messages

    @property
    def is_full(self) -> bool:
        """Whether parsing should stop."""
        return self._cost >= CEILING * self._max_bytes


TURN: Final = 65536
"""How much an application may send without waiting for anything, before the other connections get a turn: a transport
that keeps up with it never blocks it, and nothing else would run."""


class OutputFlow:
    """Whether a sender may go on: there is room in the transport, and the others have had their turn.

    A peer that takes nothing for a whole `write_timeout` (seconds) while output waits is given up: the transport is
    aborted.
    """

    __slots__ = ("_deadline", "_ended", "_gate", "_transport", "_turn", "_write_timeout", "blocked", "must_wait")

    def __init__(self, transport: Transport, runtime: Runtime, write_timeout: float) -> None:
        self._transport = transport
        self._write_timeout = write_timeout
        self._gate = Gate(runtime.new_signal)
        self._deadline = Deadline(runtime)
        self._ended = False
        self._turn = TURN
        self.blocked = False
        """Whether the transport holds more than it should."""
        self.must_wait = False
        """Whether a sender has to `wait` before it sends."""

    def sent(self, size: int) -> None:
        """Note that the application has sent a message of `size` bytes."""
        self._turn -= EVENT_COST + size
        if self._turn <= 0:
            self.must_wait = True

    def pause(self) -> None:
        """Note that the transport holds more than it should. Idempotent."""
        self.blocked = True
        self.must_wait = True
        if not self._ended:
            self._watch(None)

    def resume(self) -> None:
        """Note that the transport has room again."""
        self.blocked = False
        self._deadline.cancel()
        self._gate.wake()

    def end(self) -> None:
        """Let everyone go who waits; there will be no more output. Idempotent."""
        self._ended = True
        self._deadline.cancel()
        self._gate.wake()

    async def wait(self) -> None:
        """Let others have their turn, then wait for room, or for the end."""
        await anyio.lowlevel.checkpoint()
        while self.blocked and not self._ended:
            await self._gate.wait()
        self._turn = TURN
        self.must_wait = self.blocked

    def _watch(self, waiting_before: int | None) -> None:
        waiting = self._transport.write_buffer_size()
        if waiting_before is not None and waiting >= waiting_before:
            self._transport.abort()
        else:
            self._deadline.set(self._write_timeout, lambda: self._watch(waiting))
