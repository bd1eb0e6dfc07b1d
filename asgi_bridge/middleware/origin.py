"""Refusing WebSockets that a page of another site opens: neither the same-origin policy nor CORS covers them."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from wsserve.asgi_bridge.authority import (
    Authority,
    HostPattern,
    host_of,
    parse_authority,
    parse_host_pattern,
)
from wsserve.asgi_bridge.middleware.refusal import refuse
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send

AllowedOrigin: TypeAlias = str | re.Pattern[str]

_OPAQUE: Final = frozenset({"null", "file://"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")

# Mistakes that are made in patterns for hosts; what remains is the author's to get right.
_UNESCAPED_DOT: Final = re.compile(r"(?<=[A-Za-z0-9])\.(?=[A-Za-z0-9])")
_ANY_PREFIX: Final = re.compile(r"\.[*+]\??\)?(?=[A-Za-z0-9])")
_ANY_SUFFIX: Final = re.compile(r"(?<=[A-Za-z0-9)\]])\.[*+]\??[)$]*\Z")


class OriginMiddleware:
    """Denies a WebSocket handshake with 403 when its Origin is not allowed (RFC 6455, section 10.2).

    `allowed` is one of these, or several:

    - an origin such as `https://example.com` or `http://localhost:3000`;
    - `https://*.example.com`: one label or more in front of `example.com`, and not that itself;
    - a compiled `re.Pattern` that is to match the whole origin, in lower case and without a default port;
    - `"null"`, the origin of sandboxed and local pages, which nothing but this and `"*"` lets in;
    - `"*"`: no check.

    Without it, only pages of the host and port that the request names in its Host header are let in. Their scheme may
    differ when the server sees no TLS, as behind a proxy; but a page without TLS is never the same as a site with it.
    Behind a proxy that changes the Host header, list the origins.

    A client that sends no Origin is no browser; it passes unless `allow_missing` is False. Two Origins, and malformed
    ones, are refused. Only WebSockets are checked. Raises `TypeError` or `ValueError` for a mistake in `allowed`.
    """

    def __init__(
        self,
        app: ASGIApp,
        allowed: AllowedOrigin | Iterable[AllowedOrigin] | None = None,
        *,
        allow_missing: bool = True,
    ) -> None:
        self._app = app
        self._allow_missing = allow_missing
        self._same_host = allowed is None
        self._any = False
        self._exact: set[str] = set()
        self._below: list[tuple[str, HostPattern, int]] = []
        self._patterns: list[re.Pattern[str]] = []
        for entry in [allowed] if isinstance(allowed, (str, re.Pattern)) else allowed or ():
            self._allow(entry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, or deny the handshake."""
        if scope["type"] == "websocket" and not self._any and not self._admits(scope):
            await refuse(scope, receive, send, 403, "pages of this origin may not connect here\n")
        else:
            await self._app(scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        values = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"origin"]
        if len(values) != 1:
            return not values and self._allow_missing
        text = values[0].lower()
        if text in _OPAQUE:
            return text in self._exact
        origin = _parse(text)
        if origin is None:
            return False
        if self._same_host:
            return origin.is_of(host_of(scope), scope.get("scheme", "ws"))
        return (
            str(origin) in self._exact
            or any(
                origin.scheme == scheme and origin.port == port and pattern.matches(origin.host)
                for scheme, pattern, port in self._below
            )
            or any(pattern.fullmatch(str(origin)) for pattern in self._patterns)
        )

    # Reading what is allowed

    def _allow(self, entry: object) -> None:
        if isinstance(entry, re.Pattern):
            _check_pattern(entry)
            self._patterns.append(entry)
        elif not isinstance(entry, str):
            raise TypeError(f"an allowed origin is a str or a compiled pattern, not {type(entry).__name__}: {entry!r}")
        elif entry == "*":
            self._any = True
        elif entry.lower() in _OPAQUE:
            self._exact.add(entry.lower())
        else:
            self._allow_origin(entry)

    def _allow_origin(self, entry: str) -> None:
        scheme, separator, site = entry.lower().partition("://")
        if not separator or not _SCHEME.fullmatch(scheme):
            raise ValueError(f"allowed origin {entry!r} has no scheme: write 'https://{entry.lstrip('/')}' or the like")
        if scheme in ("ws", "wss"):
            raise ValueError(
                f"allowed origin {entry!r} is a WebSocket's address: the origin is that of the page, which begins"
                f" with '{'https' if scheme == 'wss' else 'http'}://'"
            )
        site, _, path = site.partition("/")
        if path or set(site) & set("?#"):
            raise ValueError(
                f"allowed origin {entry!r} has more than a scheme, host and port: write '{scheme}://{site}'"
            )
        try:
            pattern, port = parse_host_pattern(site)
        except ValueError:
            raise ValueError(
                f"allowed origin {entry!r} has no valid host: write an origin such as 'https://example.com' or"
                " 'https://*.example.com', or give a pattern made with re.compile()"
            ) from None
        origin = _Origin(scheme, pattern.host, port or _DEFAULT_PORTS.get(scheme, 0))
        if pattern.is_suffix:
            self._below.append((scheme, pattern, origin.port))
        else:
            self._exact.add(str(origin))


class _Origin(NamedTuple):
    """An origin whose port is always there; 0 when the scheme has no default one."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        shown = "" if self.port == _DEFAULT_PORTS.get(self.scheme, 0) else f":{self.port}"
        return f"{self.scheme}://{self.host}{shown}"

    def is_of(self, host: Authority | None, scheme: str) -> bool:
        """Tell whether this is a page of the host that a WebSocket of this scheme was opened to."""
        if host is None or self.scheme not in _DEFAULT_PORTS or (scheme == "wss" and self.scheme != "https"):
            return False
        return host.host == self.host and (host.port or _DEFAULT_PORTS[self.scheme]) == self.port


def _parse(text: str) -> _Origin | None:
    """Return the origin in a header's value in lower case (RFC 6454, section 7), or None when it is malformed."""
    scheme, separator, site = text.partition("://")
    authority = parse_authority(site) if separator and _SCHEME.fullmatch(scheme) else None
    if authority is None:
        return None
    return _Origin(scheme, authority.host, authority.port or _DEFAULT_PORTS.get(scheme, 0))


def _check_pattern(pattern: re.Pattern[str]) -> None:
    source: object = pattern.pattern
    if not isinstance(source, str):
        raise TypeError(f"the pattern {source!r} for origins is of bytes: make it of a str")
    if _UNESCAPED_DOT.search(source):
        fault = r"has a '.' that stands for any character: write '\.' between the labels of a host"
    elif _ANY_PREFIX.search(source):
        fault = r"lets in any name that ends like that, 'evilexample.com' for one: write '(.*\.)?' in front of the host"
    elif _ANY_SUFFIX.search(source):
        fault = "lets in any name that begins like that, 'example.com.evil.com' for one: end it with the host"
    else:
        return
    raise ValueError(f"the pattern {source!r} for origins {fault}")
