"""A small WebSocket client, on wsproto and anyio's streams: for the relay, for tests and for tools."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Self

import anyio
from anyio.abc import ByteStream
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.utilities import LocalProtocolError

from wsserve.asgi_bridge.client_frames import ClientConnection, close_event
from wsserve.asgi_bridge.client_handshake import READ_SIZE, check_url, handshake_request, open_websocket
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.headers import HeaderPairs
from wsserve.codec.close_codes import (
    ABNORMAL_CLOSURE,
    INTERNAL_ERROR,
    MESSAGE_TOO_BIG,
    NORMAL_CLOSURE,
    check_code,
    truncate_reason,
)

MAX_MESSAGE_SIZE: Final = 16 << 20
"""How many bytes a message may have, unless something else is asked for."""


@asynccontextmanager
async def connect_websocket(
    url: str,
    *,
    subprotocols: Sequence[str] = (),
    headers: HeaderPairs = (),
    uds: str | None = None,
    ssl_context: ssl.SSLContext | None = None,
    max_size: int = MAX_MESSAGE_SIZE,
    open_timeout: float = 10.0,
    close_timeout: float = 10.0,
) -> AsyncIterator["WebSocketClient"]:
    """Open a WebSocket as a client; an asynchronous context manager that gives a `WebSocketClient`.

    `uds` is the path of a unix socket to connect to instead of the URL's host. wss verifies the server's certificate
    with `ssl_context`, by default against the system's authorities. Messages of more than `max_size` bytes end the
    connection with 1009. Timeouts are in seconds. No extension is offered.

    At the end of the block the connection is closed: with 1000, with 1011 after an `Exception`; after a cancellation it
    is dropped. Raises `ValueError` or `TypeError` for faulty arguments, `OSError` when the server cannot be reached
    (`TimeoutError` when it takes too long), `WebSocketHandshakeError` when it does not accept.
    """
    checked = check_url(url)
    request = handshake_request(checked, subprotocols, headers)
    stream, connection, accepted = await open_websocket(checked, request, uds, ssl_context, open_timeout)
    client = WebSocketClient(stream, connection, accepted, max_size, close_timeout)
    try:
        try:
            yield client
        except Exception:
            await client.close(INTERNAL_ERROR)
            raise
        await client.close()
    finally:
        await anyio.aclose_forcefully(stream)


class WebSocketClient:
    """One open connection of a client, made by `connect_websocket`.

    Any number of tasks may send; messages wait in the network, not here, until they are received. `subprotocol` and
    `headers` are what the server chose and sent. `close_code` and `close_reason` are those of the end, None and empty
    before it; 1006 means that it was lost.
    """

    def __init__(
        self,
        stream: ByteStream,
        connection: ClientConnection,
        accepted: AcceptConnection,
        max_size: int,
        close_timeout: float,
    ) -> None:
        self.subprotocol = accepted.subprotocol
        self.headers = [(bytes(name).lower(), bytes(value)) for name, value in accepted.extra_headers]
        self.close_code: int | None = None
        self.close_reason = ""
        self._stream = stream
        self._connection = connection
        self._max_size = max_size
        self._close_timeout = close_timeout
        self._sending = anyio.Lock(fast_acquire=True)
        self._receiving = anyio.Lock(fast_acquire=True)
        self._broken = False
        """Whether a frame may have gone out in part, so that nothing can follow it."""
        self._pong: Pong | None = None
        self._parts: list[Any] = []
        self._size = 0

    async def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Send a text or binary message; returns when there is room for another.

        Being cancelled meanwhile ends the connection, since a frame may have gone out in part. Raises
        `WebSocketDisconnect` when it has ended, `TypeError` for other types, `ValueError` for a str that UTF-8 cannot
        carry.
        """
        if isinstance(data, str):
            await self._send(TextMessage(data=data))
        else:
            await self._send(BytesMessage(data=data if isinstance(data, bytes) else bytes(memoryview(data))))

    async def receive(self) -> str | bytes:
        """Return the next message: a str for text, bytes for binary.

        Pings are answered while this runs. Being cancelled loses nothing. Raises `WebSocketDisconnect` when the
        connection has ended.
        """
        async with self._receiving:
            while self.close_code is None:
                event = next(self._connection.events(), None)
                if event is None:
                    await self._read()
                elif (message := await self._take(event)) is not None:
                    return message
        raise WebSocketDisconnect(self.close_code, self.close_reason)

    def __aiter__(self) -> Self:
        """Iterate over the messages until the connection ends, in whatever way."""
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except WebSocketDisconnect:
            raise StopAsyncIteration from None

    async def close(self, code: int | None = NORMAL_CLOSURE, reason: str = "") -> None:
        """Close the connection, and wait for the server's Close; messages that come until then are dropped.

        None closes without a code. When the server takes longer than the close timeout the connection is dropped.
        Closing again does nothing. Raises `ValueError` for a code that must not be sent (RFC 6455, section 7.4).
        """
        event = close_event(None if code is None else check_code(code), truncate_reason(reason).decode())
        with anyio.move_on_after(self._close_timeout):
            with suppress(WebSocketDisconnect):
                if self.close_code is None and self._connection.state is ConnectionState.OPEN:
                    await self._send(event)
                while True:
                    await self.receive()
        self._end(ABNORMAL_CLOSURE)
        await anyio.aclose_forcefully(self._stream)

    async def _take(self, event: Event) -> str | bytes | None:
        """Return the message that an event completes, if any, and do what else it asks for."""
        if isinstance(event, (TextMessage, BytesMessage)):
            return await self._add(event)
        if isinstance(event, CloseConnection):
            await self._conclude(self._connection.closing(event))
        elif isinstance(event, Ping):
            self._pong = event.response()
            if not self._sending.locked():  # else whoever is sending sends it too: reading must go on
                await self._answer(None)
        return None

    async def _add(self, event: TextMessage | BytesMessage) -> str | bytes | None:
        data = event.data
        if data:
            self._parts.append(data)
            self._size += len(data.encode()) if isinstance(data, str) and not data.isascii() else len(data)
        if self._size > self._max_size:
            self._parts.clear()
            reason = f"a message may have {self._max_size} bytes"
            await self._conclude(close_event(MESSAGE_TOO_BIG, reason))
        elif event.message_finished:
            parts, self._parts, self._size = self._parts, [], 0
            return "".join(parts) if isinstance(data, str) else b"".join(parts)
        return None

    async def _conclude(self, event: CloseConnection) -> None:
        """Note the server's Close, or its fault, and answer it as far as that has not been done."""
        self._end(int(event.code), event.reason or "")
        if self._connection.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            await self._answer(event)

    async def _answer(self, event: Event | None) -> None:
        """Send an event, or the pong that is owed, if that is still possible; half a frame would be the end."""
        with anyio.move_on_after(self._close_timeout, shield=True), suppress(WebSocketDisconnect):
            await self._send(event)

    def _end(self, code: int, reason: str = "") -> None:
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason

    async def _read(self) -> None:
        try:
            self._connection.receive_data(await self._stream.receive(READ_SIZE))
        except (OSError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._end(ABNORMAL_CLOSURE)

    async def _send(self, event: Event | None) -> None:
        """Send an event, if any, and then the pong that is owed, if any."""
        async with self._sending:
            if event is not None:
                await self._write(event)
            while self._pong is not None:
                pong, self._pong = self._pong, None
                await self._write(pong)

    async def _write(self, event: Event) -> None:
        try:
            data = self._connection.send(event)
            if not self._broken:
                self._broken = True
                await self._stream.send(data)
                self._broken = False
                return
        except (OSError, LocalProtocolError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # what the server said before its end is still to be read: that is where the end is noted
        raise WebSocketDisconnect(self.close_code or ABNORMAL_CLOSURE, self.close_reason)
