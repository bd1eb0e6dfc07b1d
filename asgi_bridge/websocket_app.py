"""Hosting a handler: from a function that takes a `WebSocket` to an ASGI application."""

from collections.abc import Awaitable, Callable
from functools import wraps

from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket


def websocket_app(handler: Callable[[WebSocket], Awaitable[object]]) -> ASGIApp:
    """Return the ASGI application that calls `handler` with a `WebSocket`, and ends the connection as it ends.

    When the handler returns, an accepted connection is closed with 1000; when it raises, with 1011, and the error goes
    on to the server. A `WebSocketDisconnect` is no error. An uncaught `WebSocketFrameTypeError` closes with 1003, a
    `WebSocketJSONError` with 1007. Cleanups have run when this application returns. It works as a decorator too.
    """

    @wraps(handler)
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with WebSocket(scope, receive, send) as websocket:
            await handler(websocket)

    return app
