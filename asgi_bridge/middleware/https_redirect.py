"""Sending clients without TLS to where there is some."""

from wsserve.asgi_bridge.authority import Authority, host_of
from wsserve.asgi_bridge.middleware.refusal import refuse
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.url import URL


class HTTPSRedirectMiddleware:
    """Redirects http to https and ws to wss, with 307 so that method and body stay (RFC 9110, section 15.4.8).

    `port` is that of https, None means 443. The scheme is the scope's: behind a proxy that ends TLS, the server must
    trust the proxy's X-Forwarded-Proto. A handshake on a server without the extension `websocket.http.response` gets
    403. Browsers follow no redirect of a WebSocket; other clients may. A Host header that is missing, malformed or
    there twice gets 400; which hosts are ours is for `TrustedHostMiddleware`, outside of this one.
    """

    def __init__(self, app: ASGIApp, *, port: int | None = None) -> None:
        if port is not None and not (isinstance(port, int) and 0 < port <= 65535):
            raise ValueError(f"the port of https is from 1 to 65535, not {port!r}")
        self._app = app
        self._port = None if port == 443 else port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on when it came over TLS, else redirect it."""
        kind = scope["type"]
        if kind not in ("http", "websocket") or scope.get("scheme") in ("https", "wss"):
            await self._app(scope, receive, send)
            return
        host = host_of(scope)
        if host is None:
            await refuse(scope, receive, send, 400, "there must be one valid Host header\n")
            return
        target = Authority(host.host, self._port)
        location = URL.from_scope(scope).replace(scheme="wss" if kind == "websocket" else "https", netloc=str(target))
        await refuse(scope, receive, send, 307, "", {"location": location})
