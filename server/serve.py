"""A server from start to end: sockets, lifespan, connections, and an orderly shutdown."""

import logging
import math
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
from anyio.abc import TaskStatus

from wsserve.asgi_bridge.http_session import HttpOptions
from wsserve.asgi_bridge.scopes import ConnectionInfo
from wsserve.asgi_bridge.types import ASGIApp
from wsserve.asgi_bridge.websocket_options import WebSocketOptions
from wsserve.codec.engines import FRAME_CODECS
from wsserve.server.acceptors import accept_connections, on_asyncio
from wsserve.server.access_log import AccessLog
from wsserve.server.config import Config, config_of
from wsserve.server.connection import ConnectionContext
from wsserve.server.default_headers import DefaultHeaders
from wsserve.server.errors import StartupError
from wsserve.server.lifespan import Lifespan
from wsserve.server.listeners import describe, listening
from wsserve.server.loading import load_app
from wsserve.server.logs import configure_logging, printable
from wsserve.server.memory import keep_freed_memory
from wsserve.server.proxy_headers import ProxyHeadersMiddleware
from wsserve.server.runtime import ServerRuntime
from wsserve.server.tls import make_ssl_context

logger = logging.getLogger("wsserve.error")

LINGER_TIMEOUT: Final = 1.0
"""Seconds to drain a connection whose outgoing side we have ended, so that no reset overtakes what was sent."""

_LEAST_FOR_LIFESPAN: Final = 0.5
"""Seconds that the application's shutdown gets, however little of the grace period is left."""

_AFTER_ABORT: Final = 0.25
"""Seconds that the application gets to end on the disconnect of clients that were aborted, before it is cancelled."""

_LAST_WORD: Final = 0.9
"""Seconds after the grace period at which the process ends, whatever the application does."""


class Server:
    """A server that is running; `serve` makes it."""

    def __init__(
        self, config: Config, sockets: list[socket.socket], runtime: ServerRuntime, context: ConnectionContext
    ) -> None:
        self._config = config
        self._runtime = runtime
        self._context = context
        self._changed = anyio.Event()
        self._impatient = False
        runtime.on_change = self._wake
        context.on_change = self._wake
        self.urls = describe(sockets, tls=config.ssl_certfile is not None)
        """Where it listens, for people and clients: `http://127.0.0.1:8000`, `unix:/run/app.sock`."""
        self.addresses: list[Any] = [sock.getsockname() for sock in sockets]
        """Where it listens, as the sockets say it: a tuple that begins with host and port, or a path."""

    @property
    def port(self) -> int:
        """The port of the first socket. Raises `TypeError` for a unix socket, which has none."""
        address = self.addresses[0]
        if not isinstance(address, tuple):
            raise TypeError(f"the server listens on {address!r}, which has no port")
        return int(address[1])

    def stop_waiting(self) -> None:
        """End a shutdown that waits for connections."""
        self._impatient = True
        self._wake()

    @property
    def running(self) -> list[str]:
        """Names of the application's calls that have not ended: `websocket /chat`."""
        return sorted({printable(name, 256) for name in self._runtime.running.values()})

    async def drain(self) -> None:
        """Ask every connection to end, and wait until all have; abort what is left when the grace period is over."""
        self._context.shutting_down = True
        for connection in list(self._context.connections):
            connection.shutdown()
        with anyio.move_on_after(self._config.timeout_graceful_shutdown):
            while (self._context.connections or self._runtime.running) and not self._impatient:
                await self._change()
        for connection in list(self._context.connections):
            connection.abort()
        with anyio.move_on_after(_AFTER_ABORT):
            while self._context.connections or self._runtime.running:
                await self._change()
        for name in self.running:
            logger.warning("Cancelling the application, which has not ended in time: %s", name)

    async def cancel(self) -> None:
        """Cancel every call of the application and abort every connection."""
        self._runtime.cancel()
        for connection in list(self._context.connections):
            connection.abort()
        while self._context.connections:  # gone within a few turns of the event loop
            await self._change()

    async def _change(self) -> None:
        self._changed = anyio.Event()
        await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()


@asynccontextmanager
async def serve(app: ASGIApp | str, config: Config | None = None, **options: Any) -> AsyncIterator[Server]:
    """Serve `app` while the context is open.

    `app` is an ASGI application or the `module:attribute` of one; `options` are the fields of `Config`, unless
    `config` is given. It runs in the event loop that calls it, asyncio or trio, and leaves signals and logging alone.
    On leaving, connections are asked to end (Close 1012) and get `timeout_graceful_shutdown` seconds for it; when the
    context is cancelled, they are cut off. Then the application is cancelled, and waited for until it has ended.

    Raises `StartupError` when it cannot start.
    """
    config = config_of(config, options)
    app = load_app(app)
    ssl_context = make_ssl_context(config)
    failure: BaseException | None = None
    with listening(config) as sockets:
        lifespan = Lifespan(app, config.lifespan)
        await lifespan.startup()
        deadline = math.inf
        try:
            async with anyio.create_task_group() as tasks:
                runtime = ServerRuntime(tasks, on_asyncio=on_asyncio())
                context = _make_context(app, config, runtime, lifespan)
                tasks.start_soon(runtime.run)
                server = Server(config, sockets, runtime, context)
                async with accept_connections(sockets, context, ssl_context, tasks):
                    try:
                        yield server
                    except BaseException as error:  # raised below, outside of the task group, which would wrap it
                        failure = error
                deadline = anyio.current_time() + config.timeout_graceful_shutdown
                with anyio.CancelScope(shield=True):
                    if failure is None or isinstance(failure, Exception):
                        await server.drain()
                    await server.cancel()
        finally:
            left = min(deadline - anyio.current_time(), config.timeout_graceful_shutdown)
            await lifespan.shutdown(max(left, _LEAST_FOR_LIFESPAN))
    if failure is not None:
        raise failure


