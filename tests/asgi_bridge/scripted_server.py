"""Servers for a client: how to reach a real one, and one that says exactly what it is told."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import ByteStream, SocketStream

from tests.end_to_end.raw_client import frame
from tests.server.live import Live
from wsserve.codec.handshake import accept_value


def url_of(server: Live, path: str = "/") -> str:
    port = server.server.addresses[0][1]
    return f"{'wss' if server.authority else 'ws'}://127.0.0.1:{port}{path}"


def options_of(server: Live) -> dict[str, Any]:
    if server.authority is not None:
        trust = ssl.create_default_context()
        server.authority.configure_trust(trust)
        return {"url": url_of(server), "ssl_context": trust}
    address = server.server.addresses[0]
    return {"url": "ws://host/", "uds": address} if isinstance(address, str) else {"url": url_of(server)}


class Script:
    """One connection of the server's side."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.unread = b""

    async def head(self) -> list[str]:
        while b"\r\n\r\n" not in self.unread:
            self.unread += await self.stream.receive()
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        return head.decode().split("\r\n")

    async def accept(self, *headers: str, then: bytes = b"") -> list[str]:
        """Accept the handshake, with the first frames in the same packet."""
        lines = await self.head()
        key = next(line for line in lines if line.lower().startswith("sec-websocket-key")).split(": ")[1]
        answer = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        answer += [f"Sec-WebSocket-Accept: {accept_value(key)}", *headers, "", ""]
        await self.stream.send("\r\n".join(answer).encode() + then)
        return lines

    async def send(self, *frames: bytes) -> None:
        await self.stream.send(b"".join(frames))

    async def read(self) -> tuple[int, bytes]:
        """Return opcode and payload of the client's next frame."""
        first, second = await self._bytes(2)
        assert second & 0x80, "a client masks"
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(await self._bytes(2 if length == 126 else 8), "big")
        key = await self._bytes(4)
        payload = await self._bytes(length)
        mask = (key * (length // 4 + 1))[:length]
        return first & 0x0F, (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(length, "big")

    async def rest(self) -> bytes:
        try:
            while True:
                self.unread += await self.stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return self.unread

    async def _bytes(self, count: int) -> bytes:
        while len(self.unread) < count:
            self.unread += await self.stream.receive()
        data, self.unread = self.unread[:count], self.unread[count:]
        return data


@asynccontextmanager
async def scripted(play: Callable[[Script], Awaitable[None]]) -> AsyncIterator[str]:
    """Run `play` for the one connection that comes; give the URL."""
    played = anyio.Event()

    async def handle(stream: SocketStream) -> None:
        async with stream:
            await play(Script(stream))
        played.set()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        with anyio.fail_after(10):
            yield f"ws://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}/"
            await played.wait()
        group.cancel_scope.cancel()


def plain(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    return frame(opcode, payload, fin=fin, masking_key=None)
