"""Checks on the headers that a server's owner adds to every response."""

from collections.abc import Iterable
from typing import Final

from wsserve.codec.handshake import SERVER_HEADERS
from wsserve.codec.header_fields import is_field_value, is_token
from wsserve.server.errors import ConfigError

_OURS: Final = SERVER_HEADERS | {b"keep-alive"}


def check_headers(headers: object) -> tuple[tuple[bytes, bytes], ...]:
    """Return `headers`, pairs of str (as Latin-1) or bytes, as bytes with names in lower case.

    Raises `ConfigError` for what is no header, and for those that only the server can know.
    """
    if isinstance(headers, str | bytes) or not isinstance(headers, Iterable):
        raise ConfigError(f"headers must be pairs of name and value, not {headers!r}")
    return tuple(_check_header(header) for header in headers)


def _check_header(header: object) -> tuple[bytes, bytes]:
    match header:
        case (str() | bytes() as raw_name, str() | bytes() as raw_value):
            name, value = _encode(raw_name), _encode(raw_value).strip(b" \t")
        case _:
            raise ConfigError(f"header {header!r} must be a pair of name and value")
    if not is_token(name):
        raise ConfigError(f"header name {raw_name!r} must be letters, digits and hyphens")
    if not is_field_value(value):
        raise ConfigError(f"header {name.decode()} has the value {raw_value!r}: leave out control characters")
    name = name.lower()
    if name in _OURS or name.startswith(b"sec-websocket-"):
        raise ConfigError(f"header {name.decode()} is the server's own and cannot be set")
    return name, value


def _encode(text: str | bytes) -> bytes:
    try:
        return text if isinstance(text, bytes) else text.encode("latin-1")
    except UnicodeEncodeError:
        raise ConfigError(f"header text {text!r} is not Latin-1: percent-encode other characters") from None
