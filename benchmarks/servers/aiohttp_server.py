"""aiohttp's server on uvloop."""

import sys

import uvloop
from aiohttp import WSMsgType, web

members: set[web.WebSocketResponse] = set()


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Send each message back."""
    websocket = web.WebSocketResponse()
    await websocket.prepare(request)
    async for message in websocket:
        if message.type == WSMsgType.TEXT:
            await websocket.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await websocket.send_bytes(message.data)
    return websocket


async def broadcast(request: web.Request) -> web.WebSocketResponse:
    """Send each text message to all."""
    websocket = web.WebSocketResponse()
    await websocket.prepare(request)
    members.add(websocket)
    try:
        async for message in websocket:
            if message.type == WSMsgType.TEXT:
                for member in list(members):
                    await member.send_str(message.data)
    finally:
        members.discard(websocket)
    return websocket


app = web.Application()
app.add_routes([web.get("/", echo), web.get("/broadcast", broadcast)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), loop=uvloop.new_event_loop())
