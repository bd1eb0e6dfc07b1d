"""Cookies of a request (RFC 6265, section 4.2)."""

import re
from collections.abc import Iterable
from typing import Final

# A value is quoted only when the closing quote ends the cookie; otherwise the quotes are ordinary characters.
_COOKIE: Final = re.compile(
    r"""[\s;]*
        (?P<name>[^=;]*)
        (?:=\s*(?: "(?P<quoted>(?:[^"\\]|\\.)*)"\s*(?=;|\Z) | (?P<plain>[^;]*) ))?
        (?:;|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)


def parse_cookies(values: Iterable[str]) -> dict[str, str]:
    """Return the cookies in the values of all Cookie headers, in their order.

    Of two cookies with one name the first counts: user agents put that of the longer path first (RFC 6265, section
    5.4). A value in double quotes may have semicolons and backslash escapes, as Python's `http.cookies` writes them.
    What is no cookie is skipped.
    """
    cookies: dict[str, str] = {}
    for value in values:
        for cookie in _COOKIE.finditer(value):
            name = cookie["name"].strip()
            if name and cookie["quoted"] is not None:
                cookies.setdefault(name, _ESCAPE.sub(_unescape, cookie["quoted"]))
            elif name and cookie["plain"] is not None:
                cookies.setdefault(name, cookie["plain"].strip())
    return cookies


def _unescape(escape: re.Match[str]) -> str:
    octal: str | None = escape[1]
    return escape[2] if octal is None else chr(int(octal, 8))
