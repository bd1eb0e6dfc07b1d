"""The benchmarks' routed handler, on wsserve's Router: a path and a query parameter and one resource, then an echo."""

from typing import Annotated

from wsserve import AsyncResource, Ignore, Router, WebSocket, WebSocketRoute, use

route = WebSocketRoute("chat/{session_id}")


async def accepted(websocket: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
    """Accept, and close in the end."""
    await websocket.accept()
    yield websocket
    await websocket.close()


@route.ws_handler
async def handler(websocket: Annotated[WebSocket, use(accepted, reuse=False)], session_id: str, max_users: int) -> None:
    """Echo, when the parameters are what they should be."""
    if (session_id, max_users) == ("session123", 5):
        async for message in websocket:
            await websocket.send_text(str(message))


app = Router([route])
