"""Handlers that use the WebSocket class; they run on any ASGI server. Each reports what it saw."""

import anyio
import anyio.lowlevel

from tests.end_to_end.apps.asgi import App, by_path, lifespan, outcome, query, report
from tests.end_to_end.apps.seed_lilya import close_helper, expressions, hello, iterate
from wsserve import WebSocket, websocket_app
from wsserve.asgi_bridge.types import Receive, Scope, Send


@websocket_app
async def echo(websocket: WebSocket) -> None:
    """Send every message back as what it came, and report the end."""
    await websocket.accept(next(iter(websocket["subprotocols"]), None))
    async for message in websocket:
        if isinstance(message, str):
            await websocket.send_text(message)
        else:
            await websocket.send_bytes(message)
    report(websocket.scope, code=websocket.close_code, reason=websocket.close_reason)


@websocket_app
async def json_echo(websocket: WebSocket) -> None:
    """Send JSON back in the mode that the query names."""
    mode = query(websocket.scope)["mode"]
    await websocket.accept()
    async for value in websocket.iter_json(mode=mode):
        await websocket.send_json(value, mode=mode)


@websocket_app
async def receive_text(websocket: WebSocket) -> None:
    """Want a text message, and catch nothing."""
    await websocket.accept()
    await websocket.receive_text()


@websocket_app
async def receive_json(websocket: WebSocket) -> None:
    """Want a JSON message, and catch nothing."""
    await websocket.accept()
    await websocket.receive_json()


@websocket_app
async def close(websocket: WebSocket) -> None:
    """Close with the query's code and reason, and again; report the code of the end."""
    chosen = query(websocket.scope)
    await websocket.accept()
    await websocket.close(int(chosen["code"]), chosen["reason"])
    await websocket.close()
    report(websocket.scope, code=await websocket.wait_closed())


@websocket_app
async def deny(websocket: WebSocket) -> None:
    """Refuse the handshake with a response of its own."""
    await websocket.send_denial_response(401, "who are you?", [("www-authenticate", "Basic")])


@websocket_app
async def close_after_disconnect(websocket: WebSocket) -> None:
    """Wait until the client has left, then send, and close twice."""
    await websocket.accept()
    await websocket.wait_closed(discard=True)
    sent = await outcome(websocket.send_text("too late"))
    closed = [await outcome(websocket.close()), await outcome(websocket.close(3000, "again"))]
    report(websocket.scope, send=sent, close=closed)


@websocket_app
async def accept_headers(websocket: WebSocket) -> None:
    """Accept with headers and the second subprotocol."""
    await websocket.accept(
        websocket["subprotocols"][1], [("x-first", "1"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    )
    await websocket.close()


async def cleanups(scope: Scope, receive: Receive, send: Send) -> None:
    """Register cleanups, one of which fails, then end in the way that the query names."""
    websocket = WebSocket(scope, receive, send)
    ran: list[int] = []

    def fail() -> None:
        ran.append(2)
        raise LookupError("a cleanup that fails")

    async def last() -> None:
        await anyio.lowlevel.checkpoint()
        ran.append(1)
        report(scope, ran=ran)

    websocket.add_cleanup(last)
    websocket.add_cleanup(fail)
    websocket.add_cleanup(lambda: ran.append(3))
    if query(scope).get("hosted"):
        async with websocket:
            await end(websocket, query(scope)["end"])
    else:
        await end(websocket, query(scope)["end"])


async def end(websocket: WebSocket, how: str) -> None:
    """End a handler in one of the ways there are."""
    if how == "deny":
        await websocket.close()
        return
    if how == "raise-before-accept":
        raise LookupError("a crash of the handler")
    await websocket.accept()
    await websocket.send_text("ready")
    if how == "own-close":
        await websocket.close()
        await websocket.close()
    elif how == "raise":
        raise LookupError("a crash of the handler")
    elif how == "iterate":
        async for _ in websocket:
            pass
    elif how == "wait":  # for a message, when the server shuts down or the client leaves
        await websocket.receive_text()
    elif how == "sleep":
        await anyio.sleep_forever()


APPS: dict[str, App] = {
    "/echo": echo,
    "/json": json_echo,
    "/receive-text": receive_text,
    "/receive-json": receive_json,
    "/close": close,
    "/deny": deny,
    "/close-after-disconnect": close_after_disconnect,
    "/accept-headers": accept_headers,
    "/cleanups": cleanups,
    "/seed/hello": hello.app,
    "/seed/iterate": iterate.app,
    "/seed/close": close_helper.close_app,
    "/seed/connection-data": expressions.connection_data,
    "/seed/middleware-data": expressions.middleware_data,
    "/seed/operations": expressions.operations,
    "/seed/iterate-text": expressions.iterate_text,
    "/seed/iterate-bytes": expressions.iterate_bytes,
    "/seed/disconnect": expressions.disconnect,
    "/seed/raw-messages": expressions.raw_messages,
    "/seed/invalid-state": expressions.invalid_state,
    "/seed/cleanup": expressions.cleanup,
}

app = by_path(APPS, lifespan)
