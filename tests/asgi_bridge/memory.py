"""A connection without sockets and a clock that only tests advance: bytes on one side, ASGI on the other."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

from tests.codec.frames import close_frame, server_frame
from tests.codec.http_feeds import head, upgrade
from wsserve.asgi_bridge.http_session import HttpOptions, HttpSession
from wsserve.asgi_bridge.response import DefaultHeaders
from wsserve.asgi_bridge.scopes import ConnectionInfo, http_scope, websocket_scope
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket_options import WebSocketOptions
from wsserve.asgi_bridge.websocket_session import WebSocketSession
from wsserve.codec.events import EndOfStream
from wsserve.codec.http1 import Body, EndOfRequest, Http1Codec, Request

INFO = ConnectionInfo(client=("192.0.2.1", 50000), server=("192.0.2.2", 8000))
LOGGER = "wsserve.error"


async def settle() -> None:
    """Let every task run until all of them wait for something that only the test can bring about."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


# The runtime


class MemoryTimer:
    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.pending = True

    def cancel(self) -> None:
        self.pending = False


class MemorySignal:
    def __init__(self) -> None:
        self._event = anyio.Event()

    def set(self) -> None:
        self._event.set()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._event.wait().__await__()


class MemoryRuntime:
    """A `Runtime` whose time stands still."""

    def __init__(self, tasks: TaskGroup | None = None) -> None:
        self._tasks = tasks
        self._now = 1000.0
        self._timers: list[MemoryTimer] = []
        self._cancelled = False
        self._scopes: list[anyio.CancelScope] = []
        self.running: list[str] = []
        self.errors: list[BaseException] = []
        """What came out of tasks: nothing must."""

    def now(self) -> float:
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> MemoryTimer:
        timer = MemoryTimer(self._now + delay, callback)
        self._timers.append(timer)
        return timer

    def new_signal(self) -> MemorySignal:
        return MemorySignal()

    def cancelled(self) -> bool:
        return self._cancelled

    def spawn(self, function: Callable[[], Awaitable[None]], name: str) -> None:
        assert self._tasks is not None
        self._tasks.start_soon(self._run, function, name)

    async def _run(self, function: Callable[[], Awaitable[None]], name: str) -> None:
        self.running.append(name)
        try:
            with anyio.CancelScope() as scope:
                self._scopes.append(scope)
                await function()
        except Exception as error:
            self.errors.append(error)
        finally:
            self.running.remove(name)

    def cancel(self) -> None:
        """Cancel all tasks, as the server does when its grace is over."""
        self._cancelled = True
        for scope in self._scopes:
            scope.cancel()

    @property
    def pending(self) -> list[float]:
        """In how many seconds each timer is due, the next one first."""
        return sorted(timer.due - self._now for timer in self._timers if timer.pending)

    def advance(self, seconds: float) -> None:
        """Let time pass and call what is due, in order; but not the tasks."""
        end = self._now + seconds
        while due := [timer for timer in self._timers if timer.pending and timer.due <= end]:
            timer = min(due, key=lambda timer: timer.due)
            self._now = timer.due
            timer.pending = False
            timer.callback()
        self._timers = [timer for timer in self._timers if timer.pending]
        self._now = end


# The transport


class Session(Protocol):
    def connection_lost(self) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class MemoryTransport:
    """A `Transport` to a peer that takes everything at once, or nothing while it is `stalled`."""

    def __init__(self, high_water: int) -> None:
        self.session: Session
        self._high_water = high_water
        self._blocked = False
        self._unsent = bytearray()
        self.sent = bytearray()
        """What the peer has got."""
        self.writes: list[tuple[bytes, bool]] = []
        """Each write, and whether there was more to follow."""
        self.stalled = False
        self.reading = True
        self.closed = False
        self.peer_finished = False
        self.aborted = False
        self.lost = False

    def write(self, data: bytes, *, more: bool = False) -> None:
        assert type(data) is bytes
        assert data
        assert not self.closed, f"{data!r} was written after the end"
        assert not self.lost
        self.writes.append((data, more))
        if not self.stalled:
            self.sent += data
            return
        self._unsent += data
        if len(self._unsent) > self._high_water and not self._blocked:
            self._blocked = True
            self.session.pause_writing()

    def write_buffer_size(self) -> int:
        return len(self._unsent)

    def take(self, size: int | None = None) -> None:
        """Let a stalled peer take so many bytes; or everything, and go on taking."""
        self.stalled = size is not None
        size = len(self._unsent) if size is None else size
        self.sent += self._unsent[:size]
        del self._unsent[:size]
        if self._blocked and 4 * len(self._unsent) <= self._high_water:
            self._blocked = False
            self.session.resume_writing()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self, *, peer_finished: bool = False) -> None:
        if not (self.closed or self.lost):
            self.closed = True
            self.peer_finished = peer_finished

    def abort(self) -> None:
        self.closed = self.aborted = True

    def lose(self) -> None:
        """Report the end to the session, as event loops do: a little after it has come about."""
        if not self.lost:
            self.closed = self.lost = True
            self.session.connection_lost()


# Calls


class Call:
    """One call of `receive` or `send` in a task of its own."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    async def run(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
        with self.scope:
            try:
                self.result = await function(*arguments)
            except Exception as error:
                self.error = error
            self.done = True


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

    async def receive(self) -> Message:
        """Call the application's `receive`, which must not wait for anything."""
        call = await self.begin(self.app.receive)
        assert call.done, "receive() waits"
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
        assert call.done, "send() waits"
        if call.error is not None:
            raise call.error

    async def begin(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> Call:
        """Begin a call and leave it be."""
        call = Call()
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
        if self.transport.aborted:
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
        assert self.transport.reading, "the server does not read"
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
    default_headers: DefaultHeaders = list,
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
            WebSocketOptions(**options),
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
    default_headers: DefaultHeaders = list,
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
    exchange.tasks.cancel_scope.cancel()  # calls that a test has left to wait


def errors_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what was logged as a warning or worse."""
    return [record for record in caplog.records if record.levelno >= logging.WARNING]
