"""The outermost end of routing: what an error that nobody handled becomes."""

from collections.abc import Awaitable
from types import TracebackType
from typing import Final

from wsserve.asgi_bridge.endings import close_for, denial_for, is_answer
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_state import ConnectionState, WebSocketState

BOUNDARY: Final = "wsserve.boundary"
"""In a scope: a boundary further out makes an end of errors; the value is what was the scope's `app` there."""


def is_bounded(scope: Scope) -> bool:
    """Tell whether an error reaches a boundary: no framework stands between that would take it for its own."""
    return BOUNDARY in scope and scope[BOUNDARY] is scope.get("app")


class HTTPBoundary:
    """Answers an HTTP request whose handler raised an error that says how, such as an `HTTPException`.

    As a context manager it gives the `send` to use within. All other errors, and those after the response has begun, go
    on to the server.
    """

    __slots__ = ("_begun", "_receive", "_scope", "_send")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._begun = False

    async def __aenter__(self) -> Send:
        return self._watch

    async def __aexit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        if error is None or self._begun or not is_answer(error):
            return False
        denial = denial_for(error)
        if denial is None:
            return False
        response = Response(denial.body, denial.status, denial.headers)
        await response(self._scope, self._receive, self._send)
        return True

    async def _watch(self, message: Message) -> None:
        self._begun = True
        await self._send(message)


class WebSocketBoundary(WebSocket):
    """Ends a connection as `WebSocket.__aexit__` says; as a context manager it gives the `send` to use within.

    What an application that receives by itself leaves open, or fails with, is the server's to end: the client may have
    gone, which nobody but that application and the server knows. Only an error that says what to tell the client ends
    such a connection here.
    """

    __slots__ = ()

    async def __aenter__(self) -> Send:  # type: ignore[override]  # what is within makes WebSockets of its own
        return self._send

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if self._state.is_raw and self.client_state is WebSocketState.CONNECTING:
            orderly = error is not None and is_answer(error)
            if error is None or not orderly or close_for(error) is None:
                await self._state.run_cleanups()
                return orderly
        return await super().__aexit__(kind, error, traceback)


class Routed:
    """The base of applications below which all WebSockets are served by a `WebSocket`, so that a boundary knows."""


def watched(app: ASGIApp) -> ASGIApp:
    """Return `app`, with what it sends itself to a WebSocket noted for the boundary; a `Routed` one as it is."""
    is_routed = isinstance(app, Routed)
    if is_routed:
        return app

    # No coroutines of its own, which each message would have to pass.
    def watching(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "websocket":
            return app(scope, receive, send)
        state = ConnectionState.of(scope)

        def watched_send(message: Message) -> Awaitable[None]:
            if message.get("type") != "websocket.send":
                state.note_raw(message)
            return send(message)

        return app(scope, receive, watched_send)

    return watching


def boundary(scope: Scope, receive: Receive, send: Send) -> HTTPBoundary | WebSocketBoundary:
    """Return the context manager in which a router runs a connection, and mark the scope with it."""
    scope[BOUNDARY] = scope.get("app")
    return (WebSocketBoundary if scope["type"] == "websocket" else HTTPBoundary)(scope, receive, send)
