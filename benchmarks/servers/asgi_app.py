"""The raw ASGI application that every ASGI server runs."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

members: set[Send] = set()


async def app(scope: Event, receive: Receive, send: Send) -> None:
    """Serve an echo, or at /broadcast send each message to every connection there."""
    if scope["type"] == "lifespan":
        await confirm_lifespan(receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/broadcast":
            await broadcast(receive, send)
        else:
            await echo(receive, send)


async def echo(receive: Receive, send: Send) -> None:
    """Send each message back."""
    while (event := await receive())["type"] == "websocket.receive":
        await send(answer(event))


async def broadcast(receive: Receive, send: Send) -> None:
    """Send each message to all."""
    members.add(send)
    try:
        while (event := await receive())["type"] == "websocket.receive":
            outgoing = answer(event)
            for member in list(members):
                await member(outgoing)
    finally:
        members.discard(send)


def answer(event: Event) -> Event:
    """Return the event that sends what `event` brought."""
    text = event.get("text")
    if text is not None:
        return {"type": "websocket.send", "text": text}
    return {"type": "websocket.send", "bytes": event["bytes"]}


async def confirm_lifespan(receive: Receive, send: Send) -> None:
    """Confirm startup, then shutdown."""
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})
