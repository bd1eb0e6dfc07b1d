"""The router: an ASGI application that hands each connection to the first of its routes that matches."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar, Unpack

from wsserve.asgi_bridge.boundary import Routed, boundary, is_bounded, watched
from wsserve.asgi_bridge.exceptions import HTTPException, Mistake, NoMatchFound, RouteDeclarationError
from wsserve.asgi_bridge.injection.callables import name_of
from wsserve.asgi_bridge.injection.plan import OVERRIDES_KEY
from wsserve.asgi_bridge.routing.base import BaseRoute, place_of_call
from wsserve.asgi_bridge.routing.host import Host
from wsserve.asgi_bridge.routing.http_route import Route
from wsserve.asgi_bridge.routing.level import Layers, Level
from wsserve.asgi_bridge.routing.lifespan import Lifespan, run_lifespan
from wsserve.asgi_bridge.routing.merged_route import MergedRoute
from wsserve.asgi_bridge.routing.root_path import split_path
from wsserve.asgi_bridge.routing.route_table import RouteTable
from wsserve.asgi_bridge.routing.unmatched import refuse_request
from wsserve.asgi_bridge.routing.url_path import URLPath
from wsserve.asgi_bridge.routing.websocket_route import WebSocketRoute
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send

H = TypeVar("H", bound=Callable[..., Any])

_KINDS: Final = ("http", "websocket")

_MERGED: Final = "wsserve.merged_route"
"""In a scope, between the two ends of a router's layers: this router, and its route that is to serve the connection."""


