"""Routes that note what they are asked to serve."""

from collections.abc import Iterable
from typing import Any

from tests.asgi_bridge.double import websocket_scope
from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.routing.path_pattern import PathPattern
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send

BOTH = ("http", "websocket")


class Noting(BaseRoute):
    """Keeps the scopes of the connections it was asked to serve."""

    def __init__(
        self,
        path: str,
        *,
        name: str = "",
        kinds: Iterable[str] = ("websocket",),
        methods: Iterable[str] | None = None,
        is_prefix: bool = False,
    ) -> None:
        super().__init__(PathPattern(path, is_prefix=is_prefix), name=name, kinds=kinds, methods=methods)
        self.served: list[Scope] = []

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.served.append(scope)


class App:
    """An application that keeps its scopes."""

    def __init__(self) -> None:
        self.served: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.served.append(scope)


def websocket(path: str, **changes: Any) -> Scope:
    return websocket_scope(path=path, raw_path=path.encode(), **changes)


def http(path: str, method: str = "GET", **changes: Any) -> Scope:
    scope = websocket(path, type="http", method=method, scheme="http", **changes)
    del scope["subprotocols"], scope["extensions"]
    return scope


async def call(app: ASGIApp, scope: Scope, *messages: Message) -> list[Message]:
    """Call the application; return what it sends."""
    sent: list[Message] = []
    incoming = iter(messages)

    async def receive() -> Message:
        return next(incoming)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def status_of(app: ASGIApp, scope: Scope) -> int | None:
    """Return the status of the response, None without one."""
    sent = await call(app, scope)
    assert sent == [] or sent[0]["type"].endswith("response.start")
    status: int | None = sent[0]["status"] if sent else None
    return status
