"""The app in lihil, and the handler of its WebSocket page, as far as lihil 0.2.41 still has what the page prints."""

from typing import Annotated

from ididi.interfaces import AsyncResource
from lihil import Ignore, Lihil, Route, WebSocket, WebSocketRoute, use
from starlette.websockets import WebSocketDisconnect

from tests.end_to_end.apps.asgi import report

seed = WebSocketRoute("web_socket/{session_id}")


async def ws_factory(ws: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
    await ws.accept()
    yield ws
    await ws.close()


@seed.endpoint
async def ws_handler(
    ws: Annotated[WebSocket, use(ws_factory, reuse=False)],
    session_id: str,
    max_users: int,
) -> None:
    assert session_id == "session123"
    assert max_users == 5
    await ws.send_text("Hello, world!")


echo_route = WebSocketRoute("echo")


@echo_route.endpoint
async def echo(websocket: WebSocket) -> None:
    await websocket.accept(next(iter(websocket.scope["subprotocols"]), None), [(b"x-framework", b"yes")])
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect as end:
        report(websocket.scope, code=end.code, reason=end.reason)


close_route = WebSocketRoute("close")


@close_route.endpoint
async def close(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(3001, "done")


deny_route = WebSocketRoute("deny")


@deny_route.endpoint
async def deny(websocket: WebSocket) -> None:
    await websocket.close()


item_route = WebSocketRoute("items/{number}")


@item_route.endpoint
async def item(websocket: WebSocket, number: int) -> None:
    await websocket.accept()
    await websocket.send_json({"number": number})
    await websocket.close()


crash_route = WebSocketRoute("crash")


@crash_route.endpoint
async def crash(websocket: WebSocket) -> None:
    await websocket.accept()
    raise LookupError("a crash of the handler")


hello_route = Route("hello")


@hello_route.get
async def hello() -> str:
    return "hello"


app = Lihil(seed, echo_route, close_route, deny_route, item_route, crash_route, hello_route)
