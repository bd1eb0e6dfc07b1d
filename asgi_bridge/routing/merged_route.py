"""Routes that one router has taken over from another."""

from collections.abc import Awaitable, Callable
from typing import Any

from wsserve.asgi_bridge.exceptions import Mistake
from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.routing.url_path import URLPath
from wsserve.asgi_bridge.types import Receive, Scope, Send


class MergedRoute(BaseRoute):
    """A route of another router; `serve` is to call its `handle` within that router's layers."""

    def __init__(self, route: BaseRoute, serve: Callable[[BaseRoute, Scope, Receive, Send], Awaitable[None]]) -> None:
        super().__init__(route.pattern, name=route.name, kinds=route.kinds, methods=route.methods)
        self.has_names_below = route.has_names_below
        self.route = route
        self._serve = serve

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a connection that the route matches."""
        return self._serve(self.route, scope, receive, send)

    def path_for(self, name: str, /, **params: Any) -> URLPath:
        """Return what the route does. Raises `NoMatchFound`."""
        return self.route.path_for(name, **params)

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong in the declaration of the route."""
        return self.route.mistakes()
