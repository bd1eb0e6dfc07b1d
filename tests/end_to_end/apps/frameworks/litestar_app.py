"""The app in Litestar."""

from typing import Any

from litestar import Litestar, MediaType, WebSocket, get, websocket
from litestar.exceptions import NotAuthorizedException, WebSocketDisconnect

from tests.end_to_end.apps.asgi import report

Socket = WebSocket[Any, Any, Any]


@websocket("/echo")
async def echo(socket: Socket) -> None:
    offers = socket.scope["subprotocols"]
    await socket.accept(subprotocols=offers[0] if offers else None, headers={"x-framework": "yes"})
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect as end:
        report(dict(socket.scope), code=end.code)


@websocket("/close")
async def close(socket: Socket) -> None:
    await socket.accept()
    await socket.close(3001, "done")


@websocket("/deny")
async def deny(socket: Socket) -> None:
    raise NotAuthorizedException("who are you?")


@websocket("/items/{number:int}")
async def item(socket: Socket, number: int) -> None:
    await socket.accept()
    await socket.send_json({"number": number})
    await socket.close()


@websocket("/crash")
async def crash(socket: Socket) -> None:
    await socket.accept()
    raise LookupError("a crash of the handler")


@get("/hello", media_type=MediaType.TEXT)
async def hello() -> str:
    return "hello"


app = Litestar([echo, close, deny, item, crash, hello], openapi_config=None)
