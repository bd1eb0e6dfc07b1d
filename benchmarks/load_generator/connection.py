"""One WebSocket connection of the load generator: the handshake, and a first exchange that is looked at closely."""

import base64
import hashlib
import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from benchmarks.load_generator.frames import inflate, parse_head
from benchmarks.results import NOT_NEGOTIATED

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 4.2.2
TIMEOUT = 15.0
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
"""What browsers offer."""


class LoadError(Exception):
    """The server did not do what the load asks for; the message says what."""


class NotNegotiatedError(LoadError):
    """The server did not accept permessage-deflate."""

    def __init__(self) -> None:
        super().__init__(NOT_NEGOTIATED)


def request(port: int, path: str, key: bytes, *, deflate: bool = False) -> bytes:
    """Return an opening handshake (RFC 6455, section 4.1)."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".encode()
        + b"Sec-WebSocket-Key: %b\r\nSec-WebSocket-Version: 13\r\n%b\r\n" % (key, OFFER if deflate else b"")
    )


class Connection:
    """A connection after its handshake, with a blocking socket. In a `with` block it is closed at the end."""

    def __init__(self, port: int, path: str, *, deflate: bool = False) -> None:
        """Connect. Raises LoadError, NotNegotiatedError, OSError."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.window_bits = 0
        self._buffer = b""
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._upgrade(port, path, deflate=deflate)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()

    def _upgrade(self, port: int, path: str, *, deflate: bool) -> None:
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(request(port, path, key, deflate=deflate))
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
        if not head.startswith(b"HTTP/1.1 101 ") or accept not in head:
            raise LoadError(f"the handshake was answered with {head[:200]!r}")
        if deflate:
            self.window_bits = negotiated_window_bits(head)

    def exchange(self, frame: bytes, expected: bytes, opcode: int) -> None:
        """Send a frame and check that a message comes back with the payload and opcode. Raises LoadError."""
        self.socket.sendall(frame)
        self.expect(expected, opcode)

    def expect(self, expected: bytes, opcode: int) -> None:
        """Check that the next frame is a message with this payload and opcode. Raises LoadError."""
        first, payload = self._next_frame()
        if first & 0x40:
            payload = inflate(payload)
        if first & 0xBF != 0x80 | opcode or payload != expected:
            raise LoadError(
                f"sent {len(expected)} bytes with opcode {opcode}, got {len(payload)} other ones, first byte {first:#x}"
            )

    def _next_frame(self) -> tuple[int, bytes]:
        while (sizes := parse_head(self._buffer, 0, len(self._buffer))) is None:
            self._receive()
        head, payload = sizes
        chunks = [self._buffer]
        missing = head + payload - len(self._buffer)
        while missing > 0:
            chunk = self.socket.recv(min(missing, 1 << 20))
            if not chunk:
                raise LoadError("the server closed the connection within a reply")
            chunks.append(chunk)
            missing -= len(chunk)
        data = b"".join(chunks)
        self._buffer = data[head + payload :]
        return data[0], data[head : head + payload]

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise LoadError("the server closed the connection")
        self._buffer += data


@contextmanager
def open_connections(port: int, path: str, count: int, *, deflate: bool = False) -> Iterator[list[Connection]]:
    """Connect `count` times, and close all at the end of the `with` block. Raises what a Connection raises."""
    with ExitStack() as stack:
        yield [stack.enter_context(Connection(port, path, deflate=deflate)) for _ in range(count)]


def negotiated_window_bits(head: bytes) -> int:
    """Return the largest window the client may use by this response, at most 12 bits. Raises NotNegotiatedError.

    12 is enough for messages of 1 KiB, and all servers take it or less.
    """
    if not re.search(rb"(?im)^sec-websocket-extensions:.*permessage-deflate", head):
        raise NotNegotiatedError
    limit = re.search(rb"(?i)client_max_window_bits=(\d+)", head)
    return min(12, int(limit[1])) if limit else 12
