"""Taking messages from a server, for several `WebSocket` objects and tasks at once."""

from typing import Final

import anyio

from wsserve.asgi_bridge.exceptions import WebSocketRuntimeError
from wsserve.asgi_bridge.types import Message, Receive

MAX_WAITING_MESSAGES: Final = 16
MAX_WAITING_SIZE: Final = 64 * 1024
"""What `WebSocket.wait_closed` keeps for a later receive: messages, and their size in bytes or characters."""


class Receiver:
    """Calls one `receive` callable, never twice at the same time, and keeps what `WebSocket.wait_closed` came across.

    A middleware that wraps `receive` makes a second receiver above the first one. Each keeps its own messages, so that
    what was kept has passed through the same middleware as what is received directly.
    """

    __slots__ = ("calling", "changed", "disconnect", "receive", "waiting", "waiting_size")

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.calling = False
        """Whether a call of `receive` is under way."""
        self.disconnect: Message | None = None
        """The disconnect message, once it was handed on."""
        self.waiting: list[Message] = []  # an empty deque takes 600 bytes more, and no more than a few ever wait
        self.waiting_size = 0
        self.changed: anyio.Event | None = None
        """Made by those who wait; set when a call has returned or a message was taken."""

    async def next(self) -> Message:
        """Return the next message, in the order in which they came.

        Raises `WebSocketRuntimeError` when the disconnect message was handed on before.
        """
        self._check_not_over()
        while not self.waiting:
            if not self.calling:
                return await self.call()
            await self.wait_for_change()
            if self.disconnect is not None:  # it went to another task meanwhile
                return self.disconnect
        message = self.waiting.pop(0)
        self.waiting_size -= _size(message)
        self.announce_change()
        return message

    async def call(self) -> Message:
        """Call `receive`; nobody else may be calling it."""
        self.calling = True
        try:
            return await self.receive()
        finally:
            self.calling = False
            self.announce_change()

    def _check_not_over(self) -> None:
        if self.disconnect is not None:
            raise WebSocketRuntimeError("nothing can be received any more: the disconnect was received before")

    def keep(self, message: Message) -> None:
        """Put a message aside for the next receive."""
        self.waiting.append(message)
        self.waiting_size += _size(message)

    def is_full(self) -> bool:
        """Tell whether as much waits as is allowed to."""
        return len(self.waiting) >= MAX_WAITING_MESSAGES or self.waiting_size >= MAX_WAITING_SIZE

    async def wait_for_change(self) -> None:
        """Wait until a call of `receive` has returned or a message was taken."""
        if self.changed is None:
            self.changed = anyio.Event()
        await self.changed.wait()

    def announce_change(self) -> None:
        """Wake those who wait for a change."""
        changed, self.changed = self.changed, None
        if changed is not None:
            changed.set()


def _size(message: Message) -> int:
    return len(message.get("text") or message.get("bytes") or b"")
