"""What is put around a router, an `Include` or a `Host` as a whole."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from wsserve.asgi_bridge.injection.markers import Use
from wsserve.asgi_bridge.injection.plan import DEPENDENCIES_KEY
from wsserve.asgi_bridge.middleware.options import MiddlewareFactory
from wsserve.asgi_bridge.routing.layers import (
    Around,
    ExceptionHandlers,
    layered,
    read_layers,
    read_mapping,
)
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send


class Layers(TypedDict, total=False):
    """What may be put around routes: what `layered` takes, and dependencies, of which the inner ones win."""

    middleware: Sequence[MiddlewareFactory]
    permissions: Sequence[Any]
    exception_handlers: ExceptionHandlers | None
    before: Sequence[Around]
    after: Sequence[Around]
    dependencies: Mapping[str, Use] | None


class Level:
    """The layers around some routes, and the dependencies of their handlers; what is not given is empty."""

    __slots__ = ("dependencies", "layers", "mistakes")

    def __init__(self, **given: Unpack[Layers]) -> None:
        self.layers, self.mistakes = read_layers(given)
        named, faults = read_mapping("dependencies", given)
        self.dependencies: dict[str, Use] = {name: value for name, value in named.items() if isinstance(value, Use)}
        self.mistakes += faults + [
            f"dependencies has {value!r} for {name!r}: write use(factory)"
            for name, value in named.items()
            if name not in self.dependencies
        ]
        """What is wrong with them, in a sentence each."""

    def with_inner(self, inner: "Level") -> "Level":
        """Return the layers of both; of what counts by name, that of the inner ones."""
        both: dict[str, Any] = {}
        for name, outer in self.layers.items():
            both[name] = outer + inner.layers[name] if isinstance(outer, tuple) else outer | inner.layers[name]
        return Level(**both, dependencies=self.dependencies | inner.dependencies)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return `app` within these layers, or `app` itself where there are none."""
        app = layered(app, **self.layers)
        dependencies = self.dependencies
        if not dependencies:
            return app

        # No coroutine of its own, which each message would have to pass.
        def with_dependencies(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            scope[DEPENDENCIES_KEY] = {**scope.get(DEPENDENCIES_KEY, {}), **dependencies}
            return app(scope, receive, send)

        return with_dependencies
