"""The cookies that a client keeps from one response to the next request (RFC 6265)."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from email.message import Message
from http.client import HTTPResponse
from http.cookiejar import Cookie, CookieJar
from typing import cast
from urllib.request import Request


class Cookies(MutableMapping[str, str]):
    """The client's cookies, by name; those that a test sets itself go to every host and path.

    Domain, path, Secure, Max-Age and Expires of what the application sets are heeded: `http.cookiejar` keeps them.
    """

    def __init__(self, cookies: Mapping[str, str] | None = None) -> None:
        self._jar = CookieJar()
        self.update(cookies or {})

    def __repr__(self) -> str:
        return f"Cookies({dict(self)})"

    def __getitem__(self, name: str) -> str:
        for cookie in self._jar:
            if cookie.name == name:
                return cookie.value or ""
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        self.pop(name, None)
        self._jar.set_cookie(
            Cookie(
                version=0,
                name=name,
                value=value,
                port=None,
                port_specified=False,
                domain="",
                domain_specified=False,
                domain_initial_dot=False,
                path="/",
                path_specified=True,
                secure=False,
                expires=None,
                discard=True,
                comment=None,
                comment_url=None,
                rest={},
            )
        )

    def __delitem__(self, name: str) -> None:
        found = [cookie for cookie in self._jar if cookie.name == name]
        if not found:
            raise KeyError(name)
        for cookie in found:
            self._jar.clear(cookie.domain, cookie.path, cookie.name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(cookie.name for cookie in self._jar))

    def __len__(self) -> int:
        return len({cookie.name for cookie in self._jar})

    def header(self, url: str, more: Mapping[str, str] | None = None) -> str | None:
        """Return the Cookie header for a request to `url`, with `more` cookies for this one; None: there are none."""
        request = Request(url)  # noqa: S310  # nothing is opened
        self._jar.add_cookie_header(request)
        kept = request.get_header("Cookie")
        pairs = [f"{name}={value}" for name, value in (more or {}).items()]
        if kept is not None:
            pairs += [pair for pair in kept.split("; ") if pair.partition("=")[0] not in (more or {})]
        return "; ".join(pairs) or None

    def keep(self, url: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Take the cookies that a response to a request for `url` sets or deletes."""
        message = Message()
        for name, value in headers:
            if name == b"set-cookie":
                message["Set-Cookie"] = value.decode("latin-1")
        response = cast(HTTPResponse, _Response(message))
        self._jar.extract_cookies(response, Request(url))  # noqa: S310  # nothing is opened


class _Response:
    """As much of a response as a `CookieJar` looks at."""

    def __init__(self, headers: Message) -> None:
        self._headers = headers

    def info(self) -> Message:
        return self._headers
