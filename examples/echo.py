"""An echo endpoint at /ws and a page that talks to it.

    wsserve examples.echo:app

then open http://127.0.0.1:8000 in a browser, or talk to ws://127.0.0.1:8000/ws with any WebSocket client. Messages come
back as they are, text as text and binary as binary. The subprotocol "echo" is accepted when it is offered.
"""

from pathlib import Path

from wsserve import WebSocket
from wsserve.asgi_bridge.types import Receive, Scope, Send

PAGE = Path(__file__).with_name("echo.html").read_bytes()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await echo(WebSocket(scope, receive, send))
    elif scope["type"] == "http":
        await page(scope, send)


async def echo(websocket: WebSocket) -> None:
    if websocket["path"] != "/ws":
        await websocket.send_denial_response(404, body="WebSockets are served at /ws\n")
        return
    await websocket.accept(subprotocol="echo" if "echo" in websocket["subprotocols"] else None)
    async for message in websocket:
        if isinstance(message, str):
            await websocket.send_text(message)
        else:
            await websocket.send_bytes(message)


async def page(scope: Scope, send: Send) -> None:
    found = scope["path"] == "/"
    body = PAGE if found else b"There is nothing here; the page is at /\n"
    content_type = b"text/html; charset=utf-8" if found else b"text/plain; charset=utf-8"
    start = {
        "type": "http.response.start",
        "status": 200 if found else 404,
        "headers": [(b"content-type", content_type)],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})
