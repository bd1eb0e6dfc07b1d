"""The app in Lilya, and the first snippets of its WebSocket page with the real Lilya, imports and all."""

# mypy: allow-untyped-defs, allow-incomplete-defs
# The page prints no return types.

from lilya.apps import Lilya
from lilya.routing import Path, WebSocketPath
from lilya.types import Receive, Scope, Send
from lilya.websockets import WebSocket, WebSocketClose, WebSocketDisconnect

from tests.end_to_end.apps.asgi import report


async def seed_hello(scope: Scope, receive: Receive, send: Send):
    websocket = WebSocket(scope=scope, receive=receive, send=send)
    await websocket.accept()
    await websocket.send_json({"message": "Hello, world!"}, mode="binary")
    await websocket.close()


async def seed_iterate(scope: Scope, receive: Receive, send: Send):
    websocket = WebSocket(scope=scope, receive=receive, send=send)
    await websocket.accept()

    async for message in websocket.iter_json():
        data = {"message": f"Message text was: {message}"}
        await websocket.send_json(data, mode="binary")
    await websocket.close()


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


async def item(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"number": websocket.path_params["number"]})
    await websocket.close()


async def crash(websocket: WebSocket) -> None:
    await websocket.accept()
    raise LookupError("a crash of the handler")


async def hello() -> str:
    return "hello"


application = Lilya(
    routes=[
        WebSocketPath("/echo", echo),
        WebSocketPath("/close", close),
        WebSocketPath("/deny", WebSocketClose(code=1000, reason="done")),
        WebSocketPath("/items/{number:int}", item),
        WebSocketPath("/crash", crash),
        Path("/hello", hello),
    ]
)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the page's plain ASGI apps, and the Lilya application for all else."""
    snippets = {"/seed/hello": seed_hello, "/seed/iterate": seed_iterate}
    await snippets.get(scope.get("path", ""), application)(scope, receive, send)
