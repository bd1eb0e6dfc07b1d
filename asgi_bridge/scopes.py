"""ASGI scopes of a connection's requests (ASGI specification, HTTP and WebSocket 2.5)."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from wsserve.asgi_bridge.types import Scope
from wsserve.codec.http1 import Request


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """What is known of a connection before its first byte, and goes into each of its scopes.

    `client` and `server` are host and port; a unix socket's server is its path and None, its client None.
    """

    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    tls: bool = False
    root_path: str = ""
    state: dict[str, Any] = field(default_factory=dict)
    """The lifespan's state, of which every scope gets a shallow copy."""


def http_scope(request: Request, connection: ConnectionInfo) -> Scope:
    """Return a fresh `http` scope."""
    path, raw_path, query_string = _split(request, connection)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": request.http_version,
        "method": request.method,
        "scheme": "https" if connection.tls else "http",
        "client": connection.client,
        "server": connection.server,
        "path": path,
        "raw_path": raw_path,
        "query_string": query_string,
        "root_path": connection.root_path,
        "headers": request.headers.copy(),
        "state": connection.state.copy(),
        "extensions": {},
    }


def websocket_scope(request: Request, connection: ConnectionInfo) -> Scope:
    """Return a fresh `websocket` scope; `request` must have a handshake."""
    assert request.handshake is not None  # noqa: S101  # the connection asks for a scope of this type only then
    path, raw_path, query_string = _split(request, connection)
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": request.http_version,
        "scheme": "wss" if connection.tls else "ws",
        "client": connection.client,
        "server": connection.server,
        "path": path,
        "raw_path": raw_path,
        "query_string": query_string,
        "root_path": connection.root_path,
        "headers": request.headers.copy(),
        "state": connection.state.copy(),
        "subprotocols": list(request.handshake.subprotocols),
        "extensions": {"websocket.http.response": {}},
    }


def _split(request: Request, connection: ConnectionInfo) -> tuple[str, bytes, bytes]:
    raw_path, _, query_string = request.target.partition(b"?")
    path = raw_path.decode("ascii") if b"%" not in raw_path else unquote_to_bytes(raw_path).decode("utf-8", "replace")
    if connection.root_path:
        return connection.root_path + path, quote(connection.root_path).encode() + raw_path, query_string
    return path, raw_path, query_string
