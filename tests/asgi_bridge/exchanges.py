"""One WebSocket or one plain request in memory: bytes on one side, ASGI on the other, and a test that plays both."""

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

from tests.asgi_bridge.memory import MemoryRuntime, MemoryTransport, settle
from tests.codec.frames import CLOSE, PING, client_frame, close_frame, server_frame
from tests.codec.http_feeds import head, upgrade
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.http_session import HttpOptions, HttpSession
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.response import HeaderSource
from wsserve.asgi_bridge.scopes import ConnectionInfo, http_scope, websocket_scope
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket_options import WebSocketOptions
from wsserve.asgi_bridge.websocket_session import WebSocketSession
from wsserve.codec.engines import FRAME_CODECS
from wsserve.codec.events import EndOfStream
from wsserve.codec.http1 import Body, EndOfRequest, Http1Codec, Request

NEW_CODEC = FRAME_CODECS[os.environ.get("WSSERVE_CODEC", "wire")]  # as for the command

INFO = ConnectionInfo(client=("192.0.2.1", 50000), server=("192.0.2.2", 8000))
LOGGER = "wsserve.error"


# Calls


class Call:
    """One call of `receive` or `send` in a task of its own."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self._done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def is_done(self) -> bool:
        return self._done

    async def run(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
        with self.scope:
            try:
                self.result = await function(*arguments)
            except Exception as error:
                self.error = error
            self._done = True


class Puppet:
    """An application that does what the test says, from the test's own task, and ends as the test says."""

    def __init__(self) -> None:
        self._over = anyio.Event()
        self._error: BaseException | None = None
        self.scope: Scope = {}
        self.receive: Receive
        self.send: Send

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        await self._over.wait()
        if self._error is not None:
            raise self._error

    def end(self, error: BaseException | None = None) -> None:
        """Return, or raise."""
        self._error = error
        self._over.set()


# Connections


