"""The query of a URL, parsed."""

import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from multidict import MultiDict, MultiDictProxy

_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_is_plain: Final = re.compile(rb"[!-$&-*,-~]*").fullmatch
"""Whether a query has printable ASCII alone, and nothing that stands for something else: no `%` and no `+`."""


class QueryParams(MultiDictProxy[str]):
    """The parameters of a query: a read-only mapping with several values per name, in their order.

    `query_params["search"]` is the first value; a missing name is a `KeyError`. Blank values are kept, `+` is a space,
    bytes that are no UTF-8 become U+FFFD (WHATWG URL, section 5.1).
    """

    __slots__ = ()

    def __init__(self, query_string: bytes | str = b"") -> None:
        if isinstance(query_string, bytes) and _is_plain(query_string):  # the usual case, in a third of the time
            parts = query_string.decode("ascii").split("&")
            pairs = [(name, value) for name, _, value in (part.partition("=") for part in parts if part)]
        else:
            # Bytes outside of ASCII have no place in a query, but come: they count as if they were percent-encoded.
            pairs = parse_qsl(quote(query_string, safe=_PRINTABLE), keep_blank_values=True)
        super().__init__(MultiDict(pairs))

    def __str__(self) -> str:
        """Return the parameters as a query string, in their order."""
        return urlencode(list(self.items()))

    def getlist(self, name: str) -> list[str]:
        """Return all values of a parameter, in their order; none is an empty list."""
        return self.getall(name, [])

    get_all = getlist

    def multi_items(self) -> list[tuple[str, str]]:
        """Return each parameter as name and value, in their order."""
        return list(self.items())

    def dump(self) -> dict[str, str]:
        """Return the first value of each parameter, as `dict(query_params)` does."""
        return dict(self)

    def dict(self) -> dict[str, list[str]]:
        """Return all values of each parameter."""
        values: dict[str, list[str]] = {}
        for name, value in self.items():
            values.setdefault(name, []).append(value)
        return values
