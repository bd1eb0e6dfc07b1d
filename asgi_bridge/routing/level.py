"""What is put around a router, an `Include` or a `Host` as a whole."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from wsserve.asgi_bridge.injection.markers import Use
from wsserve.asgi_bridge.routing.layers import Around, ExceptionHandlers, MiddlewareFactory, layered, mistakes_in
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send


class AppLayers(TypedDict, total=False):
    """What may be put around an application; see `layered`."""

    middleware: Sequence[MiddlewareFactory]
    permissions: Sequence[Any]
    exception_handlers: ExceptionHandlers | None
    before: Sequence[Around]
    after: Sequence[Around]


class Layers(AppLayers, total=False):
    """What may be put around routes: the same, and what their handlers can ask for by name; there inner levels win."""

    dependencies: Mapping[str, Use] | None


class Level:
    """The layers around some routes."""

    __slots__ = ("_dependencies", "_layers", "mistakes")

    def __init__(self, *, dependencies: Mapping[str, Use] | None = None, **layers: Unpack[AppLayers]) -> None:
        self._dependencies: dict[str, object] = dict(dependencies or {})
        self._layers = layers
        self.mistakes = mistakes_in(**layers) + [
            f"dependencies has {value!r} for {name!r}: write use(factory)"
            for name, value in self._dependencies.items()
            if not isinstance(value, Use)
        ]
        """What is wrong with them, in a sentence each."""

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return `app` within these layers, or `app` itself where there are none."""
        app = layered(app, **self._layers)
        dependencies = self._dependencies
        if not dependencies:
            return app

        # No coroutine of its own, which each message would have to pass.
        def with_dependencies(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            scope["wsserve.dependencies"] = {**scope.get("wsserve.dependencies", {}), **dependencies}
            return app(scope, receive, send)

        return with_dependencies
