"""The route and the resource of lihil's page on WebSockets, word for word but for their imports and the router's name.

    wsserve examples.lihil_page:lhl

then connect to ws://127.0.0.1:8000/web_socket/session123?max_users=5, which says "Hello, world!" and closes.
"""

from typing import Annotated

from wsserve import AsyncResource, Ignore, Router, WebSocket, WebSocketRoute, use

ws_route = WebSocketRoute("web_socket/{session_id}")


async def ws_factory(ws: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
    await ws.accept()
    yield ws
    await ws.close()


@ws_route.ws_handler
async def ws_handler(
    ws: Annotated[WebSocket, use(ws_factory, reuse=False)],
    session_id: str,
    max_users: int,
) -> None:
    assert session_id == "session123" and max_users == 5  # noqa: S101, PT018  # as the page has it
    await ws.send_text("Hello, world!")


lhl = Router()
lhl.include_routes(ws_route)
