"""Header fields: read-only for what came in, checked for what goes out."""

from collections.abc import Iterable, Mapping
from re import compile as compile_pattern
from typing import Any, Final, TypeAlias

from multidict import CIMultiDict, CIMultiDictProxy

from wsserve.codec.header_fields import is_token

HeaderPairs: TypeAlias = Mapping[Any, Any] | Iterable[tuple[str | bytes, str | bytes]]
"""Headers as an application may give them: a mapping, a `Headers`, or pairs; names and values are str or bytes."""

_CONTROL_CHARACTER: Final = compile_pattern(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Headers(CIMultiDictProxy[str]):
    """The headers of a scope: a read-only mapping with several values per name, names in any case, in their order.

    `headers["host"]` is the first value; a missing name is a `KeyError`. Bytes are read as ISO-8859-1, in which any
    byte is legal. A header is also an attribute, with its values joined: `headers.sec_websocket_version`.
    """

    __slots__ = ()

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs))

    def __getattr__(self, name: str) -> str:
        values = self.getall(name.replace("_", "-"), None)
        if values is None:
            raise AttributeError(f"there is no header {name.replace('_', '-')!r}")
        return ", ".join(values)

    def getlist(self, name: str) -> list[str]:
        """Return all values of a header, in their order; none is an empty list."""
        return self.getall(name, [])

    get_all = getlist

    def multi_items(self) -> list[tuple[str, str]]:
        """Return each header as name and value, in their order."""
        return list(self.items())

    def encoded_multi_items(self) -> list[tuple[bytes, bytes]]:
        """Return each header as bytes, as a scope has them: names in lower case."""
        return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.items()]

    def dump(self) -> dict[str, str]:
        """Return the first value of each header, by its name in lower case."""
        return {name: values[0] for name, values in self.dict().items()}

    def dict(self) -> dict[str, list[str]]:
        """Return all values of each header, by its name in lower case."""
        values: dict[str, list[str]] = {}
        for name, value in self.items():
            values.setdefault(name.lower(), []).append(value)
        return values


def encode_headers(headers: HeaderPairs | None) -> list[tuple[bytes, bytes]]:
    """Return `headers` as ASGI wants them: a list of pairs of bytes, names in lower case, in the given order.

    Raises `TypeError` for what are no pairs of str or bytes, `ValueError` for a name that is no token or a value with a
    control character in it (RFC 9110, section 5).
    """
    if headers is None:
        return []
    if isinstance(headers, (str, bytes)) or not isinstance(headers, Iterable):
        raise TypeError(f"headers are a mapping or pairs of str or bytes, not {type(headers).__name__}")
    pairs: Iterable[Any] = headers.items() if isinstance(headers, Mapping) else headers
    return [_encode_pair(pair) for pair in pairs]


def _encode_pair(pair: Any) -> tuple[bytes, bytes]:
    if isinstance(pair, (str, bytes)) or not isinstance(pair, Iterable) or len(parts := tuple(pair)) != 2:
        raise TypeError(f"a header is a pair of name and value, not {pair!r}")
    name, value = (_encode(part) for part in parts)
    if not is_token(name):
        raise ValueError(f"header name {parts[0]!r} is no token (RFC 9110, section 5.6.2)")
    if _CONTROL_CHARACTER.search(value):
        raise ValueError(f"the value of header {parts[0]!r} has a control character in it: {parts[1]!r}")
    return name.lower(), value


def _encode(part: object) -> bytes:
    if isinstance(part, bytes):
        return part
    if not isinstance(part, str):
        raise TypeError(f"header names and values are str or bytes, not {type(part).__name__}: {part!r}")
    try:
        return part.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(f"{part!r} cannot be in a header: it has characters outside of ISO-8859-1") from None
