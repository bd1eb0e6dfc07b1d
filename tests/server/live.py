"""A server in the test's own event loop, and a client that says exactly what it is told, on each event loop alike."""

import logging
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import trustme
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

from tests.end_to_end.raw_client import CLOSE, Frame, Response, head, upgrade_head
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.server.connection import ConnectionContext
from wsserve.server.runtime import ServerRuntime
from wsserve.server.serve import Server, serve

TIMEOUT = 10.0  # seconds; nothing here takes that long unless it is broken
CODEC = os.environ.get("WSSERVE_CODEC", "wire")  # as for the command
CALM: dict[str, Any] = {"timeout_graceful_shutdown": 2.0, "ws_ping_interval": 0.0, "access_log": False, "codec": CODEC}
HOST = "Host: 127.0.0.1"


def get(path: str = "/", *headers: str) -> bytes:
    """Return the head of a plain GET request."""
    return head(f"GET {path} HTTP/1.1", HOST, *headers)


# Logs


class Logs:
    """What was logged, and whether that was in order."""

    def __init__(self) -> None:
        self.records: list[logging.LogRecord] = []
        self._expected: list[str] = []

    def expect(self, *texts: str) -> None:
        """Say that warnings or errors with these texts must be there, and no others."""
        self._expected += texts

    def of(self, name: str, level: int = logging.NOTSET) -> list[str]:
        """Return the messages of one logger, of this level or above."""
        return [record.getMessage() for record in self.records if record.name == name and record.levelno >= level]

    @property
    def access(self) -> list[str]:
        return self.of("wsserve.access")

    @property
    def complaints(self) -> list[str]:
        """Warnings and errors, tracebacks included."""
        formatter = logging.Formatter("%(name)s: %(message)s")
        return [formatter.format(record) for record in self.records if record.levelno >= logging.WARNING]

    def check(self) -> None:
        complaints = self.complaints
        for text in self._expected:
            assert any(text in complaint for complaint in complaints), (text, complaints)
        unexpected = [one for one in complaints if not any(text in one for text in self._expected)]
        assert not unexpected, "\n".join(unexpected)


