"""Refusing WebSockets that a page of another site opens: the same-origin policy does not cover them."""

from collections.abc import Iterable

from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket


class OriginMiddleware:
    """Denies a WebSocket handshake with 403 when its Origin is not allowed (RFC 6455, section 10.2).

    `allowed` are origins such as `https://example.com`; without it, only pages of the host that the request names in
    its Host header are let in. A client that sends no Origin is no browser and passes, as this protects users of
    browsers only. Works in front of any ASGI application; other scopes pass.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str] | None = None) -> None:
        self._app = app
        self._allowed = None if allowed is None else frozenset(origin.lower().rstrip("/") for origin in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, or deny the handshake."""
        if scope["type"] == "websocket":
            websocket = WebSocket(scope, receive, send)
            origins = websocket.headers.getall("origin", [])
            if origins and not (len(origins) == 1 and self._allows(origins[0].lower(), websocket.headers.get("host"))):
                await websocket.send_denial_response(403, "pages of this origin may not connect here\n")
                return
        await self._app(scope, receive, send)

    def _allows(self, origin: str, host: str | None) -> bool:
        if self._allowed is not None:
            return origin in self._allowed
        _, separator, site = origin.partition("://")
        return bool(separator) and host is not None and site == host.lower()
