"""The floor: a uvloop Protocol that only counts bytes and writes an answer made in advance.

It takes every frame of a connection for a copy of the first, and every connection for one that shall be upgraded.
"""

import asyncio
import base64
import hashlib
import sys
from typing import cast

import uvloop

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 4.2.2
CLOSE = 0x88

members: set[asyncio.Transport] = set()


class RawProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._upgraded = False
        self._broadcasts = False
        self._frame_size = 0
        self._answer = b""
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self._pending = 0

    def data_received(self, data: bytes) -> None:
        """Answer as many frames as have arrived."""
        if not self._frame_size:
            data = self._begin(data)
            if not data:
                return
        elif data[0] == CLOSE and not self._pending:
            self._close()
            return
        count, self._pending = divmod(self._pending + len(data), self._frame_size)
        if count and self._broadcasts:
            for member in members:
                member.write(self._answer)
        elif count:
            self._transport.write(self._answer * count)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Leave the broadcast."""
        members.discard(self._transport)

    def _begin(self, data: bytes) -> bytes:
        """Answer the handshake and learn the first frame; return the bytes from there on once it is whole."""
        self._received += data
        if not self._upgraded:
            head, end, self._received = self._received.partition(b"\r\n\r\n")
            if not end:
                self._received = head
                return b""
            self._upgrade(head)
        if self._received[:1] == bytes([CLOSE]):
            self._close()
            return b""
        return self._learn()

    def _upgrade(self, head: bytes) -> None:
        lines = head.split(b"\r\n")
        key = next(line.partition(b":")[2].strip() for line in lines if line.lower().startswith(b"sec-websocket-key:"))
        accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
        )
        self._upgraded = True
        self._broadcasts = lines[0].split()[1] == b"/broadcast"
        if self._broadcasts:
            members.add(self._transport)

    def _learn(self) -> bytes:
        """Make the answer from the first frame once it is whole."""
        data = self._received
        if len(data) < 2:
            return b""
        extended = {126: 2, 127: 8}.get(data[1] & 0x7F, 0)
        size = int.from_bytes(data[2 : 2 + extended]) if extended else data[1] & 0x7F
        start = 2 + extended + 4
        if len(data) < start + size:
            return b""
        mask = (data[start - 4 : start] * (size // 4 + 1))[:size]
        payload = int.from_bytes(data[start : start + size]) ^ int.from_bytes(mask)
        self._answer = data[:1] + bytes([data[1] & 0x7F]) + data[2 : 2 + extended] + payload.to_bytes(size)
        self._frame_size = start + size
        return data

    def _close(self) -> None:
        self._transport.write(b"\x88\x02\x03\xe8")
        self._transport.close()


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(RawProtocol, "127.0.0.1", int(sys.argv[1]), backlog=2048)
    await server.serve_forever()


uvloop.run(main())
