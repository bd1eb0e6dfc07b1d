"""N17: sessions beside those of Starlette."""

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware as StarletteSessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.asgi_bridge.middleware.calls import http_call, values_of
from tests.asgi_bridge.middleware.test_session import KEY, connect, cookie_of, stored_in, wrapped
from wsserve.asgi_bridge.middleware.session import SessionMiddleware

pytestmark = pytest.mark.anyio


async def starlette_page(request: Request) -> JSONResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JSONResponse(request.session)


async def starlette_socket(websocket: WebSocket) -> None:
    websocket.session["visits"] = websocket.session.get("visits", 0) + 1
    await websocket.accept()
    await websocket.close()


async def starlette_denial(websocket: WebSocket) -> None:
    websocket.session["visits"] = 1
    await websocket.send_denial_response(PlainTextResponse("no", status_code=402))


def starlette_app(**options: Any) -> Starlette:
    routes = [
        Route("/chat", starlette_page),
        WebSocketRoute("/chat", starlette_socket),
        WebSocketRoute("/denied", starlette_denial),
    ]
    return Starlette(routes=routes, **options)


async def test_n17_starlettes_cookie_is_read_here_and_ours_there() -> None:
    theirs = starlette_app(middleware=[Middleware(StarletteSessionMiddleware, secret_key=KEY)])
    ours = wrapped(starlette_app())
    start, body = await http_call(theirs)
    cookie = values_of(start, b"set-cookie")[0]
    attributes = cookie.partition(b";")[2]
    for visits, app in ((2, ours), (3, theirs), (4, ours)):
        start, body = await http_call(app, (b"cookie", cookie.partition(b";")[0]))
        assert json.loads(body["body"]) == {"visits": visits}
        (cookie,) = values_of(start, b"set-cookie")
        assert cookie.partition(b";")[2] == attributes
    sent = await connect(ours, cookie.partition(b";")[0])
    assert stored_in(values_of(sent[0], b"set-cookie")[0]) == {"visits": 5}


async def test_n17_in_front_of_starlette_denials_save_too() -> None:
    sent = await connect(wrapped(starlette_app()), path="/denied", raw_path=b"/denied")
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 402)
    assert stored_in(values_of(sent[0], b"set-cookie")[0]) == {"visits": 1}


async def test_n17_within_starlette_as_its_middleware() -> None:
    app = starlette_app(middleware=[Middleware(SessionMiddleware, secret_key=KEY)])
    sent = await connect(app, cookie_of({"visits": 1}))
    assert stored_in(values_of(sent[0], b"set-cookie")[0]) == {"visits": 2}
