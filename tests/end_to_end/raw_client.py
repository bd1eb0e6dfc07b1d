"""A client that says exactly what it is told: a socket, and just enough HTTP and WebSocket to read the answers."""

import base64
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Self

TIMEOUT = 10.0  # seconds for each wait

KEY = base64.b64encode(b"the sample nonce").decode()
UPGRADE_HEADERS = (
    "Host: 127.0.0.1",
    "Connection: Upgrade",
    "Upgrade: websocket",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Version: 13",
)

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return the values of every header of this name."""
        return [value for other, value in self.headers if other.lower() == name.lower()]


@dataclass(frozen=True)
class Frame:
    """One frame from the server."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv1: bool = False

    @property
    def close(self) -> tuple[int, str] | None:
        """The code and reason of a Close frame; (1005, "") for an empty one; None for any other frame."""
        if self.opcode != CLOSE:
            return None
        return (int.from_bytes(self.payload[:2], "big"), self.payload[2:].decode()) if self.payload else (1005, "")


def upgrade_head(path: str, *more_headers: str) -> bytes:
    """Return the head of a good upgrade request with these header lines added."""
    return head(f"GET {path} HTTP/1.1", *UPGRADE_HEADERS, *more_headers)


def head(*lines: str) -> bytes:
    """Return a request head of these lines; characters up to U+00FF stand for bytes."""
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masking_key: bytes | None = b"\x11\x22\x33\x44",
) -> bytes:
    """Return one frame, masked unless masking_key is None; rsv is the three reserved bits as a number."""
    masked_bit = 0 if masking_key is None else 0x80
    if len(payload) < 126:
        length = struct.pack("!B", masked_bit | len(payload))
    elif len(payload) < 1 << 16:
        length = struct.pack("!BH", masked_bit | 126, len(payload))
    else:
        length = struct.pack("!BQ", masked_bit | 127, len(payload))
    first = struct.pack("!B", (0x80 if fin else 0) | rsv << 4 | opcode)
    if masking_key is None:
        return first + length + payload
    mask = (masking_key * (len(payload) // 4 + 1))[: len(payload)]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(len(payload), "big")
    return first + length + masking_key + masked


def close_frame(code: int, reason: str = "") -> bytes:
    """Return a Close frame with this code and reason."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason.encode())


class RawClient:
    """One TCP connection. Every wait ends with TimeoutError after `TIMEOUT` seconds."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def reset(self) -> None:
        """Drop the connection with a TCP reset, no Close and no FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def upgrade(self, path: str, *more_headers: str) -> Response:
        """Send a good upgrade request and return the response, which must be 101."""
        self.send(upgrade_head(path, *more_headers))
        response = self.read_response()
        assert response.status == 101, response
        return response

    def send_text(self, text: str) -> None:
        """Send one text message in one frame."""
        self.send(frame(TEXT, text.encode()))

    def read_response(self, *, to_head: bool = False) -> Response:
        """Read one response; to_head: it answers HEAD, so no body follows."""
        status_line, *lines = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, reason = status_line.split(" ", 2)
        assert version == "HTTP/1.1", status_line
        headers = [(name, value.strip()) for name, value in (line.split(":", 1) for line in lines)]
        response = Response(int(status), reason, headers, b"")
        if to_head or response.status < 200 or response.status in (204, 304):
            return response
        if response.values("Transfer-Encoding"):
            body = self._read_chunks()
        elif lengths := response.values("Content-Length"):
            body = self._read(int(lengths[0]))
        else:
            body = self.read_until_end()
        return Response(response.status, reason, headers, body)

    def read_frame(self) -> Frame:
        """Read one frame, which must not be masked. Raises EOFError when the connection ends before or in it."""
        first, second = self._read(2)
        assert not second & 0x80, "a server must not mask"
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(self._read(2 if length == 126 else 8), "big")
        return Frame(first & 0x0F, self._read(length), bool(first & 0x80), bool(first & 0x40))

    def read_close(self) -> tuple[int, str] | None:
        """Read frames up to a Close, and return its code and reason."""
        while (received := self.read_frame()).opcode != CLOSE:
            pass
        return received.close

    def read_until_end(self) -> bytes:
        """Return everything up to the server's FIN. Raises ConnectionResetError when there is a reset instead."""
        while self._receive():
            pass
        rest, self.unread = self.unread, b""
        return rest

    def at_end(self) -> bool:
        """Wait for the server's FIN or reset; True when nothing came before it."""
        try:
            return self.read_until_end() == b""
        except ConnectionResetError:
            return self.unread == b""

    def _read_chunks(self) -> bytes:
        body = b""
        while size := int(self.read_until(b"\r\n"), 16):
            body += self._read(size)
            assert self._read(2) == b"\r\n"
        assert self.read_until(b"\r\n") == b""
        return body

    def _read(self, count: int) -> bytes:
        while len(self.unread) < count:
            if not self._receive():
                raise EOFError(f"the connection ended with {self.unread!r}, where {count} bytes were expected")
        data, self.unread = self.unread[:count], self.unread[count:]
        return data

    def read_until(self, end: bytes) -> bytes:
        """Return everything up to these bytes, without them."""
        while end not in self.unread:
            if not self._receive():
                raise EOFError(f"the connection ended with {self.unread!r}, where {end!r} was expected")
        data, self.unread = self.unread.split(end, 1)
        return data

    def _receive(self) -> bool:
        data = self.socket.recv(1 << 16)
        self.unread += data
        return data != b""
