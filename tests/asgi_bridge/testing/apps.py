"""Small applications for the tests of the test clients."""

from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app

ACCEPT: Message = {"type": "websocket.accept"}


@websocket_app
async def echo(websocket: WebSocket) -> None:
    """Send back what comes; "close" closes with 4001, "fail" raises."""
    await websocket.accept()
    async for message in websocket:
        if message == "close":
            await websocket.close(4001, "as asked")
        elif message == "fail":
            raise ValueError("as asked")
        elif isinstance(message, str):
            await websocket.send_text(message)
        else:
            await websocket.send_bytes(message)


async def sink(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and take what comes until the disconnect."""
    await receive()
    await send({**ACCEPT})
    while (await receive())["type"] != "websocket.disconnect":
        pass


def sending(*messages: Message) -> ASGIApp:
    """Return an application that sends these messages, one after the other, and returns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message in messages:
            await send(message)

    return app
