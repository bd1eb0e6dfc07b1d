"""How middleware answers in place of the application."""

from collections.abc import Awaitable
from contextlib import suppress

from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.headers import HeaderPairs
from wsserve.asgi_bridge.outgoing import denial
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, body: str, headers: HeaderPairs | None = None
) -> None:
    """Answer an HTTP request, or deny a WebSocket handshake, with this response.

    Where the server lacks the extension `websocket.http.response`, a handshake gets 403 instead.
    """
    if scope["type"] == "websocket":
        with suppress(WebSocketDisconnect):
            await WebSocket(scope, receive, send).send_denial_response(status, body, headers)
        return
    start, whole_body = denial(status, body, headers)
    await send({**start, "type": "http.response.start"})
    await send({**whole_body, "type": "http.response.body"})


async def respond(response: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a response of any framework, or what else sends one, as the denial when this is a WebSocket handshake.

    Where the server lacks the extension `websocket.http.response`, a handshake gets 403 instead.
    """
    if scope["type"] != "websocket":
        await response(scope, receive, send)
        return
    websocket = WebSocket(scope, receive, send)
    if "websocket.http.response" not in (scope.get("extensions") or ()):
        await websocket.close()
        return

    def send_denial(message: Message) -> Awaitable[None]:
        kind = message["type"]
        return websocket.send({**message, "type": f"websocket.{kind}"} if kind.startswith("http.") else message)

    with suppress(WebSocketDisconnect):
        await response(scope, receive, send_denial)
