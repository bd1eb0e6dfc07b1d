"""wsserve: a WebSocket server for ASGI applications whose behaviour on the wire is proven.

The names below are the public face. `run` and `serve` are the server; the rest works on any ASGI server.
"""

from typing import TYPE_CHECKING, Any

from wsserve.asgi_bridge.exceptions import (
    ClientDisconnected,
    HTTPException,
    ImproperlyConfigured,
    Mistake,
    NoMatchFound,
    PermissionDenied,
    RouteDeclarationError,
    WebSocketDisconnect,
    WebSocketException,
    WebSocketFrameTypeError,
    WebSocketJSONError,
    WebSocketMessageError,
    WebSocketRuntimeError,
)
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.origin import OriginMiddleware
from wsserve.asgi_bridge.websocket import WebSocket, WebSocketClose
from wsserve.asgi_bridge.websocket_app import websocket_app
from wsserve.asgi_bridge.websocket_state import WebSocketState

if TYPE_CHECKING:
    from wsserve.server.config import Config
    from wsserve.server.errors import StartupError
    from wsserve.server.serve import Server, run, serve

__version__ = "0.1.0"

__all__ = [
    "ClientDisconnected",
    "Config",
    "HTTPException",
    "ImproperlyConfigured",
    "InvalidMessageError",
    "Mistake",
    "NoMatchFound",
    "OriginMiddleware",
    "PermissionDenied",
    "RouteDeclarationError",
    "Server",
    "StartupError",
    "WebSocket",
    "WebSocketClose",
    "WebSocketDisconnect",
    "WebSocketException",
    "WebSocketFrameTypeError",
    "WebSocketJSONError",
    "WebSocketMessageError",
    "WebSocketRuntimeError",
    "WebSocketState",
    "__version__",
    "run",
    "serve",
    "websocket_app",
]

_SERVER = {
    "Config": "config",
    "Server": "serve",
    "StartupError": "errors",
    "run": "serve",
    "serve": "serve",
}


def __getattr__(name: str) -> Any:
    # The server's half is imported when it is asked for: an application under another server needs none of it.
    if name in _SERVER:
        from importlib import import_module

        return getattr(import_module(f"wsserve.server.{_SERVER[name]}"), name)
    raise AttributeError(f"module 'wsserve' has no attribute {name!r}")
