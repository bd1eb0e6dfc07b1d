"""The benchmarks' routed handler, on FastAPI: a path and a query parameter and one resource, then an echo."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


async def accepted(websocket: WebSocket) -> AsyncIterator[WebSocket]:
    """Accept; the client closes."""
    await websocket.accept()
    yield websocket


@app.websocket("/chat/{session_id}")
async def handler(websocket: Annotated[WebSocket, Depends(accepted)], session_id: str, max_users: int) -> None:
    """Echo, when the parameters are what they should be."""
    if (session_id, max_users) == ("session123", 5):
        try:
            while True:
                await websocket.send_text(await websocket.receive_text())
        except WebSocketDisconnect:
            pass
