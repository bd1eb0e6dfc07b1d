"""The app in FastAPI."""

from enum import IntEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI, Query, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.responses import PlainTextResponse

from tests.end_to_end.apps.asgi import report

app = FastAPI()


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept(next(iter(websocket.scope["subprotocols"]), None), [(b"x-framework", b"yes")])
    try:
        async for text in websocket.iter_text():
            await websocket.send_text(text)
        await websocket.receive_text()
    except (WebSocketDisconnect, RuntimeError):
        report(websocket.scope, state=websocket.client_state.name)


@app.websocket("/close")
async def close(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(3001, "done")


@app.websocket("/deny")
async def deny(websocket: WebSocket) -> None:
    await websocket.send_denial_response(PlainTextResponse("who are you?", 401))


@app.websocket("/unauthorized")
async def unauthorized(websocket: WebSocket) -> None:
    await websocket.send_denial_response(PlainTextResponse("who are you?", HTTPStatus.UNAUTHORIZED))


class Code(IntEnum):
    DONE = 4001


@app.websocket("/close-enumerated")
async def close_enumerated(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(Code.DONE)


def double(number: int) -> int:
    return 2 * number


@app.websocket("/items/{number}")
async def item(
    websocket: WebSocket,
    number: int,
    doubled: Annotated[int, Depends(double)],
    more: Annotated[list[str] | None, Query()] = None,
) -> None:
    await websocket.accept()
    await websocket.send_json({"number": number})
    assert doubled == 2 * number
    await websocket.close()


@app.websocket("/policy")
async def policy(websocket: WebSocket) -> None:
    await websocket.accept()
    raise WebSocketException(code=1008, reason="not allowed")


@app.websocket("/crash")
async def crash(websocket: WebSocket) -> None:
    await websocket.accept()
    raise LookupError("a crash of the handler")


@app.get("/hello", response_class=PlainTextResponse)
async def hello() -> str:
    return "hello"


@app.get("/accepted")
async def accepted() -> PlainTextResponse:
    return PlainTextResponse("soon", HTTPStatus.ACCEPTED)
