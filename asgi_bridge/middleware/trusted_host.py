"""Refusing requests for hosts that are not ours: names in links and redirects are made of the Host header."""

from collections.abc import Iterable

from wsserve.asgi_bridge.authority import HostPattern, host_of, parse_host_pattern
from wsserve.asgi_bridge.middleware.refusal import refuse
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.url import URL


class TrustedHostMiddleware:
    """Answers an HTTP request or WebSocket handshake with 400 when its Host header names none of `allowed_hosts`.

    They are hosts such as `example.com`, `[::1]`, or `*.example.com` for one label or more in front of `example.com`
    (and not that itself); `"*"` means no check. Ports, case and a final dot do not matter. A Host header that is
    missing, malformed or there twice gets 400 too. With `www_redirect` a request for `example.com` is redirected (307)
    to `www.example.com` when only that is allowed. A server without the extension `websocket.http.response` answers
    handshakes with 403 instead. Raises `TypeError` or `ValueError` for a mistake in `allowed_hosts`.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: str | Iterable[str], *, www_redirect: bool = False) -> None:
        self._app = app
        self._www_redirect = www_redirect
        hosts = [allowed_hosts] if isinstance(allowed_hosts, str) else list(allowed_hosts)
        if not hosts:
            raise ValueError("allowed_hosts is empty, so that every request would be refused: name hosts, or '*'")
        self._any = "*" in hosts
        patterns = [_parse(host) for host in hosts if host != "*"]
        self._exact = frozenset(pattern.host for pattern in patterns if not pattern.is_suffix)
        self._below = [pattern for pattern in patterns if pattern.is_suffix]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, or refuse it."""
        if self._any or scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host = host_of(scope)
        if host is not None and self._allows(host.host):
            await self._app(scope, receive, send)
        elif host is not None and self._www_redirect and self._allows(f"www.{host.host}"):
            location = URL.from_scope(scope).replace(hostname=f"www.{host.host}")
            await refuse(scope, receive, send, 307, "", {"location": location})
        else:
            await refuse(scope, receive, send, 400, "the Host header names no host of this server\n")

    def _allows(self, host: str) -> bool:
        return host in self._exact or any(pattern.matches(host) for pattern in self._below)


def _parse(entry: object) -> HostPattern:
    if not isinstance(entry, str):
        raise TypeError(f"an allowed host is a str, not {type(entry).__name__}: {entry!r}")
    try:
        pattern, port = parse_host_pattern(entry)
    except ValueError:
        raise ValueError(
            f"allowed host {entry!r} is no host: write 'example.com', '*.example.com' or '[::1]'; no scheme, no path"
        ) from None
    if port is not None:
        raise ValueError(f"allowed host {entry!r} has a port, which does not matter: write {pattern.host!r}")
    return pattern
