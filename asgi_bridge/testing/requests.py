"""The requests that a test client makes: from a URL and headers to a scope."""

import base64
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from wsserve.asgi_bridge.headers import HeaderPairs, encode_headers
from wsserve.asgi_bridge.scopes import ConnectionInfo, http_scope, websocket_scope
from wsserve.asgi_bridge.types import Scope
from wsserve.asgi_bridge.url import URL
from wsserve.codec.handshake import Handshake, check_handshake, is_upgrade
from wsserve.codec.header_fields import group_fields
from wsserve.codec.http1 import Request
from wsserve.codec.refusal import Refusal

_SCHEMES: Final = {"ws": "http", "http": "http", "wss": "https", "https": "https"}
_is_absolute: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://").match
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    url: str
    """The whole URL, with the scheme http or https."""
    secure: bool
    authority: str
    """Host and port for the Host header."""
    server: tuple[str, int]
    path: bytes
    """Path and query, as they are in the request line."""

    @classmethod
    def of(cls, url: str, base_url: str) -> "Target":
        """Return the target of `url`, which is absolute, or a path on the server of `base_url`.

        Raises `ValueError` for what is no URL, for another scheme than ws, wss, http and https, and for a URL without a
        host. A fragment, which no request carries, is one too.
        """
        if not isinstance(url, str):
            raise TypeError(f"a URL is a str, not {type(url).__name__}")
        if _is_absolute(url):
            base, path = _split(url)
        else:
            base, prefix = _split(base_url)
            if "?" in prefix:
                raise ValueError(f"base_url {base_url!r} has a query")
            path = prefix.rstrip("/") + (url if url.startswith("/") else f"/{url}")
        parts = URL(base)
        URL("http://host" + path)  # raises for spaces and control characters
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"{base!r} is no URL to connect to: it must begin with ws://, wss://, http:// or https://")
        if not parts.hostname:
            raise ValueError(f"{base!r} has no host")
        if "#" in path:
            raise ValueError(f"{path!r} has a fragment, which is not sent to a server: write %23 for a number sign")
        secure = parts.is_secure
        default_port = 443 if secure else 80
        authority = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        if parts.port not in (None, default_port):
            authority += f":{parts.port}"
        path = quote(path, safe=_PRINTABLE)
        scheme = _SCHEMES[parts.scheme]
        server = (parts.hostname, default_port if parts.port is None else parts.port)
        return cls(f"{scheme}://{authority}{path}", secure, authority, server, path.encode())

    def connection(self, client: tuple[str, int] | None, root_path: str, state: dict[str, Any]) -> ConnectionInfo:
        """Return what the scope has of the connection."""
        return ConnectionInfo(client, self.server, self.secure, root_path, state)


def request_headers(
    target: Target, defaults: HeaderPairs | None, given: HeaderPairs | None, cookie: str | None
) -> list[tuple[bytes, bytes]]:
    """Return the headers that every request has, the client's, and those given for this one, which replace others."""
    headers = [(b"host", target.authority.encode()), (b"accept", b"*/*"), (b"user-agent", b"testclient")]
    own = encode_headers(given)
    for more in (encode_headers(defaults), [(b"cookie", cookie.encode("latin-1"))] if cookie else [], own):
        names = {name for name, _ in more}
        headers = [header for header in headers if header[0] not in names] + more
    return headers


def opening_request(
    target: Target, headers: list[tuple[bytes, bytes]], subprotocols: Iterable[str]
) -> tuple[Request, Handshake]:
    """Return the request that opens a WebSocket, as a browser makes it (RFC 6455, section 4.1).

    Raises `ValueError` for headers and subprotocols that a server refuses by itself, and never shows to an application.
    """
    if isinstance(subprotocols, str):
        raise TypeError(f"subprotocols are a list of str, not a str: use [{subprotocols!r}]")
    offered = ", ".join(subprotocols)
    opening = [
        (b"connection", b"Upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", base64.b64encode(secrets.token_bytes(16))),
        (b"sec-websocket-extensions", b"permessage-deflate; client_max_window_bits"),
    ]
    opening += encode_headers([("sec-websocket-protocol", offered)] if offered else [])
    names = {name for name, _ in headers}
    headers = headers + [header for header in opening if header[0] not in names]
    fields = group_fields(headers)
    handshake = check_handshake("GET", "1.1", fields)
    refused = handshake.reason if isinstance(handshake, Refusal) else "it asks for no upgrade to WebSocket"
    if isinstance(handshake, Refusal) or not is_upgrade(fields):
        raise ValueError(f"no application is shown this handshake, a server refuses it: {refused}")
    return Request("GET", target.path, "1.1", headers, handshake, expects_continue=False), handshake


def opening_scope(request: Request, connection: ConnectionInfo, extensions: Iterable[str]) -> Scope:
    """Return a fresh `websocket` scope."""
    return {**websocket_scope(request, connection), "extensions": {name: {} for name in extensions}}


def plain_scope(method: str, target: Target, headers: list[tuple[bytes, bytes]], connection: ConnectionInfo) -> Scope:
    """Return a fresh `http` scope."""
    return http_scope(Request(method, target.path, "1.1", headers, None, expects_continue=False), connection)


def _split(url: str) -> tuple[str, str]:
    """Part a URL into scheme and authority, and the rest: path, query and fragment."""
    scheme, separator, rest = url.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    path = rest[len(authority) :]
    return scheme + separator + authority, path if path.startswith("/") else f"/{path}"
