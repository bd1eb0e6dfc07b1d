"""The server's half of the opening handshake (RFC 6455, sections 1.3 and 4.2)."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.extensions import parse_extensions
from wsserve.codec.header_fields import Fields, Headers, check_headers, has_token, is_token, list_elements
from wsserve.codec.refusal import Refusal

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION: Final = (b"sec-websocket-version", b"13")
_UPGRADE: Final = [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]

_SWITCHING: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
)

# 16 bytes are 21 characters of six bits and two bits more; the four bits that pad the last one are zero.
_is_key: Final = re.compile(rb"[0-9A-Za-z+/]{21}[AQgw]==").fullmatch

SERVER_HEADERS: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"sec-websocket-protocol",
        b"sec-websocket-version",
        b"transfer-encoding",
        b"upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class Handshake:
    """A valid request to open a WebSocket; `subprotocols` are those that the client offers, in its order."""

    key: str
    subprotocols: tuple[str, ...] = ()


def accept_value(key: str) -> str:
    """Return the Sec-WebSocket-Accept that proves to the client that its key was read (RFC 6455, section 4.2.2)."""
    # SHA-1 is what the protocol says; nothing here relies on its strength (section 10.8).
    digest = hashlib.sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def is_upgrade(fields: Fields) -> bool:
    """Tell whether these fields ask for an upgrade to WebSocket.

    `Upgrade` must have the token `websocket` and `Connection` the token `upgrade`, on any of their lines and in any
    case of ASCII (RFC 6455, section 4.2.1). Any other Upgrade is ignored (RFC 9110, section 7.8).
    """
    return has_token(fields.get(b"upgrade", ()), b"websocket") and has_token(fields.get(b"connection", ()), b"upgrade")


def check_handshake(method: str, http_version: str, fields: Fields) -> Handshake | Refusal:
    """Return the handshake in a request that `is_upgrade`, or why it is refused (RFC 6455, section 4.2.1).

    The method comes first (405), then the HTTP version (505), a body (400), the WebSocket version (400 when missing,
    426 when not 13), the key and the subprotocols (400).
    """
    if method != "GET":
        return Refusal(405, "a WebSocket upgrade must be a GET request", [(b"allow", b"GET")])
    if http_version != "1.1":
        return Refusal(505, "a WebSocket upgrade needs HTTP/1.1")
    lengths = list_elements(fields.get(b"content-length", ()))
    if b"transfer-encoding" in fields or any(length.strip(b"0") for length in lengths):
        return Refusal(400, "a WebSocket upgrade must not have a body")
    for name, values in fields.items():
        if name.startswith(b"sec-websocket-") and not b"".join(values).isascii():
            return Refusal(400, "the Sec-WebSocket headers must be ASCII")
    versions = fields.get(b"sec-websocket-version", ())
    if len(versions) != 1:
        return Refusal(400, "the request must have exactly one Sec-WebSocket-Version header", [_VERSION])
    if versions[0] != b"13":
        return Refusal(426, "the only WebSocket version here is 13", [*_UPGRADE, _VERSION])
    keys = fields.get(b"sec-websocket-key", ())
    if len(keys) != 1 or not _is_key(keys[0]):
        return Refusal(400, "the request must have exactly one Sec-WebSocket-Key, the base64 form of 16 bytes")
    offers = fields.get(b"sec-websocket-protocol")
    if not offers:
        return Handshake(keys[0].decode("ascii"))
    subprotocols = list_elements(offers)
    if not subprotocols or not all(map(is_token, subprotocols)):
        return Refusal(400, "the Sec-WebSocket-Protocol header must be a list of tokens")
    # A client must not offer one twice (section 4.1), but nothing is unclear when it does: the first place counts.
    unique = dict.fromkeys(subprotocols)
    return Handshake(keys[0].decode("ascii"), tuple(subprotocol.decode("ascii") for subprotocol in unique))


def switching_response(
    handshake: Handshake,
    offered_extensions: Sequence[bytes],
    subprotocol: str | None,
    extensions: bytes | None,
    headers: Headers,
) -> bytes:
    """Return the 101 response that accepts a handshake (RFC 6455, section 4.2.2).

    `offered_extensions` and `extensions` are values of Sec-WebSocket-Extensions, the request's and the response's.
    Raises `LocalProtocolError`, naming the fault, for a subprotocol or an extension that the client did not offer and
    for headers that are malformed or that the handshake sets itself.
    """
    lines = [_SWITCHING % accept_value(handshake.key).encode("ascii")]
    if subprotocol is not None:
        if subprotocol not in handshake.subprotocols:
            offers = ", ".join(handshake.subprotocols) or "none"
            raise LocalProtocolError(f"subprotocol {subprotocol!r} is not one that the client offers ({offers})")
        lines.append(b"Sec-WebSocket-Protocol: %s\r\n" % subprotocol.encode("ascii"))
    for name, _ in headers:
        if isinstance(name, bytes) and name.lower() in SERVER_HEADERS:
            raise LocalProtocolError(f"header {name!r} is the server's to set when it accepts a WebSocket")
    if extensions is not None:
        offered = {offer.name for offer in parse_extensions(offered_extensions)}
        names = {extension.name for extension in parse_extensions([extensions])}
        if not names or not names <= offered:
            raise LocalProtocolError(f"extensions {extensions!r} are not among those that the client offers")
        headers = [(b"Sec-WebSocket-Extensions", extensions), *headers]
    lines += [b"%s: %s\r\n" % field for field in check_headers(headers)]
    lines.append(b"\r\n")
    return b"".join(lines)
