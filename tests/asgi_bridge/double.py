"""An ASGI server without sockets: what the application sends is kept and checked, what it receives is scripted."""

from collections import deque
from typing import Any

import anyio

from wsserve.asgi_bridge.types import Message, Scope
from wsserve.asgi_bridge.websocket import WebSocket, WebSocketState


def websocket_scope(**changes: Any) -> Scope:
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/chat",
        "raw_path": b"/chat",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example.com")],
        "client": ("192.0.2.1", 50000),
        "server": ("192.0.2.2", 8000),
        "subprotocols": ["chat.v2", "chat.v1"],
        "extensions": {"websocket.http.response": {}},
    }
    return {**scope, **changes}


def text(data: str) -> Message:
    return {"type": "websocket.receive", "text": data}


def binary(data: bytes) -> Message:
    return {"type": "websocket.receive", "bytes": data}


def disconnect(code: int = 1000, reason: str = "") -> Message:
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


def states(websocket: WebSocket) -> tuple[WebSocketState, WebSocketState]:
    return websocket.client_state, websocket.application_state


class GoneError(OSError):
    """What this server's `send` raises when the client has gone."""


class Server:
    """Delivers `websocket.connect` and then `messages`; after that `receive` blocks until something is fed.

    After the application's own close it delivers the disconnect, as the ASGI specification says. Two calls of `receive`
    at once fail.
    """

    def __init__(self, *messages: Message, **scope: Any) -> None:
        self.scope = websocket_scope(**scope)
        self.sent: list[Message] = []
        self.error: Exception | None = None
        """What `send` raises, when it is to fail."""
        self.receiving = False
        self._messages = deque([{"type": "websocket.connect"}, *messages])
        self._fed = anyio.Event()
        self._gate = anyio.Event()
        self._gate.set()

    @property
    def left(self) -> int:
        """How many messages were not received yet."""
        return len(self._messages)

    def feed(self, *messages: Message) -> None:
        self._messages.extend(messages)
        self._fed.set()

    def hold(self) -> anyio.Event:
        """Make `send` wait until the event that this returns is set."""
        self._gate = anyio.Event()
        return self._gate

    async def receive(self) -> Message:
        assert not self.receiving, "two calls of receive at once"
        self.receiving = True
        try:
            while not self._messages:
                self._fed = anyio.Event()
                await self._fed.wait()
            return self._messages.popleft()
        finally:
            self.receiving = False

    async def send(self, message: Message) -> None:
        await self._gate.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(message)
        if message["type"] == "websocket.close":
            self.feed(disconnect(message["code"], message["reason"]))

    def websocket(self) -> WebSocket:
        return WebSocket(self.scope, self.receive, self.send)

    async def accepted(self) -> WebSocket:
        """Return a WebSocket that is accepted; what was sent for that is forgotten."""
        websocket = self.websocket()
        await websocket.accept()
        self.sent.clear()
        return websocket

    @property
    def sent_types(self) -> list[str]:
        return [message["type"].removeprefix("websocket.") for message in self.sent]
