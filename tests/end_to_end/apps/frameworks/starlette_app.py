"""The app in Starlette."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.end_to_end.apps.asgi import report


async def echo(websocket: WebSocket) -> None:
    await websocket.accept(next(iter(websocket.scope["subprotocols"]), None), [(b"x-framework", b"yes")])
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect as end:
        report(websocket.scope, code=end.code, reason=end.reason)


async def close(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(3001, "done")


async def deny(websocket: WebSocket) -> None:
    await websocket.send_denial_response(PlainTextResponse("who are you?", 401))


async def item(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"number": websocket.path_params["number"]})
    await websocket.close()


async def crash(websocket: WebSocket) -> None:
    await websocket.accept()
    raise LookupError("a crash of the handler")


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


app = Starlette(
    routes=[
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/close", close),
        WebSocketRoute("/deny", deny),
        WebSocketRoute("/items/{number:int}", item),
        WebSocketRoute("/crash", crash),
        Route("/hello", hello),
    ]
)
