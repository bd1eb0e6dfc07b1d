"""Paths that a router has built, which know how to become URLs."""

from typing import Self

from wsserve.asgi_bridge.url import URL


class URLPath(str):
    """The path of a route, percent-encoded, with the kind of the route and, below a `Host`, its host."""

    __slots__ = ("host", "kind")

    kind: str
    host: str

    def __new__(cls, path: str, *, kind: str = "http", host: str = "") -> Self:
        """Make the path of a route for scopes of type `kind`."""
        url_path = super().__new__(cls, path)
        url_path.kind = kind
        url_path.host = host
        return url_path

    def behind(self, prefix: str) -> Self:
        """Return this path behind a prefix."""
        return type(self)(prefix.rstrip("/") + self, kind=self.kind, host=self.host)

    def make_absolute_url(self, base_url: object) -> URL:
        """Return the URL below `base_url`: ws or wss for a WebSocket route, http or https for another.

        It is encrypted when the base URL is. A host other than the base URL's has the same port.
        """
        base = URL(str(base_url))  # which may be another framework's
        scheme = ("ws" if self.kind == "websocket" else "http") + ("s" if base.is_secure else "")
        url = base.replace(scheme=scheme, path=base.path.rstrip("/") + self, query="", fragment="")
        return url.replace(hostname=self.host) if self.host else url
