"""wsserve: a WebSocket server for ASGI applications whose behaviour on the wire is proven.

The names below are the public face. `run` and `serve` are the server; the rest works on any ASGI server.
"""

from typing import TYPE_CHECKING, Any

from wsserve.asgi_bridge.controller import WebSocketController
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
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.injection.faults import InvalidRequestError
from wsserve.asgi_bridge.injection.markers import (
    AsyncResource,
    Cookie,
    Header,
    Ignore,
    Path,
    Provides,
    Query,
    Resource,
    use,
)
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.middleware.authentication import (
    AuthCredentials,
    AuthenticationError,
    AuthenticationMiddleware,
    SimpleUser,
    UnauthenticatedUser,
)
from wsserve.asgi_bridge.middleware.https_redirect import HTTPSRedirectMiddleware
from wsserve.asgi_bridge.middleware.options import Middleware, Permission
from wsserve.asgi_bridge.middleware.origin import OriginMiddleware
from wsserve.asgi_bridge.middleware.permissions import AllowAny, BasePermission, DenyAll, IsAuthenticated
from wsserve.asgi_bridge.middleware.rate_limit import RateLimitMiddleware
from wsserve.asgi_bridge.middleware.requires import requires
from wsserve.asgi_bridge.middleware.session import SessionMiddleware
from wsserve.asgi_bridge.middleware.token_bucket import Rate
from wsserve.asgi_bridge.middleware.trusted_host import TrustedHostMiddleware
from wsserve.asgi_bridge.request import Request
from wsserve.asgi_bridge.routing.host import Host
from wsserve.asgi_bridge.routing.http_route import Route
from wsserve.asgi_bridge.routing.include import Include
from wsserve.asgi_bridge.routing.router import Router
from wsserve.asgi_bridge.routing.transformers import Transformer, register_path_transformer
from wsserve.asgi_bridge.routing.websocket_route import WebSocketRoute
from wsserve.asgi_bridge.websocket import WebSocket, WebSocketClose
from wsserve.asgi_bridge.websocket_app import websocket_app
from wsserve.asgi_bridge.websocket_state import WebSocketState

if TYPE_CHECKING:
    from wsserve.asgi_bridge.client_handshake import WebSocketHandshakeError
    from wsserve.asgi_bridge.relay import Relay
    from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
    from wsserve.asgi_bridge.testing.client import TestClient
    from wsserve.asgi_bridge.testing.exceptions import ApplicationEndedError, LifespanError, WebSocketDenialResponse
    from wsserve.asgi_bridge.websocket_client import WebSocketClient, connect_websocket
    from wsserve.server.config import Config
    from wsserve.server.errors import StartupError
    from wsserve.server.serve import Server, run, serve

__version__ = "0.1.0"

__all__ = [
    "AllowAny",
    "ApplicationEndedError",
    "AsyncResource",
    "AsyncTestClient",
    "AuthCredentials",
    "AuthenticationError",
    "AuthenticationMiddleware",
    "BasePermission",
    "ClientDisconnected",
    "Config",
    "Cookie",
    "DenyAll",
    "HTTPException",
    "HTTPSRedirectMiddleware",
    "Header",
    "Host",
    "Ignore",
    "ImproperlyConfigured",
    "Include",
    "InvalidMessageError",
    "InvalidRequestError",
    "IsAuthenticated",
    "LifespanError",
    "Middleware",
    "Mistake",
    "NoMatchFound",
    "OriginMiddleware",
    "Path",
    "Permission",
    "PermissionDenied",
    "Provides",
    "Query",
    "Rate",
    "RateLimitMiddleware",
    "Relay",
    "Request",
    "Resource",
    "Response",
    "Route",
    "RouteDeclarationError",
    "Router",
    "Server",
    "SessionMiddleware",
    "SimpleUser",
    "StartupError",
    "TestClient",
    "Transformer",
    "TrustedHostMiddleware",
    "UnauthenticatedUser",
    "WebSocket",
    "WebSocketClient",
    "WebSocketClose",
    "WebSocketController",
    "WebSocketDenialResponse",
    "WebSocketDisconnect",
    "WebSocketException",
    "WebSocketFrameTypeError",
    "WebSocketHandshakeError",
    "WebSocketJSONError",
    "WebSocketMessageError",
    "WebSocketRoute",
    "WebSocketRuntimeError",
    "WebSocketState",
    "__version__",
    "connect_websocket",
    "register_path_transformer",
    "requires",
    "run",
    "serve",
    "use",
    "websocket_app",
]

_LATER = {
    "WebSocketHandshakeError": "asgi_bridge.client_handshake",
    "Relay": "asgi_bridge.relay",
    "AsyncTestClient": "asgi_bridge.testing.async_client",
    "Config": "server.config",
    "Server": "server.serve",
    "run": "server.serve",
    "serve": "server.serve",
    "StartupError": "server.errors",
    "TestClient": "asgi_bridge.testing.client",
    "ApplicationEndedError": "asgi_bridge.testing.exceptions",
    "LifespanError": "asgi_bridge.testing.exceptions",
    "WebSocketDenialResponse": "asgi_bridge.testing.exceptions",
    "WebSocketClient": "asgi_bridge.websocket_client",
    "connect_websocket": "asgi_bridge.websocket_client",
}
"""What not every application needs: the server, the relay and its client, and what is for tests."""


def __getattr__(name: str) -> Any:
    # They are imported when they are asked for: most applications need few of them.
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f"wsserve.{_LATER[name]}"), name)
    raise AttributeError(f"module 'wsserve' has no attribute {name!r}")
