"""The control WebSocket: the page says what to do on a wire connection, the server reports what happened there."""

import os
from contextlib import suppress
from urllib.parse import quote

import anyio

from examples.playground.frames import CLOSE, Frame, FrameTooLargeError
from examples.playground.protocol import (
    Command,
    Connect,
    Drop,
    EndReport,
    ErrorReport,
    Report,
    SendClose,
    SendFrame,
    SendMessage,
)
from examples.playground.wire import CONNECT_TIMEOUT, Endpoint, WireConnection, WireError
from wsserve import HTTPException, WebSocket, WebSocketDisconnect, WebSocketMessageError

LIFETIME = 300.0  # seconds that a wire connection may last
MAX_SESSIONS = 32  # control connections at one time
MAX_UNSENT = 256  # reports that wait for the page; then the wire connection is read no further

_sessions: set["ControlSession"] = set()


async def control(websocket: WebSocket) -> None:
    """Serve one page. Its wire connection, at most one at a time, ends with it."""
    if websocket.server is None:
        raise HTTPException(501, "This server does not tell its own address, so it cannot connect to itself.\n")
    if len(_sessions) >= MAX_SESSIONS:
        raise HTTPException(503, f"{MAX_SESSIONS} pages use the playground's wire mode; try again later.\n")
    session = ControlSession(websocket)
    _sessions.add(session)
    try:
        await websocket.accept()
        await session.run()
    finally:
        _sessions.discard(session)


def own_endpoint(websocket: WebSocket, target: str) -> Endpoint:
    """Return where an endpoint of this very playground is, as seen from the server itself.

    The server's address, TLS and Host header are those of the control connection; nothing of them comes from messages.
    """
    assert websocket.server is not None  # noqa: S101  # control() has looked
    # What the server or a proxy has put before the path is not in requests that reach the server directly.
    path = websocket["path"].removeprefix(websocket.get("app_root_path", ""))
    folder = path.rstrip("/").removesuffix("/control")
    return Endpoint(
        server=websocket.server,
        tls=websocket.is_secure(),
        path=f"{quote(folder)}/{target}",
        host=websocket.headers.get("host", "localhost"),
    )


class ControlSession:
    """One page's commands and their reports."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._reports, self._unsent = anyio.create_memory_object_stream[Report](MAX_UNSENT)
        self._wire: WireConnection | None = None
        self._wire_scope = anyio.CancelScope()
        self._dropped = False

    async def run(self) -> None:
        """Obey until the page has left."""
        commands = self._websocket.iter_json(type=Command)
        async with anyio.create_task_group() as tasks, self._reports, self._unsent:
            tasks.start_soon(self._deliver, tasks.cancel_scope)
            while True:
                try:
                    command = await anext(commands)
                    if isinstance(command, Connect):
                        tasks.start_soon(self._run_wire, self._new_wire(command))
                    else:
                        await self._obey(command)
                except StopAsyncIteration:
                    break
                except (WireError, WebSocketMessageError) as error:
                    await self._report(ErrorReport(str(error)))
            tasks.cancel_scope.cancel()

    async def _deliver(self, scope: anyio.CancelScope) -> None:
        with suppress(WebSocketDisconnect):
            async for report in self._unsent:
                await self._websocket.send_json(report)
        scope.cancel()

    async def _report(self, report: Report) -> None:
        """Queue a report: at once as a rule, so that nothing comes between a frame's time and its sending."""
        try:
            self._reports.send_nowait(report)
        except anyio.WouldBlock:
            await self._reports.send(report)

    async def _obey(self, command: SendMessage | SendFrame | SendClose | Drop) -> None:
        if self._wire is None:
            raise WireError("There is no connection: connect first.")
        match command:
            case SendMessage():
                await self._wire.send_message(command)
            case SendFrame(opcode=opcode, fin=fin, rsv=rsv, announced=announced):
                key = os.urandom(4) if command.masked else None
                await self._wire.send(Frame(opcode, command.payload(), fin, rsv, key, announced))
            case SendClose():
                await self._wire.send(Frame(CLOSE, command.payload(), masking_key=os.urandom(4)))
            case Drop():
                self._dropped = True
                self._wire_scope.cancel()

    def _new_wire(self, options: Connect) -> WireConnection:
        if self._wire is not None:
            raise WireError("There is a connection already: end it first.")
        self._wire = WireConnection(own_endpoint(self._websocket, options.target), options, self._report)
        self._wire_scope = anyio.CancelScope()
        self._dropped = False
        return self._wire

    async def _run_wire(self, wire: WireConnection) -> None:
        text = f"The connection has lasted {LIFETIME:.0f} seconds, as long as the playground allows."
        self._wire_scope.deadline = anyio.current_time() + LIFETIME
        with self._wire_scope:
            try:
                text = await wire.run()
            except TimeoutError:
                text = f"The server did not answer the handshake within {CONNECT_TIMEOUT:.0f} seconds."
            except (WireError, FrameTooLargeError) as error:
                text = str(error)
            except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
                text = f"The connection was lost: {error or type(error).__name__}"
        self._wire = None
        await self._report(EndReport(wire.now(), "Dropped, without a Close." if self._dropped else text))
