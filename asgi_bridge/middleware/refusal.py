"""How middleware answers in place of the application."""

from contextlib import suppress

from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.headers import HeaderPairs
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, body: str | bytes, headers: HeaderPairs | None = None
) -> None:
    """Answer an HTTP request, or deny a WebSocket handshake, with this response; a body of str goes out as text.

    Where the server lacks the extension `websocket.http.response`, a handshake gets 403 instead.
    """
    await respond(Response(body, status, headers), scope, receive, send)


async def respond(response: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a response of any framework, or what else sends one, as the denial when this is a WebSocket handshake.

    Where the server lacks the extension `websocket.http.response`, a handshake gets 403 instead.
    """
    if scope["type"] != "websocket":
        await response(scope, receive, send)
        return
    with suppress(WebSocketDisconnect):
        await WebSocket(scope, receive, send).send_denial_response(response)
