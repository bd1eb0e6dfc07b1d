"""The same application written with wsserve's `WebSocket` class."""

from wsserve import WebSocket, websocket_app

members: set[WebSocket] = set()


@websocket_app
async def app(websocket: WebSocket) -> None:
    """Serve an echo, or at /broadcast send each message to every connection there."""
    await websocket.accept()
    if websocket["path"] == "/broadcast":
        members.add(websocket)
        try:
            async for message in websocket:
                for member in list(members):
                    await send(member, message)
        finally:
            members.discard(websocket)
    else:
        async for message in websocket:
            await send(websocket, message)


async def send(websocket: WebSocket, message: str | bytes) -> None:
    """Send a message as what it is."""
    if isinstance(message, str):
        await websocket.send_text(message)
    else:
        await websocket.send_bytes(message)
