"""The routes of a router, to be found by host and path or by name."""

from collections.abc import Iterator, Sequence

from wsserve.asgi_bridge.authority import host_of
from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.routing.host import HostPattern
from wsserve.asgi_bridge.routing.route_tree import Accept, Match, RouteTree
from wsserve.asgi_bridge.types import Scope


class RouteTable:
    """Routes in the order of their declaration."""

    def __init__(self) -> None:
        self._routes: dict[BaseRoute, None] = {}
        self._paths = RouteTree()
        self._hosts = RouteTree(separator=".")
        self._has_hosts = False
        self._by_name: dict[str, list[BaseRoute]] = {}
        self._with_names_below: list[BaseRoute] = []

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """All routes."""
        return tuple(self._routes)

    def add(self, route: BaseRoute) -> None:
        """Add a route behind the others, unless it is there already."""
        if route in self._routes:
            return
        is_host = isinstance(route.pattern, HostPattern)
        (self._hosts if is_host else self._paths).add(route, len(self._routes))
        self._has_hosts |= is_host
        self._routes[route] = None
        if route.has_names_below:
            self._with_names_below.append(route)
        else:
            self._by_name.setdefault(route.name, []).append(route)

    def find(self, scope: Scope, path: str) -> Match | None:
        """Return the first route that matches a scope, whose path is `path` from here on."""
        kind = scope["type"]
        method = scope["method"] if kind == "http" else None

        def accept(route: BaseRoute) -> bool:
            return kind in route.kinds and (method is None or route.methods is None or method in route.methods)

        return self._first(scope, path, accept)

    def all_at(self, scope: Scope, path: str) -> list[BaseRoute]:
        """Return all routes that match host and path, whatever their kinds and methods."""
        routes: list[BaseRoute] = []

        def collect(route: BaseRoute) -> bool:
            routes.append(route)
            return False

        self._first(scope, path, collect)
        return routes

    def named(self, name: str) -> Iterator[BaseRoute]:
        """Yield the routes that may know a route of this name."""
        yield from self._by_name.get(name, ())
        yield from self._with_names_below

    def _first(self, scope: Scope, path: str, accept: Accept) -> Match | None:
        if not self._has_hosts:
            return self._paths.find(path, accept)
        asked = host_of(scope)
        at_host = None if asked is None else self._hosts.find(f".{asked.host}", accept)
        if at_host is None:
            return self._paths.find(path, accept)
        return self._paths.find(path, accept, before=at_host.order) or at_host
