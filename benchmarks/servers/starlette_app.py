"""The benchmarks' routed handler on Starlette, which leaves parameters and resource to the handler: an echo."""

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


async def handler(websocket: WebSocket) -> None:
    """Echo, when the parameters are what they should be."""
    session_id = websocket.path_params["session_id"]
    max_users = int(websocket.query_params["max_users"])
    await websocket.accept()
    if (session_id, max_users) == ("session123", 5):
        try:
            while True:
                await websocket.send_text(await websocket.receive_text())
        except WebSocketDisconnect:
            pass


app = Starlette(routes=[WebSocketRoute("/chat/{session_id}", handler)])
