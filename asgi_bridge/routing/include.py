"""Applications and routes below a path."""

from collections.abc import Iterable
from importlib import import_module
from pkgutil import resolve_name
from typing import Any, Final, Unpack

from wsserve.asgi_bridge.exceptions import Mistake, RouteDeclarationError
from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.routing.level import Layers
from wsserve.asgi_bridge.routing.mount import Mount
from wsserve.asgi_bridge.routing.path_pattern import PathPattern
from wsserve.asgi_bridge.routing.router import Router
from wsserve.asgi_bridge.types import ASGIApp

_ATTRIBUTES: Final = ("routes", "route_patterns", "router", "app")
"""What is looked for in a module; `route_patterns` is Lilya's name for routes."""


class Include(Mount):
    """An application, or routes, below a path, which may have parameters.

    To what is below, the path is the scope's `root_path`; its own path parameters are added, and win over those of the
    same name. One of these is given: `app`, an ASGI application; `routes`; or `namespace`, "module" or "module:name" of
    one of both, by default the module's `routes`, `route_patterns`, `router` or `app`. The router that takes this route
    runs the lifespans of routers among the routes, and of a router in the namespace; that of an `app` is not run.
    """

    def __init__(
        self,
        path: str = "",
        app: ASGIApp | None = None,
        *,
        routes: Iterable[BaseRoute | Router] | None = None,
        namespace: str | None = None,
        name: str = "",
        **layers: Unpack[Layers],
    ) -> None:
        sources = {"app": app, "routes": routes, "namespace": namespace}
        given = [source for source, value in sources.items() if value is not None]
        self._faults: list[str] = []
        self._mistakes_below: list[Mistake] = []
        if len(given) != 1:
            self._faults.append(
                f"an Include takes one of app, routes and namespace, not {' and '.join(given) or 'none'}"
            )
            below: Any = None
        else:
            below = self._loaded(namespace) if namespace is not None else sources[given[0]]
        super().__init__(PathPattern(path, is_prefix=True), self._application(below), name=name, **layers)
        if app is None and isinstance(self.app, Router):
            self.lifespans = self.app.lifespans

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong in the declaration, and in those of the routes below."""
        return [*super().mistakes(), *map(self.mistake, self._faults), *self._mistakes_below]

    def _loaded(self, namespace: str) -> Any:
        try:
            if ":" in namespace:
                return resolve_name(namespace)
            module = import_module(namespace)
        except (ValueError, ImportError, AttributeError) as error:
            self._faults.append(f"the namespace {namespace!r} cannot be loaded: {error}")
            return None
        for attribute in _ATTRIBUTES:
            if hasattr(module, attribute):
                return getattr(module, attribute)
        self._faults.append(f"the namespace {namespace!r} has none of {', '.join(_ATTRIBUTES)}: write 'module:name'")
        return None

    def _application(self, below: Any) -> ASGIApp | None:
        if callable(below):
            app: ASGIApp = below
            return app
        if below is None:
            return None
        if not isinstance(below, Iterable):
            self._faults.append(f"an Include takes an application or routes, not {below!r}")
            return None
        try:
            return Router(below)
        except RouteDeclarationError as error:
            self._mistakes_below += error.mistakes
            return None
