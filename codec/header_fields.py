"""Header fields, in and out: names lower-cased by whoever parses them, values as bytes (RFC 9110, section 5)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from wsserve.codec.errors import LocalProtocolError

Headers = Sequence[tuple[bytes, bytes]]

Fields = Mapping[bytes, Sequence[bytes]]
"""The values of each lower-case name, in order."""

TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
"""A token (RFC 9110, section 5.6.2), as the source of a regular expression."""

is_token: Final = re.compile(TOKEN).fullmatch

# Tab, space, visible characters, and bytes beyond ASCII, which are opaque (RFC 9110, section 5.5).
is_field_value: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*").fullmatch


def group_fields(headers: Headers) -> dict[bytes, list[bytes]]:
    """Return the values of each name, in order, for whoever looks up many names."""
    fields: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values = fields.get(name)
        if values is None:
            fields[name] = [value]
        else:
            values.append(value)
    return fields


def list_elements(values: Iterable[bytes]) -> list[bytes]:
    """Return the elements of comma-separated values, over all lines and in order.

    Empty elements are left out, as recipients must do (RFC 9110, section 5.6.1.2).
    """
    elements = [element.strip(b" \t") for value in values for element in value.split(b",")]
    return [element for element in elements if element]


def has_token(values: Iterable[bytes], token: bytes) -> bool:
    """Tell whether a lower-case token is among the elements of these values, in any case of ASCII."""
    return token in [element.lower() for element in list_elements(values)]


def check_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return fields of a response that may go on the wire, without the whitespace around their values.

    Raises `LocalProtocolError` for a name that is no token and for a value with CR, LF, NUL or another control
    character, which could end the field and begin another (RFC 9110, section 5.5).
    """
    checked = []
    for name, value in headers:
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise LocalProtocolError(f"header {name!r}: {value!r} must be a pair of bytes")
        if not is_token(name):
            raise LocalProtocolError(f"header name {name!r} must be a token (RFC 9110, section 5.6.2)")
        if not is_field_value(value):
            raise LocalProtocolError(f"header {name!r} has a control character in its value {value!r}")
        checked.append((name, value.strip(b" \t")))
    return checked