def run(
    app: ASGIApp | str, config: Config | None = None, *, factory: bool = False, app_dir: str = "", **options: Any
) -> int:
    """Serve `app` until SIGINT or SIGTERM, and return the exit code; a second signal ends the grace period.

    As `serve`, but from a program without an event loop: it starts the one that the configuration names, and sets up
    logging. Only the main thread of a program can handle signals: in another one this serves until the process ends,
    and `serve` is the one that can be stopped. With `factory`, `app` is called and returns the application.

    Raises `StartupError` when it cannot start.
    """
    config = config_of(config, options)
    if _in_event_loop():
        raise StartupError("run() starts an event loop, and one is running here already: use serve() in it")
    configure_logging(config)
    keep_freed_memory()
    app = load_app(app, factory=factory, app_dir=app_dir)
    backend_options = {"use_uvloop": config.use_uvloop} if config.backend == "asyncio" else {}
    try:
        anyio.run(_run, app, config, backend=config.backend, backend_options=backend_options)
    except BaseExceptionGroup as group:
        raise _startup_error(group) or group from None
    return 0


def _in_event_loop() -> bool:
    if on_asyncio():
        return True
    try:
        anyio.current_time()
    except RuntimeError:
        return False
    return True


async def _run(app: ASGIApp, config: Config) -> None:
    running: Server | None = None
    stop = anyio.Event()
    last_word = _LastWord()

    async def watch_signals(*, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for number in signals:
                if running is None:
                    last_word.due_in(_LAST_WORD)
                    tasks.cancel_scope.cancel()  # still starting
                elif not stop.is_set():
                    logger.info("Shutting down on %s", signal.Signals(number).name)
                    last_word.due_in(config.timeout_graceful_shutdown + _LAST_WORD, running)
                    stop.set()
                else:
                    last_word.due_in(_LAST_WORD, running)
                    running.stop_waiting()

    try:
        async with anyio.create_task_group() as tasks:
            if threading.current_thread() is threading.main_thread():
                await tasks.start(watch_signals)
            async with serve(app, config) as running:
                logger.info("Listening on %s (press Ctrl+C to stop)", ", ".join(running.urls))
                await stop.wait()
            logger.info("Stopped")
            tasks.cancel_scope.cancel()
    finally:
        last_word.cancel()


class _LastWord:
    """Ends the process when the application does not let it end: it swallows its cancellation, or blocks the loop."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def due_in(self, seconds: float, server: Server | None = None) -> None:
        """End the process in so many seconds, naming what `server` still runs; the last call counts."""
        self.cancel()
        self._timer = threading.Timer(seconds, self._exit, (server,))
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Do not end the process."""
        if self._timer is not None:
            self._timer.cancel()

    def _exit(self, server: Server | None) -> None:
        running = printable(", ".join(server.running)) if server is not None else ""
        logger.error("The application does not end: exiting without it (%s)", running or "lifespan")
        logging.shutdown()
        os._exit(0)


def _make_context(app: ASGIApp, config: Config, runtime: ServerRuntime, lifespan: Lifespan) -> ConnectionContext:
    if config.proxy_headers:
        app = ProxyHeadersMiddleware(app, config.trusted_proxies)

    def new_info(client: tuple[str, int] | None, server: tuple[str, int | None] | None, tls: bool) -> ConnectionInfo:
        return ConnectionInfo(client, server, tls, config.root_path, lifespan.state)

    return ConnectionContext(
        app=app,
        runtime=runtime,
        head_limits=config.head_limits,
        http_options=HttpOptions(write_timeout=config.ws_write_timeout),
        websocket_options=WebSocketOptions(
            limits=config.frame_limits,
            deflate=config.deflate_options,
            new_codec=FRAME_CODECS[config.codec],
            max_queue=config.ws_max_queue,
            max_queue_bytes=config.ws_max_queue_bytes,
            ping_interval=config.ws_ping_interval,
            ping_timeout=config.ws_ping_timeout,
            close_timeout=config.ws_close_timeout,
            fail_timeout=config.ws_fail_timeout,
            write_timeout=config.ws_write_timeout,
        ),
        default_headers=DefaultHeaders(
            server_header=config.server_header, date_header=config.date_header, extra=config.headers
        ),
        access_log=AccessLog(config.access_log),
        handshake_timeout=config.timeout_handshake,
        keep_alive_timeout=config.timeout_keep_alive,
        close_timeout=config.ws_close_timeout,
        linger_timeout=LINGER_TIMEOUT,
        write_limit=config.ws_write_limit,
        limit_concurrency=config.limit_concurrency,
        new_info=new_info,
    )


def _startup_error(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """Find the `StartupError` that task groups have wrapped."""
    for error in group.exceptions:
        found = _startup_error(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, StartupError):
            return found
    return None
