"""No framework: one handler, hosted by `websocket_app`, is the whole application."""

from wsserve import WebSocket, websocket_app


@websocket_app
async def app(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_text():
        await websocket.send_text(message)
