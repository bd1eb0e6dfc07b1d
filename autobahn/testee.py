"""The application under test, which sends every message back as it came: `wsserve wsserve.autobahn.testee:app`."""

from contextlib import suppress

from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept the connection and echo its messages, text as text and bytes as bytes, until it ends."""
    websocket = WebSocket(scope, receive, send)
    await websocket.accept()
    with suppress(WebSocketDisconnect):  # 7.1.6, for one, closes while its echo is on the way
        async for message in websocket:
            if isinstance(message, str):
                await websocket.send_text(message)
            else:
                await websocket.send_bytes(message)
