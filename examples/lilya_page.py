"""The snippets of Lilya's page on WebSockets, each below a path of its own.

    wsserve examples.lilya_page:app

then connect to ws://127.0.0.1:8000/hello, which sends JSON in a binary message and closes; to /iterate, which answers
JSON; to /users/ada?search=x, which tells what it knows of the connection; or to /close, which is denied.
"""

from wsserve import Router, WebSocket, WebSocketClose, WebSocketRoute
from wsserve.asgi_bridge.types import Receive, Scope, Send


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    websocket = WebSocket(scope=scope, receive=receive, send=send)
    await websocket.accept()
    await websocket.send_json({"message": "Hello, world!"}, mode="binary")
    await websocket.close()


async def iterate(scope: Scope, receive: Receive, send: Send) -> None:
    websocket = WebSocket(scope=scope, receive=receive, send=send)
    await websocket.accept()

    async for message in websocket.iter_json():
        data = {"message": f"Message text was: {message}"}
        await websocket.send_json(data, mode="binary")
    await websocket.close()


async def users(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(
        {
            "path": websocket["path"],
            "scheme": websocket.url.scheme,
            "port": websocket.url.port,
            "version": websocket.headers["sec-websocket-version"],
            "search": websocket.query_params["search"],
            "username": websocket.path_params["username"],
            "reversed": websocket.path_for("users", username="grace"),
        }
    )


close_app = WebSocketClose(code=1000, reason="done")

app = Router(
    [
        WebSocketRoute("/hello", hello),
        WebSocketRoute("/iterate", iterate),
        WebSocketRoute("/users/{username}", users),
        WebSocketRoute("/close", close_app),
    ]
)
