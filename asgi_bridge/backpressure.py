"""Backpressure on the way out: senders wait for room, and for the turns of others."""

from typing import Final

import anyio.lowlevel

from wsserve.asgi_bridge.transport import Deadline, Gate, Runtime, Transport

EVENT_COST: Final = 64
"""What a message counts for beside its payload, in bytes: empty messages are not free."""

OUTPUT_TURN: Final = 65536
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
        self._turn = OUTPUT_TURN
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
        self._turn = OUTPUT_TURN
        self.must_wait = self.blocked

    def _watch(self, waiting_before: int | None) -> None:
        waiting = self._transport.write_buffer_size()
        if waiting_before is not None and waiting >= waiting_before:
            self._transport.abort()
        else:
            self._deadline.set(self._write_timeout, lambda: self._watch(waiting))
