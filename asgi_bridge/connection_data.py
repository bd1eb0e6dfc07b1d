"""What a handler can read of its connection: everything that comes from the scope."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wsserve.asgi_bridge.cookies import parse_cookies
from wsserve.asgi_bridge.exceptions import ImproperlyConfigured, NoMatchFound
from wsserve.asgi_bridge.headers import Headers
from wsserve.asgi_bridge.query import QueryParams
from wsserve.asgi_bridge.state import State
from wsserve.asgi_bridge.types import Scope
from wsserve.asgi_bridge.url import URL


class Address(NamedTuple):
    """One end of a connection; a unix socket has its path for a host, and no port."""

    host: str
    port: int | None


class ConnectionData(Mapping[str, Any]):
    """A read-only mapping over a scope, with properties for what is in it.

    Two objects are equal only when they are the same one. Nothing here changes the scope, but for `state` and
    `path_params`, which are put there when they are missing.
    """

    __slots__ = ("__weakref__", "_cookies", "_headers", "_query_params", "_url", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._url: URL | None = None
        self._headers: Headers | None = None
        self._query_params: QueryParams | None = None
        self._cookies: dict[str, str] | None = None

    def __getitem__(self, key: str) -> Any:
        return self.scope[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scope)

    def __len__(self) -> int:
        return len(self.scope)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def app(self) -> Any:
        """The application that routed the connection here. Raises `KeyError` when none put itself into the scope."""
        return self.scope["app"]

    @property
    def url(self) -> URL:
        """The URL that the client asked for."""
        if self._url is None:
            self._url = URL.from_scope(self.scope)
        return self._url

    @property
    def base_url(self) -> URL:
        """The URL of the application's root, with a slash at its end."""
        return URL.base_from_scope(self.scope)

    @property
    def headers(self) -> Headers:
        """The headers of the handshake."""
        if self._headers is None:
            self._headers = Headers(self.scope.get("headers") or ())
        return self._headers

    @property
    def query_params(self) -> QueryParams:
        """The parameters of the URL's query."""
        if self._query_params is None:
            self._query_params = QueryParams(self.scope.get("query_string") or b"")
        return self._query_params

    @property
    def path_params(self) -> dict[str, Any]:
        """What the router found in the path, by name."""
        params: dict[str, Any] = self.scope.setdefault("path_params", {})
        return params

    @property
    def cookies(self) -> dict[str, str]:
        """The client's cookies, by name."""
        if self._cookies is None:
            self._cookies = parse_cookies(self.headers.getlist("cookie"))
        return self._cookies

    @property
    def client(self) -> Address | None:
        """The client's address, or None when the server does not know it."""
        return _address(self.scope.get("client"))

    @property
    def server(self) -> Address | None:
        """The address that the server listens on, or None when it is not known."""
        return _address(self.scope.get("server"))

    @property
    def auth(self) -> Any:
        """What an authentication middleware found out. Raises `ImproperlyConfigured` without one."""
        return self._set_by("auth", "AuthenticationMiddleware")

    @property
    def user(self) -> Any:
        """Who an authentication middleware found. Raises `ImproperlyConfigured` without one."""
        return self._set_by("user", "AuthenticationMiddleware")

    @property
    def session(self) -> Any:
        """The session that a session middleware has loaded. Raises `ImproperlyConfigured` without one."""
        return self._set_by("session", "SessionMiddleware")

    @property
    def state(self) -> State:
        """The connection's state, with what the application's lifespan put into it (ASGI specification, lifespan)."""
        return State(self.scope.setdefault("state", {}))

    def is_secure(self) -> bool:
        """Tell whether the client's connection is encrypted: `wss` or `https`."""
        return self.url.is_secure

    def path_for(self, name: str, /, **params: Any) -> URL:
        """Return the absolute URL of the route `name` with these path parameters.

        The router is the scope's `router`, else its `app`: any object with a method `path_for` or `url_path_for` that
        takes the same and returns a path. Raises `NoMatchFound` when it has no such route, `ImproperlyConfigured` when
        there is no router.
        """
        router = self.scope.get("router") or self.scope.get("app")
        path_for = getattr(router, "path_for", None) or getattr(router, "url_path_for", None)
        if path_for is None:
            raise ImproperlyConfigured(
                f"no route named {name!r} can be looked up: neither 'router' nor 'app' in the scope is a router"
            )
        try:
            path = path_for(name, **params)
        except Exception as error:
            # Routers have errors of their own for this, and pass on those of their converters.
            raise NoMatchFound(name, params) from error
        base = self.base_url
        if hasattr(path, "make_absolute_url"):  # it knows whether its route is a WebSocket's
            return URL(str(path.make_absolute_url(base_url=str(base))))
        return base.replace(path=base.path.rstrip("/") + str(path))

    url_path_for = path_for

    def _set_by(self, key: str, middleware: str) -> Any:
        try:
            return self.scope[key]
        except KeyError:
            raise ImproperlyConfigured(f"websocket.{key} needs a {middleware} around the application") from None


def _address(value: Any) -> Address | None:
    return None if value is None else Address(value[0], value[1])
