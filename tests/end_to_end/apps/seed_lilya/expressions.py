"""What the page prints as single expressions, on a live connection; the client gets their values, or a report."""

from typing import Any

from tests.end_to_end.apps.asgi import report
from wsserve import ImproperlyConfigured, WebSocket, WebSocketDisconnect, WebSocketRuntimeError
from wsserve.asgi_bridge.types import Receive, Scope, Send


async def connection_data(scope: Scope, receive: Receive, send: Send) -> None:
    """Mapping access, url, headers, query_params and path_params, in the page's order."""
    scope["path_params"] = {"username": "ada"}  # which a router would set
    websocket = WebSocket(scope, receive, send)
    await websocket.accept()
    await websocket.send_json(
        [
            websocket["path"],
            str(websocket.url),
            websocket.url.scheme,
            websocket.url.path,
            websocket.url.port,
            websocket.headers["sec-websocket-version"],
            websocket.query_params["search"],
            websocket.path_params["username"],
        ]
    )
    await websocket.close()


async def middleware_data(scope: Scope, receive: Receive, send: Send) -> None:
    """The properties auth, user and session: without a middleware, an error that names it; with one, what it set."""
    websocket = WebSocket(scope, receive, send)
    await websocket.accept()
    for name in ("auth", "user", "session"):
        try:
            getattr(websocket, name)
        except ImproperlyConfigured as error:
            await websocket.send_text(str(error))
    scope.update(auth=["admin"], user="ada", session={"visits": 1})
    await websocket.send_json([websocket.auth, websocket.user, websocket.session])
    await websocket.close()


async def operations(scope: Scope, receive: Receive, send: Send) -> None:
    """Each operation as the page writes it, up to close(code=1000, reason=None)."""
    websocket = WebSocket(scope, receive, send)
    data: Any = {"n": 1}
    await websocket.accept(subprotocol=None, headers=None)
    await websocket.send_text("text")
    await websocket.send_bytes(b"bytes")
    await websocket.send_json(data)
    await websocket.send_json(data, mode="binary")
    assert await websocket.receive_text() == "text"
    assert await websocket.receive_bytes() == b"bytes"
    assert await websocket.receive_json() == data
    assert await websocket.receive_json(data, mode="binary") == data
    assert await websocket.receive_json(mode="binary") == data
    await websocket.close(code=1000, reason=None)


async def iterate_text(scope: Scope, receive: Receive, send: Send) -> None:
    """Echo by iter_text; the iterator ends when the client has left."""
    websocket = WebSocket(scope, receive, send)
    await websocket.accept()
    async for message in websocket.iter_text():
        await websocket.send_text(message)
    report(scope, code=websocket.close_code)


async def iterate_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Echo by iter_bytes; the iterator ends when the client has left."""
    websocket = WebSocket(scope, receive, send)
    await websocket.accept()
    async for message in websocket.iter_bytes():
        await websocket.send_bytes(message)
    report(scope, code=websocket.close_code)


async def disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """The warning: receiving may raise WebSocketDisconnect."""
    websocket = WebSocket(scope, receive, send)
    await websocket.accept()
    try:
        await websocket.receive_text()
    except WebSocketDisconnect as error:
        report(scope, code=error.code, reason=error.reason)


async def raw_messages(scope: Scope, receive: Receive, send: Send) -> None:
    """Raw ASGI messages by send(message) and receive(), which keep the two states up to date."""
    websocket = WebSocket(scope, receive, send)
    states = [(websocket.client_state.name, websocket.application_state.name)]
    assert (await websocket.receive())["type"] == "websocket.connect"
    states.append((websocket.client_state.name, websocket.application_state.name))
    await websocket.send({"type": "websocket.accept"})
    states.append((websocket.client_state.name, websocket.application_state.name))
    message = await websocket.receive()
    await websocket.send({"type": "websocket.send", "text": message["text"]})
    await websocket.send({"type": "websocket.close", "code": 1000})
    states.append((websocket.client_state.name, websocket.application_state.name))
    report(scope, states=states)


async def invalid_state(scope: Scope, receive: Receive, send: Send) -> None:
    """Receiving or sending in an invalid state raises WebSocketRuntimeError; report how often."""
    websocket = WebSocket(scope, receive, send)
    errors = []
    try:
        await websocket.send_text("before accept")
    except WebSocketRuntimeError as error:
        errors.append(str(error))
    try:
        await websocket.receive_text()
    except WebSocketRuntimeError as error:
        errors.append(str(error))
    await websocket.accept()
    await websocket.close()
    try:
        await websocket.send_text("after close")
    except WebSocketRuntimeError as error:
        errors.append(str(error))
    report(scope, errors=errors)


async def cleanup(scope: Scope, receive: Receive, send: Send) -> None:
    """Cleanups, plain and asynchronous, run when the websocket is closed."""
    websocket = WebSocket(scope, receive, send)
    ran: list[str] = []

    async def asynchronous() -> None:
        ran.append("asynchronous")

    websocket.add_cleanup(lambda: ran.append("plain"))
    websocket.add_cleanup(asynchronous)
    await websocket.accept()
    await websocket.close()
    report(scope, ran=ran)
