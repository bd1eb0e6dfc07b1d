"""What the playground connects to: WebSocket endpoints, each of which does one thing."""

from typing import Annotated, Literal

import anyio
from msgspec import Meta

from wsserve import HTTPException, WebSocket, WebSocketClose

SUBPROTOCOLS = ("echo", "reverse")  # those that `echo` speaks, the preferred one first


async def echo(websocket: WebSocket) -> None:
    """Send every message back as it is; in the subprotocol "reverse", backwards."""
    offered = websocket["subprotocols"]
    subprotocol = next((known for known in SUBPROTOCOLS if known in offered), None)
    await websocket.accept(subprotocol=subprotocol)
    async for message in websocket:
        answer = message[::-1] if subprotocol == "reverse" else message
        if isinstance(answer, str):
            await websocket.send_text(answer)
        else:
            await websocket.send_bytes(answer)


async def json_echo(websocket: WebSocket, mode: Literal["text", "binary"]) -> None:
    """Answer each JSON value with an object that holds it; JSON travels in text or in binary messages."""
    await websocket.accept(subprotocol="json" if "json" in websocket["subprotocols"] else None)
    answered = 0
    async for value in websocket.iter_json(mode):
        answered += 1
        await websocket.send_json({"answer": answered, "received": value}, mode)


async def close_with(websocket: WebSocket, code: int, reason: str = "") -> None:
    """Close with this code and reason at once; a code that may not be sent is refused with 400."""
    try:
        closing = WebSocketClose(code, reason)
    except ValueError as error:
        raise HTTPException(400, f"{error}\n") from error
    await websocket.accept()
    await websocket.close(closing.code, closing.reason)


async def many(
    websocket: WebSocket,
    count: Annotated[int, Meta(ge=0, le=1000)] = 10,
    size: Annotated[int, Meta(ge=0, le=65536)] = 100,
) -> None:
    """Send `count` text messages of `size` characters, then close."""
    await websocket.accept()
    for number in range(count):
        await websocket.send_text(f"message {number} ".ljust(size, ".")[:size])


async def slow(websocket: WebSocket, seconds: Annotated[float, Meta(ge=0, le=10)] = 2.0) -> None:
    """Echo, but think about each message first, unless the client leaves.

    Pings are answered at once meanwhile, by the server.
    """
    await websocket.accept()
    async for message in websocket:
        async with websocket.cancel_on_disconnect():
            await anyio.sleep(seconds)
        if isinstance(message, str):
            await websocket.send_text(message)
        else:
            await websocket.send_bytes(message)
