"""The benchmarks' routed handler, on lihil: a path and a query parameter and one resource, then an echo."""

from typing import Annotated

from ididi import AsyncResource
from lihil import Ignore, Lihil, WebSocket, WebSocketRoute, use
from starlette.websockets import WebSocketDisconnect

route = WebSocketRoute("chat/{session_id}")


async def accepted(websocket: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
    """Accept; the client closes."""
    await websocket.accept()
    yield websocket


@route.endpoint
async def handler(websocket: Annotated[WebSocket, use(accepted, reuse=False)], session_id: str, max_users: int) -> None:
    """Echo, when the parameters are what they should be."""
    if (session_id, max_users) == ("session123", 5):
        try:
            while True:
                await websocket.send_text(await websocket.receive_text())
        except WebSocketDisconnect:
            pass


app = Lihil(route)
