"""Paths that a router has built, which know how to become URLs."""

from typing import Self

from wsserve.asgi_bridge.url import URL


class URLPath(str):
    """The path of a route, percent-encoded, with its protocol, `http` or `websocket`, and, below a `Host`, its host."""

    __slots__ = ("host", "protocol")

    protocol: str
    host: str

    def __new__(cls, path: str, *, protocol: str = "http", host: str = "") -> Self:
        """Make the path of a route."""
        url_path = super().__new__(cls, path)
        url_path.protocol = protocol
        url_path.host = host
        return url_path

    def behind(self, prefix: str) -> Self:
        """Return this path behind a prefix."""
        return type(self)(prefix.rstrip("/") + self, protocol=self.protocol, host=self.host)

    def make_absolute_url(self, base_url: object) -> URL:
        """Return the URL below `base_url`: ws or wss for a WebSocket route, http or https for another.

        It is encrypted when the base URL is. A host other than the base URL's has the same port.
        """
        base = URL(str(base_url))  # which may be another framework's
        scheme = ("ws" if self.protocol == "websocket" else "http") + ("s" if base.is_secure else "")
        url = base.replace(scheme=scheme, path=base.path.rstrip("/") + self, query="", fragment="")
        return url.replace(hostname=self.host) if self.host else url
