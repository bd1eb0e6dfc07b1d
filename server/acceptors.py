"""Accepting connections on listening sockets, on asyncio and on trio alike.

The event loops' own servers do not fit: with no descriptor left asyncio's logs a traceback for each place in its
backlog and anyio's dies, and neither gives TLS handshakes up that are under way when the server ends.
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, cast

import anyio
from anyio.abc import ByteStream, SocketStream, TaskGroup, UNIXSocketStream
from anyio.streams.tls import TLSStream

from wsserve.codec.speedups import compiled
from wsserve.server.anyio_transport import AnyioTransport
from wsserve.server.asyncio_transport import AsyncioTransport
from wsserve.server.connection import ConnectionContext

logger = logging.getLogger("wsserve.error")

new_transport = compiled(AsyncioTransport)

_AT_ONCE: Final = 64
"""How many connections are accepted before others get their turn."""
_NO_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE: Final = 0.95
"""Seconds to wait for a free descriptor: accepting resumes within a second."""

_Begin = Callable[[socket.socket], Coroutine[Any, Any, None]]
_Accept = Callable[[socket.socket, _Begin], Coroutine[Any, Any, None]]


def on_asyncio() -> bool:
    """Tell whether the running event loop is asyncio's or uvloop, not trio's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@asynccontextmanager
async def accept_connections(
    sockets: list[socket.socket],
    context: ConnectionContext,
    ssl_context: ssl.SSLContext | None,
    tasks: TaskGroup,
) -> AsyncIterator[None]:
    """Serve the connections that `sockets` receive while the context is open; those made then live on in `tasks`.

    The sockets are closed at the end, and TLS handshakes given up.
    """
    native = on_asyncio()

    async def begin(client: socket.socket) -> None:
        try:
            if native:
                await _begin_protocol(client, context, ssl_context)
            else:
                await _begin_stream(client, context, ssl_context, tasks)
        except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
            logger.debug("The connection ended before it had begun: %r", error)
        except Exception:
            logger.exception("A connection could not begin")

    accept = partial(_accept_in_tasks, tls=ssl_context is not None) if native else _accept_in_group
    scope = anyio.CancelScope()
    tasks.start_soon(_accept_all, sockets, accept, begin, scope)
    try:
        yield
    finally:
        scope.cancel()


async def _accept_all(sockets: list[socket.socket], accept: _Accept, begin: _Begin, scope: anyio.CancelScope) -> None:
    with scope:
        async with anyio.create_task_group() as tasks:
            for sock in sockets:
                tasks.start_soon(accept, sock, begin)


async def _accept_in_group(sock: socket.socket, begin: _Begin) -> None:
    with sock:
        async with anyio.create_task_group() as tasks:
            while True:
                await anyio.wait_readable(sock)
                if not _take(sock, lambda client: tasks.start_soon(begin, client)):
                    await anyio.sleep(_PAUSE)


async def _accept_in_tasks(sock: socket.socket, begin: _Begin, *, tls: bool) -> None:
    # A callback and bare tasks, with asyncio's own means: they cost a fraction of waiting each time and of a group's.
    loop = asyncio.get_running_loop()
    beginning: set[asyncio.Task[None]] = set()
    exhausted = asyncio.Event()

    def spawn(client: socket.socket) -> None:
        task = loop.create_task(begin(client))
        beginning.add(task)
        task.add_done_callback(beginning.discard)

    def accept() -> None:
        if not _take(sock, spawn):
            loop.remove_reader(sock)
            exhausted.set()

    with sock:
        try:
            while True:
                exhausted.clear()
                loop.add_reader(sock, accept)
                await exhausted.wait()
                await anyio.sleep(_PAUSE)
        finally:
            loop.remove_reader(sock)
            with anyio.CancelScope(shield=True):
                if tls:
                    await asyncio.sleep(0)  # a task that was cancelled before it began would leave its socket open
                    for task in beginning:
                        task.cancel()
                if beginning:
                    await asyncio.wait(beginning)


def _take(sock: socket.socket, spawn: Callable[[socket.socket], object]) -> bool:
    """Accept the clients that wait, as many as may be at once; return whether there were descriptors for them."""
    over_tcp = sock.family != socket.AF_UNIX
    try:
        for _ in range(_AT_ONCE):
            client, _address = sock.accept()
            _prepare(client, over_tcp)
            spawn(client)
    except OSError as error:  # nobody is left to accept, or a client gave up before it was accepted
        if error.errno in _NO_DESCRIPTORS:
            logger.error("Cannot accept connections: %s", error.strerror)
            return False
    return True


def _prepare(client: socket.socket, over_tcp: bool) -> None:
    try:
        client.setblocking(False)
        if over_tcp:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:  # on some systems it fails when the client is gone
        client.close()
        raise


async def _begin_protocol(
    client: socket.socket, context: ConnectionContext, ssl_context: ssl.SSLContext | None
) -> None:
    await asyncio.get_running_loop().connect_accepted_socket(
        lambda: cast(asyncio.Protocol, new_transport(context)),
        client,
        ssl=ssl_context,
        ssl_handshake_timeout=context.handshake_timeout if ssl_context is not None else None,
        ssl_shutdown_timeout=context.close_timeout if ssl_context is not None else None,
    )


async def _begin_stream(
    client: socket.socket, context: ConnectionContext, ssl_context: ssl.SSLContext | None, tasks: TaskGroup
) -> None:
    kind = UNIXSocketStream if client.family == socket.AF_UNIX else SocketStream
    try:
        stream: ByteStream = await kind.from_socket(client)
    except ValueError as error:  # it is not connected any more
        client.close()
        raise ConnectionResetError(str(error)) from error
    if ssl_context is not None:
        try:
            with anyio.fail_after(context.handshake_timeout):
                stream = await TLSStream.wrap(stream, server_side=True, ssl_context=ssl_context)
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
    tasks.start_soon(_serve, AnyioTransport(stream, context))


async def _serve(transport: AnyioTransport) -> None:
    try:
        await transport.run()
    except Exception:
        logger.exception("A connection failed")
