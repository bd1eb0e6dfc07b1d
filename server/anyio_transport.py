"""The portable path: connections on any anyio byte stream, which is how the server runs on trio."""

import math
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSStream

from wsserve.asgi_bridge.transport import Timer
from wsserve.server import tls_closing
from wsserve.server.addresses import client_of, server_of
from wsserve.server.connection import Connection, ConnectionContext

READ_SIZE = 65536
SLICE: Final = 16384
"""How many bytes of a read are handed on before other connections get their turn."""
WRITE_SIZE = 65536
"""How much is sent at a time, so that progress shows within a large message."""

# OSError: ssl.SSLError, and ENOTCONN. BusyResourceError: a change of TLS keys while output is blocked.
_LOST: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.BusyResourceError, OSError)


class AnyioTransport:
    """One connection; a task that reads, a task that writes, and the session's transport between them."""

    def __init__(self, stream: ByteStream, context: ConnectionContext) -> None:
        self._stream = stream
        self._context = context
        self._chunks: list[bytes] = []
        self._unsent = 0
        self._blocked = False
        self._has_output = anyio.Event()
        self._may_read = anyio.Event()
        self._may_read.set()
        self._closing = False
        self._peer_ended = anyio.Event()
        self._deadline: Timer | None = None
        self._scope = anyio.CancelScope()
        self._reading = anyio.CancelScope()
        self._tls = stream if isinstance(stream, TLSStream) else None
        sock: socket.socket | None = stream.extra(SocketAttribute.raw_socket, None)
        client, server = (client_of(sock), server_of(sock)) if sock is not None else (None, None)
        self._connection = Connection(context, self, context.new_info(client, server, self._tls is not None))
        self._receive: Callable[[bytes], None] = self._connection.data_received

    async def run(self) -> None:
        """Serve the connection to its end; the stream is closed then."""
        try:
            with self._scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._write_all)
                    await self._read_all()
        finally:
            self._closing = True
            if self._deadline is not None:
                self._deadline.cancel()
            self._connection.connection_lost()
            with anyio.CancelScope(shield=True):
                # TLS was ended in good order before, or cannot be any more.
                await anyio.aclose_forcefully(self._stream if self._tls is None else self._tls.transport_stream)

    # wsserve.asgi_bridge.transport.Transport

    def write(self, data: bytes) -> None:
        """Send `data`, together with what else is written before the writing task runs."""
        if self._closing:
            return
        self._chunks.append(data)
        self._unsent += len(data)
        self._has_output.set()
        if self._unsent > self._context.write_limit and not self._blocked:
            self._blocked = True
            self._connection.pause_writing()

    write_soon = write

    def write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""
        return self._unsent

    def hand_to(self, receive: Callable[[bytes], None]) -> None:
        """Call `receive` with what arrives from now on."""
        self._receive = receive

    def pause_reading(self) -> None:
        """Stop taking bytes from the peer."""
        if self._may_read.is_set() and not self._closing:
            self._may_read = anyio.Event()

    def resume_reading(self) -> None:
        """Take bytes from the peer again."""
        self._may_read.set()

    def close(self) -> None:
        """Send what is buffered, then close; see `Transport.close`."""
        if not self._closing:
            self._closing = True
            self._may_read.set()
            self._has_output.set()
            self._check_progress(math.inf)

    def abort(self) -> None:
        """Close at once."""
        self._scope.cancel()

    def _check_progress(self, unsent_before: float) -> None:
        """Give up a peer that takes nothing of what is to be sent before the end."""
        unsent = self._unsent
        if unsent >= unsent_before:
            self.abort()
        else:
            self._deadline = self._context.runtime.call_later(
                self._context.close_timeout, lambda: self._check_progress(unsent)
            )

    # The two tasks

    async def _read_all(self) -> None:
        try:
            with self._reading:
                while True:
                    while not self._may_read.is_set():  # it may be paused again before this task runs
                        await self._may_read.wait()
                    data = await self._stream.receive(READ_SIZE)
                    for start in range(0, len(data), SLICE):
                        if start:  # empty frames by the thousand: the others get their turn
                            await anyio.lowlevel.checkpoint()
                        if not self._closing:
                            self._receive(data[start : start + SLICE])
            # Only here: while it is being cancelled, receive() would lose what it has to send, and fail for good.
            assert self._tls is not None  # noqa: S101  # reading is cancelled for TLS only
            tls_closing.end_output(self._tls.extra(TLSAttribute.ssl_object))
            while True:  # what was just said goes out with this, and what still comes in is dropped
                await self._stream.receive(READ_SIZE)
        except (anyio.EndOfStream, ssl.SSLZeroReturnError):  # the latter once we have ended TLS ourselves
            self._peer_ended.set()
            if not self._closing:
                self._connection.eof_received()
        except _LOST:
            self._scope.cancel()

    async def _write_all(self) -> None:
        with suppress(*_LOST):
            while not self._closing or self._chunks:
                await self._has_output.wait()
                self._has_output = anyio.Event()
                await self._send_chunks()
            await self._end_output()
        self._scope.cancel()

    async def _send_chunks(self) -> None:
        while self._chunks:
            data = b"".join(self._chunks)
            self._chunks.clear()
            view = memoryview(data)  # a copy of each piece would wait beside the whole
            for start in range(0, len(data), WRITE_SIZE):
                piece = view[start : start + WRITE_SIZE]
                await self._stream.send(piece)  # type: ignore[arg-type]  # any buffer is taken
                self._unsent -= len(piece)
                if self._blocked and 4 * self._unsent <= self._context.write_limit:
                    self._blocked = False
                    self._connection.resume_writing()

    async def _end_output(self) -> None:
        if self._tls is None:
            await self._stream.send_eof()
        elif self._peer_ended.is_set():
            await self._tls.unwrap()
        else:
            self._reading.cancel()
        with anyio.move_on_after(self._context.linger_timeout):
            await self._peer_ended.wait()
