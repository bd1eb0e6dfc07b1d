"""Accepting connections on listening sockets: asyncio's own servers, or an accept loop for other event loops."""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.abc import ByteStream, SocketListener, SocketStream, TaskGroup
from anyio.streams.tls import TLSStream

from wsserve.server.anyio_transport import AnyioTransport
from wsserve.server.asyncio_transport import AsyncioTransport
from wsserve.server.connection import ConnectionContext

logger = logging.getLogger("wsserve.error")

_NO_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE: Final = 1.0
"""Seconds to wait for a free descriptor."""


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
    """Serve the connections that `sockets` receive while the context is open; those made then live on in `tasks`."""
    if on_asyncio():
        servers = [await _start_server(sock, context, ssl_context) for sock in sockets]
        try:
            yield
        finally:
            for server in servers:
                server.close()
    else:
        scope = anyio.CancelScope()
        for sock in sockets:
            listener = await SocketListener.from_socket(sock)
            tasks.start_soon(_accept, listener, context, ssl_context, tasks, scope)
        try:
            yield
        finally:
            scope.cancel()


async def _start_server(
    sock: socket.socket, context: ConnectionContext, ssl_context: ssl.SSLContext | None
) -> asyncio.AbstractServer:
    loop = asyncio.get_running_loop()
    handshake_timeout = context.handshake_timeout if ssl_context is not None else None
    shutdown_timeout = context.close_timeout if ssl_context is not None else None
    create = loop.create_unix_server if sock.family == socket.AF_UNIX else loop.create_server
    return await create(
        lambda: AsyncioTransport(context),
        sock=sock,
        ssl=ssl_context,
        ssl_handshake_timeout=handshake_timeout,
        ssl_shutdown_timeout=shutdown_timeout,
    )


async def _accept(
    listener: SocketListener,
    context: ConnectionContext,
    ssl_context: ssl.SSLContext | None,
    tasks: TaskGroup,
    scope: anyio.CancelScope,
) -> None:
    with scope:
        async with listener:
            while True:
                try:
                    stream = await listener.accept()
                except OSError as error:
                    if error.errno in _NO_DESCRIPTORS:
                        logger.error("Cannot accept connections: %s", error.strerror)
                        await anyio.sleep(_PAUSE)
                    continue  # else the client gave up before it was accepted
                tasks.start_soon(_serve_stream, stream, context, ssl_context)


async def _serve_stream(stream: SocketStream, context: ConnectionContext, ssl_context: ssl.SSLContext | None) -> None:
    try:
        secured: ByteStream = stream
        if ssl_context is not None:
            with anyio.fail_after(context.handshake_timeout):
                secured = await TLSStream.wrap(stream, server_side=True, ssl_context=ssl_context)
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
        logger.debug("TLS handshake failed: %r", error)
        await anyio.aclose_forcefully(stream)
        return
    try:
        await AnyioTransport(secured, context, tls=ssl_context is not None).run()
    except Exception:
        logger.exception("A connection failed")
