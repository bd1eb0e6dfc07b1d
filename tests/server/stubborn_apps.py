"""Applications that do not let a server end; for servers in processes of their own."""

import time

import anyio

from wsserve.asgi_bridge.types import Receive, Scope, Send


async def swallows(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and go on whatever happens, cancellation included."""
    await _accept(scope, receive, send)
    while True:
        try:
            await anyio.sleep(60)
        except BaseException:  # that is the point
            continue


async def blocks(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and block the event loop when the end comes."""
    await _accept(scope, receive, send)
    await receive()
    time.sleep(60)  # noqa: ASYNC251  # that is the point


async def _accept(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise ValueError("no lifespan")
    await receive()
    await send({"type": "websocket.accept"})
