"""The fast path: connections on `asyncio.Protocol`, for asyncio's own event loop and for uvloop."""

import asyncio
import socket

from wsserve.asgi_bridge.transport import Timer
from wsserve.server.addresses import client_of, server_of
from wsserve.server.connection import Connection, ConnectionContext


class AsyncioTransport(asyncio.Protocol):
    """One connection; the event loop's protocol on one side, the session's transport on the other."""

    def __init__(self, context: ConnectionContext) -> None:
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._gathered: list[bytes] = []
        self._gathered_size = 0
        self._discarding = False
        self._deadline: Timer | None = None
        self._transport: asyncio.Transport
        self._connection: Connection

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write_eof")  # noqa: S101
        self._transport = transport  # type: ignore[assignment]  # uvloop's is registered as no subclass
        self._transport.set_write_buffer_limits(high=self._context.write_limit)
        sock: socket.socket = transport.get_extra_info("socket")
        tls = transport.get_extra_info("sslcontext") is not None
        self._can_half_close = not tls
        info = self._context.new_info(client_of(sock), server_of(sock), tls)
        self._connection = Connection(self._context, self, info)

    def data_received(self, data: bytes) -> None:
        """Hand on what arrived, unless the connection is over and the rest is only drained."""
        if not self._discarding:
            self._connection.data_received(data)

    def eof_received(self) -> bool:
        """Hand on the peer's end; return whether the transport stays open for what is still to be sent."""
        if self._discarding:
            return False
        self._connection.eof_received()
        return self._can_half_close

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # what it was matters to nobody
        """Hand on the end."""
        self._discarding = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._connection.connection_lost()

    def pause_writing(self) -> None:
        """Hand on that the output buffer is over its mark."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that the output buffer has room."""
        self._connection.resume_writing()

    # wsserve.asgi_bridge.transport.Transport

    def write(self, data: bytes, *, more: bool = False) -> None:
        """Send `data`; with `more`, together with what follows before the event loop's next turn."""
        if not self._gathered:
            if not more:
                self._transport.write(data)
                return
            # The application may turn out to send nothing more: then this is sent as soon as it waits for anything.
            self._loop.call_soon(self._flush)
        self._gathered.append(data)
        self._gathered_size += len(data)
        if not more or self._gathered_size >= self._context.write_limit:
            self._flush()

    def write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""
        return self._gathered_size + self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        """Stop taking bytes from the peer."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take bytes from the peer again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self, *, peer_finished: bool = False) -> None:
        """Send what is buffered, then close; see `Transport.close`."""
        if self._discarding:
            return
        self._flush()
        self._discarding = True
        if peer_finished or not self._can_half_close:
            self._shut()
        elif not self._transport.is_closing():
            self._transport.write_eof()
            self._transport.resume_reading()
            self._deadline = self._context.runtime.call_later(self._context.linger_timeout, self._shut)

    def abort(self) -> None:
        """Close at once."""
        self._discarding = True
        self._transport.abort()

    def _flush(self) -> None:
        if self._gathered:
            data = b"".join(self._gathered)
            self._gathered.clear()
            self._gathered_size = 0
            self._transport.write(data)

    def _shut(self) -> None:
        self._transport.close()
        # What is buffered still goes out, if the peer takes it in time.
        self._deadline = self._context.runtime.call_later(self._context.close_timeout, self._transport.abort)
