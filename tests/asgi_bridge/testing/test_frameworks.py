"""The test clients with applications of other frameworks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException, WebSocketException
from fastapi import WebSocket as FastAPIWebSocket
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket as StarletteWebSocket

from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
from wsserve.asgi_bridge.testing.client import TestClient
from wsserve.asgi_bridge.testing.exceptions import LifespanError, WebSocketDenialResponse

# Starlette


async def echo(websocket: StarletteWebSocket) -> None:
    await websocket.accept(subprotocol="chat")
    while True:
        text = await websocket.receive_text()
        await websocket.send_json({"room": websocket.path_params["room"], "text": text})


async def deny(websocket: StarletteWebSocket) -> None:
    await websocket.send_denial_response(JSONResponse({"detail": "no"}, status_code=402))


async def visits(websocket: StarletteWebSocket) -> None:
    await websocket.accept()
    await websocket.send_json([websocket.session.get("user"), websocket.state.database])
    await websocket.close(4000, "bye")


async def login(request: Request) -> Response:
    request.session["user"] = "ann"
    return PlainTextResponse("welcome")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    yield {"database": "open"}


def starlette() -> Starlette:
    return Starlette(
        routes=[
            WebSocketRoute("/echo/{room}", echo),
            WebSocketRoute("/deny", deny),
            WebSocketRoute("/visits", visits),
            Route("/login", login),
        ],
        middleware=[Middleware(SessionMiddleware, secret_key="secret")],
        lifespan=lifespan,
    )


def test_starlette() -> None:
    with TestClient(starlette()) as client:
        with client.websocket_connect("/echo/a", ["chat"]) as ws:
            assert ws.accepted_subprotocol == "chat"
            ws.send_text("hi")
            assert ws.receive_json() == {"room": "a", "text": "hi"}
        with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect("/deny"):
            pass
        assert caught.value.status_code == 402
        assert caught.value.json() == {"detail": "no"}
        for path in ("/nowhere", "/login"):
            with pytest.raises(WebSocketDenialResponse, match="403"), client.websocket_connect(path):
                pass
        with client.websocket_connect("/visits") as ws:
            assert ws.receive_json() == [None, "open"]
        assert client.get("/login").text == "welcome"
        with client.websocket_connect("/visits") as ws:
            assert ws.receive_json() == ["ann", "open"]
            with pytest.raises(WebSocketDisconnect, match="4000 and reason 'bye'"):
                ws.receive_json()
        with pytest.raises(KeyError, match="text"), client.websocket_connect("/echo/a", ["chat"]) as ws:
            ws.send_bytes(b"x")  # and Starlette looks for a text


def test_starlette_fails_to_start() -> None:
    @asynccontextmanager
    async def fails(app: Starlette) -> AsyncIterator[None]:
        if app.routes == []:
            raise OSError("no database")
        yield

    with pytest.raises(LifespanError, match="OSError: no database") as caught, TestClient(Starlette(lifespan=fails)):
        pass
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.anyio
async def test_starlette_in_the_tests_own_loop() -> None:
    async with (
        AsyncTestClient(starlette()) as client,
        client.websocket_connect("/echo/a", ["chat"]) as one,
        client.websocket_connect("/echo/b", ["chat"]) as two,
    ):
        await one.send_text("1")
        await two.send_text("2")
        assert await one.receive_json() == {"room": "a", "text": "1"}
        assert await two.receive_json() == {"room": "b", "text": "2"}


# FastAPI

fastapi = FastAPI()


def user(token: str) -> str:
    if token == "wrong":
        raise HTTPException(401, "who are you?")
    if token == "banned":
        raise WebSocketException(1008, "banned")
    return token


@fastapi.websocket("/rooms/{room}")
async def rooms(websocket: FastAPIWebSocket, room: int, name: str = Depends(user)) -> None:
    await websocket.accept(headers=[(b"x-room", str(room).encode())])
    while (text := await websocket.receive_text()) != "fail":
        await websocket.send_text(f"{name}: {text}")
    raise LookupError(text)


@fastapi.get("/health")
async def health() -> dict[str, bool]:
    return {"ok": True}


def test_fastapi() -> None:
    with TestClient(fastapi, backend="trio") as client:
        assert client.get("/health").json() == {"ok": True}
        assert client.post("/health").status_code == 405
        with client.websocket_connect("/rooms/5?token=ann") as ws:
            assert ws.headers["x-room"] == "5"
            ws.send_text("hi")
            assert ws.receive_text() == "ann: hi"
        for path, status in (("/rooms/5?token=wrong", 401), ("/rooms/5?token=banned", 403), ("/rooms/x?token=a", 403)):
            with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect(path):
                pass
            assert caught.value.status_code == status
        with pytest.raises(LookupError, match="fail"), client.websocket_connect("/rooms/5?token=ann") as ws:
            ws.send_text("fail")
    client = TestClient(fastapi, raise_app_exceptions=False)
    with client.websocket_connect("/rooms/5?token=ann") as ws:
        ws.send_text("fail")
        assert ws.wait_closed() == 1011
