"""Apps that differ in what they do about the lifespan."""

from tests.end_to_end.apps.asgi import Receive, Scope, Send, accept, lifespan, query, until_disconnect


async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
    """Print when the app starts up, when it has a connection, when that ends, and when it shuts down."""
    if scope["type"] == "lifespan":
        await receive()
        print("startup", flush=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shutdown", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
    else:
        print("connection", query(scope).get("id"), flush=True)
        await accept(receive, send)
        event = await until_disconnect(receive)
        print("disconnect", event["code"], event["reason"], flush=True)


async def unsupported(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise for the lifespan, as apps do that do not know it; echo one message otherwise."""
    if scope["type"] != "websocket":
        raise ValueError("only WebSockets are served here")
    await accept(receive, send)
    event = await receive()
    await send({"type": "websocket.send", "text": event["text"]})


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    """Say that the startup failed."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the database is not there"})


async def stubborn(scope: Scope, receive: Receive, send: Send) -> None:
    """Echo nothing, and never end of its own accord, whatever the client and the server do."""
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
        return
    await accept(receive, send)
    while True:
        await receive()
