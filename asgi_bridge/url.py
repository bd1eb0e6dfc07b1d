"""URLs: strings that know their parts."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self, SupportsIndex, overload
from urllib.parse import SplitResult, parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit

from wsserve.asgi_bridge.types import Scope

# What may stand as it is in each part of a URL (RFC 3986, sections 3.2 to 3.5).
_UNRESERVED_AND_SUB_DELIMS: Final = "-._~!$&'()*+,;="
IN_PATH: Final = _UNRESERVED_AND_SUB_DELIMS + ":@/"
"""What stands as it is in a path (RFC 3986, section 3.3)."""
_IN_QUERY: Final = IN_PATH + "?"

_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST: Final = re.compile(r"\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|[0-9A-Za-z\-._~!$&'()*+;=]+")
_NOT_IN_URL: Final = re.compile(r"[\x00-\x20\x7f]")
_DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_AUTHORITY: Final = ("username", "password", "hostname", "port")
_SECURE: Final = frozenset({"https", "wss"})
_LOCAL: Final = "localhost"
"""The host of a connection that has no network address, such as that of a unix socket, and whose client names none."""


class URL(str):
    """A URL: a `str` with its parts, each as it is written in the URL, percent-encoded.

    Raises `ValueError` for what is no URL: with spaces or control characters, with a malformed host or port.
    """

    __slots__ = ()

    def __new__(cls, url: str) -> Self:
        """Make a URL of a string that is one."""
        if _NOT_IN_URL.search(url):
            raise ValueError(f"{url!r} is no URL: spaces and control characters must be percent-encoded")
        try:
            _ = urlsplit(url).port
        except ValueError as error:
            raise ValueError(f"{url!r} is no URL: {error}") from None
        return super().__new__(cls, url)

    @classmethod
    def from_scope(cls, scope: Scope) -> Self:
        """Return the URL that a request was made to.

        Its host is that of the Host header when that is well-formed, else the server's address, else `localhost`. Its
        path is the scope's `raw_path` as long as it still says the same as `path`.
        """
        query = _requote(scope.get("query_string") or b"", _IN_QUERY)
        return cls(_origin(scope) + _path(scope) + (f"?{query}" if query else ""))

    @classmethod
    def base_from_scope(cls, scope: Scope) -> Self:
        """Return the URL of the application's root: the scope's `app_root_path` or `root_path`, with a slash behind."""
        root = (scope.get("app_root_path", scope.get("root_path")) or "").strip("/")
        path = quote(f"/{root}/" if root else "/", safe=IN_PATH, errors="replace")
        return cls(_origin(scope) + path)

    def __repr__(self) -> str:
        shown = self if self.password is None else self.replace(password="*" * 8)
        return f"URL({str(shown)!r})"

    @property
    def scheme(self) -> str:
        """The scheme, in lower case: `ws` or `wss`."""
        return self._parts.scheme

    @property
    def netloc(self) -> str:
        """The whole authority: user information, host and port."""
        return self._parts.netloc

    @property
    def username(self) -> str | None:
        """The user name, or None."""
        return self._parts.username

    @property
    def password(self) -> str | None:
        """The password, or None."""
        return self._parts.password

    @property
    def hostname(self) -> str | None:
        """The host, in lower case and without the brackets of an IPv6 address, or None."""
        return self._parts.hostname

    @property
    def port(self) -> int | None:
        """The port as far as the URL names one, else None."""
        return self._parts.port

    @property
    def path(self) -> str:
        """The path."""
        return self._parts.path

    @property
    def query(self) -> str:
        """The query, without its question mark."""
        return self._parts.query

    @property
    def fragment(self) -> str:
        """The fragment, without its hash."""
        return self._parts.fragment

    @property
    def is_secure(self) -> bool:
        """Whether the scheme is an encrypted one: `wss` or `https`."""
        return self.scheme in _SECURE

    @overload
    def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> str: ...
    @overload
    def replace(
        self,
        *,
        scheme: str = ...,
        netloc: str = ...,
        username: str | None = ...,
        password: str | None = ...,
        hostname: str = ...,
        port: int | None = ...,
        path: str = ...,
        query: str = ...,
        fragment: str = ...,
    ) -> Self: ...
    def replace(self, *args: Any, **parts: Any) -> str:
        """Return the URL with other parts: `url.replace(scheme="wss", port=None)`.

        What may not stand in a part is percent-encoded; None takes away user name, password or port. With two strings
        by position it is `str.replace`, and gives a plain str. Raises `ValueError` when the result is no URL.
        """
        if args:
            return super().replace(*args, **parts)
        url = self._parts
        authority: dict[str, Any] = {name: parts.pop(name) for name in _AUTHORITY if name in parts}
        if authority:
            if "netloc" in parts:
                url = url._replace(netloc=parts.pop("netloc"))
            parts["netloc"] = _netloc(url, authority)
        for name, allowed in (("path", IN_PATH), ("query", _IN_QUERY), ("fragment", _IN_QUERY)):
            if name in parts:
                parts[name] = _requote(parts[name], allowed)
        url = url._replace(**parts)
        if url.netloc and url.path and not url.path.startswith("/"):
            url = url._replace(path="/" + url.path)
        return type(self)(url.geturl())

    def include_query_params(self, params: Mapping[str, Any] | None = None, /, **more: Any) -> Self:
        """Return the URL with these query parameters set, instead of those of the same name; a list sets several."""
        added = {**(params or {}), **more}
        return self._with_query([pair for pair in self._query_pairs() if pair[0] not in added], added)

    def replace_query_params(self, params: Mapping[str, Any] | None = None, /, **more: Any) -> Self:
        """Return the URL with these query parameters and no others; a list sets several of one name."""
        return self._with_query([], {**(params or {}), **more})

    def remove_query_params(self, names: str | Iterable[str]) -> Self:
        """Return the URL without the query parameters of this name or these names."""
        removed = {names} if isinstance(names, str) else set(names)
        return self._with_query([pair for pair in self._query_pairs() if pair[0] not in removed], {})

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(str(self))  # which remembers the newest results

    def _query_pairs(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True, errors="surrogateescape")

    def _with_query(self, pairs: list[tuple[str, str]], added: dict[str, Any]) -> Self:
        queries = (urlencode(pairs, errors="surrogateescape"), urlencode(added, doseq=True))
        return self.replace(query="&".join(query for query in queries if query))


def _requote(part: str | bytes, allowed: str) -> str:
    """Percent-encode what is not allowed in a part; what is encoded already stays as it is."""
    return _STRAY_PERCENT.sub("%25", quote(part, safe=allowed + "%"))


def _netloc(url: SplitResult, changes: Mapping[str, Any]) -> str:
    """Return the authority of `url` with some of its parts changed."""
    username, password, hostname, port = (changes.get(name, getattr(url, name)) for name in _AUTHORITY)
    user_info = "" if username is None and password is None else _requote(username or "", "") + "@"
    if password is not None:
        user_info = f"{user_info[:-1]}:{_requote(password, '*')}@"
    return user_info + _host_and_port(hostname or "", port)


def _host_and_port(host: str, port: int | None) -> str:
    if ":" in host and not host.startswith("["):
        host = f"[{_STRAY_PERCENT.sub('%25', host)}]"  # a zone: RFC 6874
    return host if port is None else f"{host}:{port}"


def _origin(scope: Scope) -> str:
    scheme = scope.get("scheme") or ("ws" if scope.get("type") == "websocket" else "http")
    for name, value in scope.get("headers") or ():
        if name.lower() == b"host":
            host = value.decode("latin-1")
            if _is_host_and_port(host):
                return f"{scheme}://{host}"
            break
    host, port = scope.get("server") or (_LOCAL, None)
    if port == _DEFAULT_PORTS.get(scheme):
        port = None
    address = _host_and_port(host, port)
    return f"{scheme}://{address if _is_host_and_port(address) else _LOCAL}"


def _is_host_and_port(value: str) -> bool:
    """Tell whether this is a Host header's value (RFC 9112, section 3.2) that a URL can be made of."""
    host, colon, port = value.rpartition(":")
    if not colon or value.endswith("]"):
        host, port = value, ""
    match = _HOST.fullmatch(host)
    if match is None or (port and not (port.isascii() and port.isdigit() and int(port[:6]) <= 65535)):
        return False
    if match["ipv6"] is not None:
        try:
            ipaddress.IPv6Address(match["ipv6"])
        except ValueError:
            return False
    return True


def _path(scope: Scope) -> str:
    path = scope.get("path") or "/"
    raw_path: bytes = (scope.get("raw_path") or b"").partition(b"?")[0]
    if unquote_to_bytes(raw_path).decode(errors="replace") == path:
        quoted = _requote(raw_path, IN_PATH)
    else:
        quoted = quote(path, safe=IN_PATH, errors="replace")  # a middleware has changed it, or there is no raw path
    return quoted if quoted.startswith("/") else f"/{quoted}"