class Router(Routed):
    """Routes for WebSocket and HTTP: the first declared one whose path, kind and method match has the connection.

    What matches none is refused: with 405 where the path has other methods, with 426 where there is only a WebSocket,
    else with 404, unless a `default` application takes it. `lifespan` is a context manager around startup and shutdown.
    The other options are put around everything, whether a route matches or not. Raises `RouteDeclarationError` with all
    mistakes in its routes.

    It is served as it is, or mounted in another application. The outermost one puts itself into the scope as `router`,
    and as `app` where there is none, with the path it is mounted at as `app_root_path`. A route's values go into the
    scope's `path_params`.
    """

    def __init__(
        self,
        routes: Iterable["BaseRoute | Router"] = (),
        *,
        lifespan: Lifespan | None = None,
        default: ASGIApp | None = None,
        **layers: Unpack[Layers],
    ) -> None:
        self._table = RouteTable()
        self._included: dict[BaseRoute | Router, None] = {}
        self.lifespans: dict[Router, Lifespan] = {} if lifespan is None else {self: lifespan}
        """The lifespans that are run: this router's, and those of the routers below, each by its router."""
        self._default = None if default is None else watched(default)
        self._overrides: dict[Any, Any] = {}
        self._level = Level(**layers)
        place = place_of_call()
        faults = [*self._level.mistakes, *_faults_of(default, lifespan)]
        self._include(routes, [Mistake(text, *place) for text in faults])
        self._app = self._level.around(self._dispatch)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection, or the lifespan."""
        if not isinstance(scope.get("router"), Router):
            scope["router"] = self
            scope.setdefault("app", self)
            scope["app_root_path"] = scope.get("root_path", "")
        self._put_overrides(scope)
        if is_bounded(scope) or scope["type"] not in _KINDS:
            await self._app(scope, receive, send)
        else:
            async with boundary(scope, receive, send) as send_within:
                await self._app(scope, receive, send_within)

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """All routes, in the order of their declaration."""
        return self._table.routes

    def include_routes(self, *routes: "BaseRoute | Router") -> None:
        """Add routes behind those that are there, with the routes below them; what has been added before is skipped.

        Of a router its routes are added, within its layers, and its lifespan; what is added to it later is not. Raises
        `RouteDeclarationError` with all mistakes in all of them, and then adds none.
        """
        self._include(routes, [])

    include = include_routes

    def websocket(self, path: str, **options: Any) -> Callable[[H], H]:
        """Add the decorated function as the handler of a `WebSocketRoute` with these options."""
        _check_decorator("websocket", path)

        def decorate(handler: H) -> H:
            self.add_websocket_route(path, handler, **options)
            return handler

        return decorate

    def add_websocket_route(self, path: str, handler: Callable[..., Any] | str, **options: Any) -> None:
        """Add a `WebSocketRoute` with these options."""
        self.include_routes(WebSocketRoute(path, handler, **options))

    def route(self, path: str, methods: Iterable[str] = ("GET",), **options: Any) -> Callable[[H], H]:
        """Add the decorated function as the handler of a `Route` with these options."""
        _check_decorator("route", path)

        def decorate(handler: H) -> H:
            self.add_route(path, handler, methods=methods, **options)
            return handler

        return decorate

    def add_route(self, path: str, handler: Callable[..., Any] | str, **options: Any) -> None:
        """Add a `Route` with these options."""
        self.include_routes(Route(path, handler, **options))

    def host(self, host: str, app: ASGIApp, *, name: str = "", **layers: Unpack[Layers]) -> None:
        """Add a `Host` with these options."""
        self.include_routes(Host(host, app, name=name, **layers))

    def path_for(self, name: str, /, **params: Any) -> URLPath:
        """Return the path of the route `name` with these parameters, from this router on.

        Routes of an `Include` or a `Host` with a name have that name and a colon before theirs. Raises `NoMatchFound`.
        """
        for route in self._table.named(name):
            try:
                return route.path_for(name, **params)
            except NoMatchFound:
                continue
        raise NoMatchFound(name, params)

    url_path_for = path_for

    @contextmanager
    def override_dependency(self, dependency: Any, factory: Any) -> Iterator[None]:
        """Let `factory` stand in for a dependency, given by its name or factory, in connections that come meanwhile.

        It counts for all routes below this router.
        """
        before = self._overrides
        self._overrides = {**before, dependency: factory}
        try:
            yield
        finally:
            kept = {key: value for key, value in self._overrides.items() if key != dependency}
            self._overrides = kept | {key: value for key, value in before.items() if key == dependency}

    # Within

    def _include(self, routes: object, mistakes: list[Mistake]) -> None:
        added: list[BaseRoute] = []
        new: dict[BaseRoute | Router, None] = {}
        if not isinstance(routes, Iterable):
            mistakes.append(Mistake(f"routes is a list, not {routes!r}: write [route]", *place_of_call()))
            routes = ()
        for item in routes:
            if not isinstance(item, (Router, BaseRoute)):
                fault = (
                    f"a router takes routes, not {item!r}: put a handler into a WebSocketRoute or a Route, an"
                    " application into an Include"
                )
                mistakes.append(Mistake(fault, *place_of_call()))
            elif item not in self._included and item not in new:
                new[item] = None
                if isinstance(item, Router):
                    added += [MergedRoute(route, item._serve_merged) for route in item.routes]
                else:
                    added += item.declared()
        mistakes += [mistake for route in added for mistake in route.mistakes()]
        if mistakes:
            raise RouteDeclarationError(list(dict.fromkeys(mistakes)))
        self._included |= new
        for route in added:
            self._table.add(route)
        for item in new:
            self.lifespans |= item.lifespans

    def _serve_merged(self, route: BaseRoute, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a connection that another router has found a route of this one for."""
        self._put_overrides(scope)
        scope[_MERGED] = self, route  # for the other end of the layers
        return self._app(scope, receive, send)

    def _put_overrides(self, scope: Scope) -> None:
        if self._overrides:
            scope[OVERRIDES_KEY] = {**self._overrides, **scope.get(OVERRIDES_KEY, {})}

    def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        merged: tuple[Router, BaseRoute] | None = scope.get(_MERGED)
        if merged is not None and merged[0] is self:  # a layer may have handed over to another router
            del scope[_MERGED]
            return merged[1].handle(scope, receive, send)
        kind = scope["type"]
        if kind == "lifespan":
            return run_lifespan(self.lifespans.values(), self, scope, receive, send)
        if kind not in _KINDS:
            raise ValueError(f"a router serves scopes of type http, websocket and lifespan, not {kind!r}")
        root, path = split_path(scope)
        match = self._table.find(scope, path)
        if match is None:
            if kind == "http":
                refuse_request(scope, self._table.all_at(scope, path))
            if self._default is None:
                raise HTTPException(404)
            return self._default(scope, receive, send)
        route = match.route
        if route.is_prefix:
            scope = {**scope, "root_path": root + path[: match.length], "path": root + path}
        scope["path_params"] = {**scope.get("path_params", {}), **match.params}
        return route.handle(scope, receive, send)


def _faults_of(default: object, lifespan: object) -> list[str]:
    faults = []
    if default is not None and not callable(default):
        faults.append(f"the default of a router is an application, not {default!r}")
    if inspect.iscoroutinefunction(lifespan):
        faults.append(f"the lifespan {name_of(lifespan)}() has no `yield`, which parts startup and shutdown")
    elif lifespan is not None and not callable(lifespan):
        faults.append(f"the lifespan of a router is an async generator function, not {lifespan!r}")
    return faults


def _check_decorator(name: str, path: object) -> None:
    """Raise the mistake in a decorator that is written without its parentheses, and so would add no route."""
    if callable(path):
        text = f'@{name} on {name_of(path)}() has no path: write @{name}("/path")'
        raise RouteDeclarationError([Mistake(text, *place_of_call())])