LOGGERS = ("wsserve.error", "wsserve.access", "asyncio", "trio")


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that tells nobody when it happens."""
    with anyio.fail_after(TIMEOUT):
        while not condition():  # noqa: ASYNC110  # there is no event for it
            await anyio.sleep(0.002)


def timers_of(runtime: ServerRuntime) -> int:
    """Return how many timers are set."""
    return sum(len(bucket) for bucket in runtime.timers._buckets.values())


# Servers


@dataclass
class Live:
    """A running server and how to reach it."""

    server: Server
    context: ConnectionContext
    authority: trustme.CA | None = None
    leave_open: bool = False
    """Whether connections may still be open when the server is told to end."""

    async def connect(self, *, receive_buffer: int | None = None, tls: bool = True) -> "Peer":
        """Return a client that is connected; without `tls` it leaves the TLS handshake out."""
        address = self.server.addresses[0]
        if isinstance(address, str):
            stream: ByteStream = await anyio.connect_unix(address)
        else:
            stream = await anyio.connect_tcp(address[0], address[1])
        if receive_buffer is not None:
            raw_socket = stream.extra(SocketAttribute.raw_socket)
            raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if tls and self.authority is not None:
            trust = ssl.create_default_context()
            self.authority.configure_trust(trust)
            stream = await TLSStream.wrap(stream, hostname="127.0.0.1", ssl_context=trust, standard_compatible=True)
        return Peer(stream)

    @asynccontextmanager
    async def peer(self, *, receive_buffer: int | None = None, tls: bool = True) -> AsyncIterator["Peer"]:
        """Connect, and close at the end."""
        async with await self.connect(receive_buffer=receive_buffer, tls=tls) as peer:
            yield peer

    @asynccontextmanager
    async def websocket(self, path: str = "/", *, receive_buffer: int | None = None) -> AsyncIterator["Peer"]:
        """Connect and upgrade."""
        async with self.peer(receive_buffer=receive_buffer) as peer:
            await peer.upgrade(path)
            yield peer

    @property
    def unsent(self) -> int:
        """How many bytes the server holds for its clients."""
        return sum(connection._transport.write_buffer_size() for connection in self.context.connections)

    @property
    def held(self) -> int:
        """How many bytes of requests the server holds."""
        return sum(connection._http.buffered for connection in self.context.connections)


@asynccontextmanager
async def live(app: ASGIApp | str, *, kind: str = "tcp", **options: Any) -> AsyncIterator[Live]:
    """Serve `app` on loopback: `kind` is tcp, unix or tls. At the end all of it must be gone."""
    options = CALM | options
    authority: trustme.CA | None = None
    if kind == "unix":
        options["uds"] = str(_directory() / f"{next(_numbers)}.sock")
    elif kind == "tls":
        authority, options["ssl_certfile"] = _certificate()
        options["port"] = 0
    else:
        options["port"] = 0
    async with serve(app, **options) as server:
        context = server._context
        assert isinstance(context.runtime, ServerRuntime)
        found = Live(server, context, authority)
        yield found
        if not found.leave_open:
            await until(lambda: not context.connections and not context.runtime.running)
            assert timers_of(context.runtime) == 0
    assert not context.connections
    assert not context.runtime.running
    assert timers_of(context.runtime) == 0


KINDS = ("tcp", "unix", "tls")

_made: dict[str, Any] = {}
_numbers = iter(range(1_000_000))


def use_directory(path: Path) -> None:
    """Put sockets and certificates here."""
    _made["directory"] = path


def _directory() -> Path:
    directory: Path = _made["directory"]
    return directory


def _certificate() -> tuple[trustme.CA, str]:
    """Return an authority, and the file of a certificate of its own for 127.0.0.1; they are made once."""
    if "authority" not in _made:
        _made["authority"] = trustme.CA()
        _made["certificate"] = str(_directory() / "server.pem")
        _made["authority"].issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(_made["certificate"])
    return _made["authority"], _made["certificate"]


# Clients


class Peer:
    """One connection's client side. Every wait ends with TimeoutError after `TIMEOUT` seconds."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.unread = b""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.drop()

    @property
    def socket(self) -> socket.socket:
        return self.stream.extra(SocketAttribute.raw_socket)

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        with anyio.fail_after(TIMEOUT):
            await self.stream.send(data)

    async def finish(self) -> None:
        """Send a FIN."""
        await self.stream.send_eof()

    async def drop(self) -> None:
        """Close the socket, without an end of TLS."""
        await anyio.aclose_forcefully(
            self.stream.transport_stream if isinstance(self.stream, TLSStream) else self.stream
        )

    async def reset(self) -> None:
        """Drop the connection with a TCP reset, no Close and no FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.drop()

    async def upgrade(self, path: str = "/", *headers: str) -> Response:
        """Send a good upgrade request and return the response, which must be 101."""
        await self.send(upgrade_head(path, *headers))
        response = await self.response()
        assert response.status == 101, response
        return response

    async def response(self) -> Response:
        """Read one response; its body has a Content-Length or goes up to the end of the connection."""
        status_line, *lines = (await self.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        _, status, reason = status_line.split(" ", 2)
        headers = [(name, value.strip()) for name, value in (line.split(":", 1) for line in lines)]
        found = Response(int(status), reason, headers, b"")
        if found.status < 200:
            return found
        lengths = found.values("Content-Length")
        body = await self.read(int(lengths[0])) if lengths else await self.rest()
        return Response(found.status, reason, headers, body)

    async def frame(self) -> Frame:
        """Read one frame. Raises EOFError when the connection ends before or in it."""
        first, second = await self.read(2)
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(await self.read(2 if length == 126 else 8), "big")
        return Frame(first & 0x0F, await self.read(length), bool(first & 0x80), bool(first & 0x40))

    async def close_frame(self) -> tuple[int, str] | None:
        """Read frames up to a Close, and return its code and reason."""
        while (received := await self.frame()).opcode != CLOSE:
            pass
        return received.close

    async def rest(self) -> bytes:
        """Return everything up to the server's FIN (or end of TLS). Raises BrokenResourceError for a reset."""
        while await self._receive():
            pass
        rest, self.unread = self.unread, b""
        return rest

    async def is_reset(self) -> bool:
        """Wait for the end; True when it is a reset, or TLS that breaks off."""
        try:
            await self.rest()
        except anyio.BrokenResourceError:
            return True
        return False

    async def read(self, count: int) -> bytes:
        while len(self.unread) < count:
            if not await self._receive():
                raise EOFError(f"the connection ended with {self.unread[:100]!r}, where {count} bytes were expected")
        data, self.unread = self.unread[:count], self.unread[count:]
        return data

    async def until(self, end: bytes) -> bytes:
        """Return everything up to these bytes, without them."""
        while end not in self.unread:
            if not await self._receive():
                raise EOFError(f"the connection ended with {self.unread[:100]!r}, where {end!r} was expected")
        data, self.unread = self.unread.split(end, 1)
        return data

    async def _receive(self) -> bool:
        with anyio.fail_after(TIMEOUT):
            try:
                self.unread += await self.stream.receive(1 << 20)
            except anyio.EndOfStream:
                return False
        return True


# Applications


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer each request with its path, and echo on WebSockets."""
    if scope["type"] == "http":
        await respond(send, scope["path"].encode())
    elif scope["type"] == "websocket":
        await echo(scope, receive, send)


async def respond(send: Send, body: bytes, *headers: tuple[bytes, bytes], status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and send each message back."""
    await accept(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})


async def accept(receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})


@dataclass
class Recorder:
    """An application that keeps scopes and messages; `messages` ends with the disconnect of each connection."""

    scopes: list[Scope] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        self.scopes.append(scope)
        if scope["type"] == "http":
            await respond(send, b"")
            return
        await accept(receive, send)
        while True:
            message = await receive()
            self.messages.append(message)
            if message["type"] == "websocket.disconnect":
                return

    @property
    def codes(self) -> list[int]:
        """The close codes of the disconnects."""
        return [message["code"] for message in self.messages if message["type"] == "websocket.disconnect"]
