"""What frameworks do with a connection, on a scripted server."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import anyio

from tests.asgi_bridge.double import Server
from wsserve.asgi_bridge.types import ASGIApp, Message

Handler = Callable[[Any], Awaitable[None]]


class Outcome(NamedTuple):
    """What an application did with one connection."""

    sent: list[Message]
    error: Exception | None

    @property
    def kinds(self) -> list[str]:
        return [str(message["type"]) for message in self.sent]


def run(app: ASGIApp, *messages: Message, **scope: Any) -> Outcome:
    """Let the application serve one connection on a scripted server."""
    server = Server(*messages, **scope)

    async def call() -> Exception | None:
        try:
            with anyio.move_on_after(5):
                await app(server.scope, server.receive, server.send)
        except Exception as error:
            return error
        return None

    return Outcome(server.sent, anyio.run(call))


def bare(socket: Any, handler: Handler) -> ASGIApp:
    """Return an application that gives a framework's WebSocket to the handler."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await handler(socket(scope, receive, send))

    return app
