"""The fast path: connections on `asyncio.Protocol`, for asyncio's own event loop and for uvloop."""

import asyncio
import math
import socket
import ssl
from collections.abc import Callable
from typing import Final, cast

from wsserve.asgi_bridge.transport import Timer
from wsserve.server import tls_closing
from wsserve.server.addresses import client_of, server_of
from wsserve.server.connection import Connection, ConnectionContext

SLICE: Final = 16384
"""How many bytes of a larger read are handed on at a time, as long as the connection speaks HTTP."""

WHOLE: Final = 2**30
"""The same for a WebSocket's channel, which parses no more of it than its turn allows: more than any read has."""

TURN: Final = 0.005
"""Seconds for which one connection's HTTP may be handled before the others get their turn; a slice is not cut short.

A read of 256 KiB may hold thousands of requests or chunks, and libuv reads a socket that is never empty up to 32 times
in a row.
"""


class AsyncioTransport:
    """One connection; the event loop's protocol on one side, the session's transport on the other.

    It has the methods of an `asyncio.Protocol`, but is none: a class that Cython compiles has no bases in Python.
    """

    def __init__(self, context: ConnectionContext) -> None:
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._gathers = False
        self._gathered: list[bytes] = []
        self._gathered_size = 0
        self._peer_ended = False
        self._discarding = False
        self._lost = False
        self._slice = SLICE
        self._unfed = b""
        self._wants_input = True
        self._in_turn = False
        self._turn_ends = 0.0
        self._deadline: Timer | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin."""
        self._transport = transport
        self._transport.set_write_buffer_limits(high=self._context.write_limit)
        sock: socket.socket = transport.get_extra_info("socket")
        self._tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        # Before Python 3.12 asyncio's TLS transport does not know that the socket below it has failed.
        self._below: asyncio.BaseTransport | None = getattr(
            getattr(transport, "_ssl_protocol", None), "_transport", None
        )
        info = self._context.new_info(client_of(sock), server_of(sock), self._tls is not None)
        self._connection = Connection(self._context, self, info)
        self._receive: Callable[[bytes], None] = self._connection.data_received

    def data_received(self, data: bytes) -> None:
        """Hand on what arrived, unless the connection is over and the rest is only drained."""
        if self._discarding:
            return
        if self._unfed or len(data) > self._slice:
            self._unfed += data
            if not self._in_turn or self._loop.time() < self._turn_ends:
                self._feed()
            else:
                self._read_or_not()
        else:
            self._hand_on(data)

    def eof_received(self) -> bool:
        """Hand on the peer's end; return whether the transport stays open for what is still to be sent."""
        self._peer_ended = True
        if self._discarding:
            return False
        if not self._unfed:
            self._connection.eof_received()
        return self._tls is None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # what it was matters to nobody
        """Hand on the end, behind what had arrived before it."""
        self._lost = True
        self._drop_output()
        if self._deadline is not None:
            self._deadline.cancel()
        if self._unfed and not self._discarding:
            self._feed()
        else:
            self._end_input()

    def pause_writing(self) -> None:
        """Hand on that the output buffer is over its mark."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that the output buffer has room."""
        self._connection.resume_writing()

    # wsserve.asgi_bridge.transport.Transport

    def write(self, data: bytes) -> None:
        """Send `data`, and what was gathered before; while input is handed on, gather it."""
        if self._gathers:
            self._gather(data)
        elif self._gathered:
            self._gather(data)
            self._flush()
        else:
            self._send(data)

    def write_soon(self, data: bytes) -> None:
        """Gather `data` with what is written before the event loop's next turn."""
        if not (self._gathers or self._gathered):
            self._loop.call_soon(self._flush)
        self._gather(data)

    def write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""
        return self._gathered_size + self._transport.get_write_buffer_size()

    def hand_to(self, receive: Callable[[bytes], None]) -> None:
        """Call `receive` with what arrives from now on, whole reads at a time."""
        self._receive = receive
        self._slice = WHOLE

    def pause_reading(self) -> None:
        """Stop taking bytes from the peer."""
        self._wants_input = False
        self._read_or_not()

    def resume_reading(self) -> None:
        """Take bytes from the peer again."""
        self._wants_input = True
        if self._unfed and not self._in_turn:
            self._begin_turn()
        self._read_or_not()

    def close(self) -> None:
        """Send what is buffered, then close; see `Transport.close`."""
        if self._discarding:
            return
        self._flush()
        self._discarding = True
        if self._transport.is_closing():
            return
        if self._tls is not None:
            self._end_tls(self._tls)
        elif self._peer_ended:
            self._transport.close()
        else:
            try:
                self._transport.write_eof()
            except OSError:  # the peer has reset the connection, which the event loop has not noticed yet
                self._transport.abort()
                return
            self._transport.resume_reading()
        self._linger(math.inf, 0.0)

    def abort(self) -> None:
        """Close at once."""
        self._discard()
        self._transport.abort()

    def _hand_on(self, data: bytes) -> None:
        self._gathers = True
        try:
            self._receive(data)
        finally:
            self._gathers = False
            if self._gathered:
                self._flush()

    def _gather(self, data: bytes) -> None:
        self._gathered.append(data)
        self._gathered_size += len(data)
        if self._gathered_size >= self._context.write_limit:
            self._flush()

    def _flush(self) -> None:
        if self._gathered:
            data = self._gathered[0] if len(self._gathered) == 1 else b"".join(self._gathered)
            self._drop_output()
            self._send(data)

    def _send(self, data: bytes) -> None:
        if self._transport.is_closing() or (self._below is not None and self._below.is_closing()):
            return  # the peer has gone; `connection_lost` is on its way
        self._transport.write(data)

    def _discard(self) -> None:
        self._discarding = True
        self._unfed = b""
        self._drop_output()

    def _drop_output(self) -> None:
        self._gathered.clear()
        self._gathered_size = 0

    def _feed(self) -> None:
        """Hand on what was read, as far as this turn allows; the rest waits for the next, and nothing more is read."""
        if not self._in_turn:
            self._begin_turn()
        start = 0
        while start < len(self._unfed) and not self._discarding and (self._wants_input or self._lost):
            if start and self._loop.time() >= self._turn_ends:
                break
            piece = self._unfed[start : start + self._slice]
            start += len(piece)
            self._hand_on(piece)  # which may make the next slice another one
        self._unfed = b"" if self._discarding else self._unfed[start:]
        if not self._unfed:
            if self._lost:
                self._end_input()
            elif self._peer_ended and not self._discarding:
                self._connection.eof_received()
        self._read_or_not()

    def _begin_turn(self) -> None:
        self._in_turn = True
        self._turn_ends = self._loop.time() + TURN
        self._loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._in_turn = False
        if self._unfed:
            self._feed()
        else:
            self._read_or_not()

    def _read_or_not(self) -> None:
        if self._transport.is_closing():
            return
        if self._discarding or (self._wants_input and not self._unfed):
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _end_input(self) -> None:
        self._discarding = True
        connection = self._connection
        # Nothing is handed on any more. Without these two, memory is free at once, without a search for it.
        self._connection = cast(Connection, None)
        self._receive = _drop
        connection.connection_lost()

    def _end_tls(self, tls: ssl.SSLObject) -> None:
        """Say that nothing more comes, and go on reading, which the event loop's own way to close TLS does not."""
        tls_closing.end_output(tls)
        # The alert is in TLS's buffer; it goes out when the event loop looks for further input there.
        self._transport.pause_reading()
        self._transport.resume_reading()

    def _linger(self, waiting_before: float, give_up_at: float) -> None:
        """Wait as long as the peer takes what is buffered, and `linger_timeout` more for its end; then close."""
        waiting = self._transport.get_write_buffer_size()
        now = self._context.runtime.now()
        if waiting < waiting_before:
            give_up_at = now + self._context.close_timeout
        if not (waiting or waiting_before):
            self._transport.close()
        elif now >= give_up_at:
            self._transport.abort()
        else:
            self._deadline = self._context.runtime.call_later(
                self._context.linger_timeout, lambda: self._linger(waiting, give_up_at)
            )


def _drop(_data: bytes) -> None:
    pass
