"""Calls of applications without a server."""

from typing import Any

from tests.asgi_bridge.double import Server
from wsserve.asgi_bridge.types import ASGIApp, Message, Scope


def http_scope(*headers: tuple[bytes, bytes], **changes: Any) -> Scope:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/chat",
        "raw_path": b"/chat",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example.com"), *headers],
        "client": ("192.0.2.1", 50000),
        "server": ("192.0.2.2", 8000),
    }
    return {**scope, **changes}


async def http_call(app: ASGIApp, *headers: tuple[bytes, bytes], **changes: Any) -> list[Message]:
    """Make a request without a body; return what was sent."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(http_scope(*headers, **changes), receive, send)
    return sent


async def websocket_call(app: ASGIApp, *messages: Message, **scope: Any) -> list[Message]:
    """Open a WebSocket and deliver these messages; return what was sent."""
    server = Server(*messages, **scope)
    await app(server.scope, server.receive, server.send)
    return server.sent


def values_of(message: Message, name: bytes) -> list[bytes]:
    """Return the values of a message's headers of that name."""
    return [value for key, value in message["headers"] if key == name]


def denial_of(sent: list[Message]) -> tuple[int, bytes]:
    """Return status and body of the denial response that was all that was sent."""
    start, body = sent
    assert (start["type"], body["type"]) == ("websocket.http.response.start", "websocket.http.response.body")
    return start["status"], body["body"]


def response_of(sent: list[Message]) -> tuple[int, bytes]:
    """Return status and body of the HTTP response that was all that was sent."""
    start, body = sent
    assert (start["type"], body["type"]) == ("http.response.start", "http.response.body")
    return start["status"], body["body"]