@dataclass
class Exchange:
    """What a test sees of both sides."""

    tasks: TaskGroup
    runtime: MemoryRuntime
    transport: MemoryTransport
    http: Http1Codec
    request: Request
    scope: Scope
    app: Puppet
    statuses: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    async def receive(self) -> Message:
        """Call the application's `receive`, which must not wait for anything."""
        call = await self.begin(self.app.receive)
        assert call.is_done(), "receive() waits"
        if call.error is not None:
            raise call.error
        message: Message = call.result
        return message

    async def send(self, kind: str, **content: Any) -> None:
        """Call the application's `send`, which must not wait for anything."""
        await self.send_message({"type": kind, **content})

    async def send_message(self, message: Message) -> None:
        """Call the application's `send` with whatever it is."""
        call = await self.begin(self.app.send, message)
        assert call.is_done(), "send() waits"
        if call.error is not None:
            raise call.error

    async def begin(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> Call:
        """Begin a call and leave it be."""
        call = Call()
        self.calls.append(call)
        self.tasks.start_soon(call.run, function, *arguments)
        await settle()
        return call

    async def end(self, error: BaseException | None = None) -> None:
        """Let the application return or raise."""
        self.app.end(error)
        await settle()

    async def advance(self, seconds: float) -> None:
        self.runtime.advance(seconds)
        await self.after_abort()

    async def after_abort(self) -> None:
        """Do what the event loop does after an abort."""
        await settle()
        if self.transport.is_aborted():
            await self.lose()

    async def lose(self) -> None:
        self.transport.lose()
        await settle()

    def taken(self) -> bytes:
        """Return what the peer has got since the last time."""
        data = bytes(self.transport.sent)
        self.transport.sent.clear()
        return data


@dataclass
class WebSocketExchange(Exchange):
    session: WebSocketSession = field(kw_only=True)

    async def accept(self, **content: Any) -> str:
        """Accept the handshake; return the head of the response."""
        await self.send("websocket.accept", **content)
        response = self.taken().decode("latin-1")
        assert response.startswith("HTTP/1.1 101 ")
        assert response.endswith("\r\n\r\n")
        return response

    async def peer_sends(self, *frames: bytes) -> None:
        """Let the peer's frames arrive, all in one read."""
        assert self.transport.is_reading(), "the server does not read"
        self.session.data_received(b"".join(frames))
        await settle()

    async def peer_ends(self) -> None:
        self.session.eof_received()
        await settle()

    def frames(self) -> list[tuple[int, bytes]]:
        """Return opcode and payload of the frames that the peer has got since the last time."""
        return [(opcode, payload) for _, opcode, payload in split_frames(self.taken())]

    async def disconnected(self) -> tuple[int, str]:
        """Receive the disconnect; return its code and reason."""
        message = await self.receive()
        assert message.keys() == {"type", "code", "reason"}
        assert message["type"] == "websocket.disconnect"
        return message["code"], message["reason"]

    async def say_goodbye(self) -> None:
        """Answer the server's Close."""
        self.frames()
        await self.peer_sends(close_frame(1000))


@dataclass
class HttpExchange(Exchange):
    session: HttpSession = field(kw_only=True)
    ends: list[bool] = field(default_factory=list)
    """With what `on_end` was called."""

    async def peer_sends(self, data: bytes) -> None:
        """Let a part of the request's body arrive."""
        self.http.receive_data(data)
        self.advance_http()
        await settle()

    async def peer_ends(self) -> None:
        self.http.receive_eof()
        self.advance_http()
        await settle()

    def advance_http(self) -> None:
        while (event := self.http.next_event()) is not None:
            if isinstance(event, Body):
                self.session.body_received(event.data)
            elif isinstance(event, EndOfRequest):
                self.session.body_complete()
            else:
                assert isinstance(event, EndOfStream)
                self.session.eof_received()


def split_frames(wire: bytes) -> list[tuple[int, int, bytes]]:
    """Return RSV bits, opcode and payload of each of the server's frames."""
    frames = []
    while wire:
        length, start = wire[1], 2
        if length == 126:
            length, start = int.from_bytes(wire[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(wire[2:10], "big"), 10
        frames.append(server_frame(wire[: start + length]))
        wire = wire[start + length :]
    return frames


def parse(data: bytes) -> tuple[Http1Codec, Request]:
    http = Http1Codec()
    http.receive_data(data)
    request = http.next_event()
    assert isinstance(request, Request)
    return http, request


@asynccontextmanager
async def open_websocket(
    *lines: bytes,
    app: ASGIApp | None = None,
    trailing: bytes = b"",
    high_water: int = 1000,
    default_headers: HeaderSource = list,
    on_status: Callable[[int], None] = lambda _: None,
    accept: bool = True,
    **options: Any,
) -> AsyncIterator[WebSocketExchange]:
    """Open a WebSocket whose handshake has these further header lines, and bytes behind its head.

    In the end nothing must be left of it: no task, no timer.
    """
    async with anyio.create_task_group() as tasks:
        puppet = Puppet()
        http, request = parse(upgrade(*lines) + trailing)
        runtime, transport = MemoryRuntime(tasks), MemoryTransport(high_water)
        scope = websocket_scope(request, INFO)
        statuses: list[int] = []

        def note_status(status: int) -> None:
            statuses.append(status)
            on_status(status)

        session = WebSocketSession(
            app or puppet,
            scope,
            request,
            http,
            transport,
            runtime,
            WebSocketOptions(**{"new_codec": NEW_CODEC, **options}),
            default_headers,
            note_status,
        )
        transport.session = session
        session.start()
        await settle()
        exchange = WebSocketExchange(tasks, runtime, transport, http, request, scope, puppet, statuses, session=session)
        if app is None and accept:
            assert await exchange.receive() == {"type": "websocket.connect"}
            await exchange.accept()
        yield exchange
        await leave(exchange)


@asynccontextmanager
async def open_http(
    request_head: bytes | None = None,
    *,
    app: ASGIApp | None = None,
    high_water: int = 1000,
    default_headers: HeaderSource = list,
    on_status: Callable[[int], None] = lambda _: None,
    **options: Any,
) -> AsyncIterator[HttpExchange]:
    """Begin a plain request; in the end nothing must be left of it."""
    async with anyio.create_task_group() as tasks:
        puppet = Puppet()
        http, request = parse(head() if request_head is None else request_head)
        runtime, transport = MemoryRuntime(tasks), MemoryTransport(high_water)
        scope = http_scope(request, INFO)
        statuses: list[int] = []
        ends: list[bool] = []

        def note_status(status: int) -> None:
            statuses.append(status)
            on_status(status)

        session = HttpSession(
            app or puppet,
            scope,
            request,
            http,
            transport,
            runtime,
            HttpOptions(**options),
            default_headers,
            note_status,
            ends.append,
        )
        transport.session = session
        session.start()
        exchange = HttpExchange(
            tasks, runtime, transport, http, request, scope, puppet, statuses, session=session, ends=ends
        )
        exchange.advance_http()
        await settle()
        yield exchange
        await leave(exchange)


async def leave(exchange: Exchange) -> None:
    await exchange.lose()
    await exchange.end()
    assert exchange.runtime.running == [], "a task is left"
    assert exchange.runtime.pending == [], "a timer is left"
    assert exchange.runtime.errors == []
    assert all(call.is_done() or call.scope.cancel_called for call in exchange.calls), "a call hangs"


def errors_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what was logged as a warning or worse."""
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


def closes(ws: WebSocketExchange) -> list[bytes]:
    """Return the payloads of the frames that the peer has got since the last time, all of them Close."""
    frames = ws.frames()
    assert {opcode for opcode, _ in frames} <= {CLOSE}
    return [payload for _, payload in frames]


async def assert_over(ws: WebSocketExchange) -> None:
    """After the disconnect nothing hangs, nothing goes out, and how it ended stays so."""
    ws.taken()
    ending = ws.session.disconnect, ws.session.closed_by
    with pytest.raises(ClientDisconnected):
        await ws.receive()
    with pytest.raises((ClientDisconnected, InvalidMessageError)):
        await ws.send("websocket.send", text="x")
    ws.session.shutdown()
    ws.session.data_received(client_frame(PING))
    ws.session.eof_received()
    assert ws.taken() == b""
    assert ws.transport.is_closed()
    assert ws.runtime.pending == []
    await ws.lose()
    assert (ws.session.disconnect, ws.session.closed_by) == ending
