"""What a gateway passes on of a handshake, and what it says instead."""

from typing import Final
from urllib.parse import quote, unquote

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.headers import encode_headers
from wsserve.asgi_bridge.url import IN_PATH, URL
from wsserve.codec.close_codes import NO_STATUS_RECEIVED, NORMAL_CLOSURE, is_valid
from wsserve.codec.header_fields import list_elements

_GOING_AWAY: Final = 1001
_BAD_GATEWAY: Final = 1014

_HOP_BY_HOP: Final = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding"
    b" upgrade content-length".split()
)
"""What is for one connection only (RFC 9110, section 7.6.1), and the length, which is set anew."""
_OF_THE_CLIENT: Final = frozenset(b"host forwarded x-forwarded-for x-forwarded-proto x-forwarded-host".split())
_OF_THE_TARGET: Final = frozenset((b"date", b"server"))

Pairs = list[tuple[bytes, bytes]]


def request_headers(connection: ConnectionData, added: Pairs) -> Pairs:
    """Return the headers for the target: the client's, who it is, and the `added` ones in place of its own."""
    forwarded = {"x-forwarded-proto": "https" if connection.is_secure() else "http"}
    if connection.client is not None:
        forwarded["x-forwarded-for"] = connection.client.host
    if "host" in connection.headers:
        forwarded["x-forwarded-host"] = connection.headers["host"]
    replaced = _OF_THE_CLIENT | {name for name, _ in added}
    return _passed(connection.headers.encoded_multi_items(), replaced) + encode_headers(forwarded) + added


def response_headers(headers: Pairs) -> Pairs:
    """Return the headers for the client of those that the target sent."""
    return _passed(headers, _OF_THE_TARGET)


def target_url(connection: ConnectionData, target: URL) -> URL | None:
    """Return the target with the rest of the path, below the root path, and with the query.

    None when the path has `..` in it, by which it could leave the target's.
    """
    root = (connection.scope.get("root_path") or "").rstrip("/")
    asked = connection.url
    if asked.path.startswith(quote(root, safe=IN_PATH)):
        path = asked.path[len(quote(root, safe=IN_PATH)) :]
    else:
        path = quote(connection.scope["path"].removeprefix(root), safe=IN_PATH)
    if ".." in unquote(path).replace("\\", "/").split("/"):
        return None
    return target.replace(path=target.path.rstrip("/") + "/" + path.lstrip("/"), query=asked.query)


def close_for_client(code: int, reason: str) -> tuple[int, str]:
    """Return the close code and reason for the client of a target's end; 1014 when that was no Close (RFC 6455)."""
    if code == NO_STATUS_RECEIVED:
        return NORMAL_CLOSURE, ""
    return (code, reason) if is_valid(code) else (_BAD_GATEWAY, "the server behind this one was lost")


def close_for_target(code: int | None, reason: str) -> tuple[int | None, str]:
    """Return the close code and reason for the target of a client's end; 1001 when that was no Close."""
    if code == NO_STATUS_RECEIVED:
        return None, ""
    return (code, reason) if code is not None and is_valid(code) else (_GOING_AWAY, "")


def _passed(headers: Pairs, dropped: frozenset[bytes]) -> Pairs:
    """Return the headers that a proxy passes on; Connection names more of those that it does not."""
    named = {option.lower() for option in list_elements(value for name, value in headers if name == b"connection")}
    dropped = dropped | _HOP_BY_HOP | named
    return [(name, value) for name, value in headers if name not in dropped and not name.startswith(b"sec-websocket-")]
