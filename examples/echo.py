"""An echo endpoint at /ws and a page that talks to it.

    wsserve examples.echo:app

then open http://127.0.0.1:8000 in a browser, or talk to ws://127.0.0.1:8000/ws with any WebSocket client. Messages come
back as they are, text as text and binary as binary. The subprotocol "echo" is accepted when it is offered.
"""

from pathlib import Path

from wsserve import Response, Route, Router, WebSocket, WebSocketRoute

PAGE = Response(Path(__file__).with_name("echo.html").read_bytes(), media_type="text/html")

route = WebSocketRoute("/ws")


@route.ws_handler
async def echo(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="echo" if "echo" in websocket["subprotocols"] else None)
    async for message in websocket:
        if isinstance(message, str):
            await websocket.send_text(message)
        else:
            await websocket.send_bytes(message)


app = Router([Route("/", PAGE), route])
