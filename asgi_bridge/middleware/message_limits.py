"""Holding the messages of one connection to a rate."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import anyio

from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.middleware.token_bucket import Rate, TokenBucket
from wsserve.asgi_bridge.types import Message, Receive, Send
from wsserve.codec.close_codes import POLICY_VIOLATION

_CLOSE_SECONDS: Final = 10.0  # for a server whose `send` waits although the client takes nothing
_TOO_MANY: Final = "too many messages"
_TOO_MUCH: Final = "too many bytes"


class MessageLimits:
    """`receive` and `send` of one connection, for an application whose client may send this much.

    The first message above a rate is dropped and the connection closed with 1008. The application sees the disconnect,
    then `ClientDisconnected` (ASGI specification, WebSocket 2.4).
    """

    def __init__(
        self, receive: Receive, send: Send, messages: Rate | None, size: Rate | None, clock: Callable[[], float]
    ) -> None:
        now = clock()
        self._receive = receive
        self._send = send
        self._messages = None if messages is None else TokenBucket(messages, now)
        self._bytes = None if size is None else TokenBucket(size, now)
        self._clock = clock
        self._closed = False
        """Whether the application has closed."""
        self._reason = ""
        """Why this has closed; empty as long as it has not."""

    async def receive(self) -> Message:
        """Return the next message of the server as long as the rate is kept."""
        if self._reason:
            raise self._gone()
        message = await self._receive()
        if message["type"] != "websocket.receive" or self._closed:
            return message
        now = self._clock()
        if self._messages is not None and not self._messages.take(1, now):
            return await self._end(_TOO_MANY)
        if self._bytes is not None and not self._bytes.take(_size(message), now):
            return await self._end(_TOO_MUCH)
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message on to the server.

        Once this has closed it raises `ClientDisconnected`, but takes a `websocket.close`, which asks for what is so.
        """
        if message["type"] == "websocket.close":
            self._closed = True
            if self._reason:
                return _nothing()
        elif self._reason:
            raise self._gone()
        return self._send(message)  # no coroutine of its own, which each message would pass through

    async def _end(self, reason: str) -> Message:
        self._reason = reason
        close = {"type": "websocket.close", "code": POLICY_VIOLATION, "reason": reason}
        # Waiting for a message is often given up after a time; the close goes out all the same.
        with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
            with suppress(OSError):  # the client has gone
                await self._send(close)
        return {"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": reason}

    def _gone(self) -> ClientDisconnected:
        return ClientDisconnected(
            f"the connection was closed because of {self._reason}", code=POLICY_VIOLATION, reason=self._reason
        )


async def _nothing() -> None:
    pass


def _size(message: Message) -> int:
    data: bytes | None = message.get("bytes")
    if data is not None:
        return len(data)
    text: str = message.get("text") or ""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))
