"""Hosting a handler: from a function that takes a `WebSocket` to an ASGI application."""

from collections.abc import Awaitable, Callable
from functools import wraps

from wsserve.asgi_bridge.exceptions import HTTPException
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket


def websocket_app(handler: Callable[[WebSocket], Awaitable[object]]) -> ASGIApp:
    """Return the ASGI application that calls `handler` with a `WebSocket`, and ends the connection as it ends.

    When the handler returns, an accepted connection is closed with 1000; when it raises, with 1011, and the error goes
    on to the server. A `WebSocketDisconnect` is no error. An uncaught `WebSocketFrameTypeError` closes with 1003, a
    `WebSocketJSONError` with 1007. Cleanups have run when this application returns. It works as a decorator too.

    It can be served as it is: a plain HTTP request is answered with 426 (RFC 9110, section 15.5.22), and the lifespan's
    startup and shutdown are confirmed.
    """

    @wraps(handler)
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            error = upgrade_required(scope)
            await Response(f"{error.detail}\n", error.status_code, error.headers)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _confirm_lifespan(receive, send)
        else:
            async with WebSocket(scope, receive, send) as websocket:
                await handler(websocket)

    del app.__wrapped__  # or `inspect.signature` shows the handler's, by which servers take this for ASGI 2
    return app


def upgrade_required(scope: Scope) -> HTTPException:
    """Return the error for a plain request where there is only a WebSocket: 426 (RFC 9110, section 15.5.22)."""
    headers = {}
    if scope["http_version"].startswith("1"):  # later versions have neither field (RFC 9113, section 8.2.2)
        headers = {"upgrade": "websocket", "connection": "upgrade"}
    return HTTPException(426, "There is only a WebSocket here: connect to it with a WebSocket client.", headers)


async def _confirm_lifespan(receive: Receive, send: Send) -> None:
    """Confirm startup, then shutdown (ASGI specification, lifespan 2.0)."""
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})
