"""The page's second app: an answer to each JSON message, and a close that comes when the client has left."""

# mypy: allow-untyped-defs, allow-incomplete-defs
# The page prints no return type.

from wsserve import WebSocket
from wsserve.asgi_bridge.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send):
    websocket = WebSocket(scope=scope, receive=receive, send=send)
    await websocket.accept()

    async for message in websocket.iter_json():
        data = {"message": f"Message text was: {message}"}
        await websocket.send_json(data, mode="binary")
    await websocket.close()
