"""The page's first app: one JSON message in a binary frame."""

# mypy: allow-untyped-defs, allow-incomplete-defs
# The page prints no return type.

from wsserve import WebSocket
from wsserve.asgi_bridge.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send):
    websocket = WebSocket(scope=scope, receive=receive, send=send)
    await websocket.accept()
    await websocket.send_json({"message": "Hello, world!"}, mode="binary")
    await websocket.close()
