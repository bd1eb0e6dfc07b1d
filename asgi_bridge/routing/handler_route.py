"""What a route for WebSockets and one for HTTP have in common: a path, a handler, and layers around it."""

import inspect
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pkgutil import resolve_name
from typing import Any, ClassVar, Final, Unpack

from wsserve.asgi_bridge.boundary import watched
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import Mistake, RouteDeclarationError
from wsserve.asgi_bridge.injection.plan import HandlerPlan, compile_handler
from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.routing.layers import layered
from wsserve.asgi_bridge.routing.level import Layers, Level
from wsserve.asgi_bridge.routing.path_pattern import PathPattern
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send

CLEANUP_TIMEOUT: Final = 10.0
"""Seconds that the resources of a connection have, together, to clean up."""

_ASGI: Final = ("scope", "receive", "send")


class HandlerRoute(BaseRoute):
    """A route with a handler, or with an ASGI application in its place.

    All that is wrong with path, handler and layers is raised together, in one `RouteDeclarationError`, as soon as the
    route has its handler.
    """

    connection_type: ClassVar[type[ConnectionData]]

    def __init__(
        self,
        path: str,
        handler: Callable[..., Any] | str | None = None,
        *,
        kind: str,
        methods: Iterable[str] | None = None,
        name: str | None = None,
        cleanup_timeout: float = CLEANUP_TIMEOUT,
        **layers: Unpack[Layers],
    ) -> None:
        super().__init__(PathPattern(path), name=name or "", kinds=(kind,), methods=methods)
        self._level = Level(**layers)
        self._cleanup_timeout = cleanup_timeout
        self._subroutes: list[HandlerRoute] = []
        self._app: ASGIApp | None = None
        self._handler_mistakes: list[Mistake] = []
        self.handler: Any = None
        if handler is not None:
            self._set_handler(handler)

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serve a connection that this route matches."""
        assert self._app is not None, "a router takes no route without a handler"  # noqa: S101  # for readers and type checkers
        return self._app(scope, receive, send)

    def declared(self) -> Iterator[BaseRoute]:
        """Yield this route, when it has a handler or nothing below it, and what was declared below it."""
        if self.handler is not None or not self._subroutes:
            yield self
        for route in self._subroutes:
            yield from route.declared()

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong in the declaration."""
        mistakes = super().mistakes() + [self.mistake(text) for text in self._level.mistakes]
        if self.handler is None:
            mistakes.append(self.mistake(f"the route {self.pattern.declaration!r} has no handler"))
        return mistakes + self._handler_mistakes

    def _set_handler(self, handler: Any) -> None:
        if self.handler is not None:
            raise RouteDeclarationError(
                [self.mistake(f"the route {self.pattern.declaration!r} has a handler already: {self.handler!r}")]
            )
        if isinstance(handler, str):
            try:
                handler = resolve_name(handler)
            except (ValueError, ImportError, AttributeError) as error:
                text = f"the handler {handler!r} cannot be loaded: {error}"
                raise RouteDeclarationError([*self.mistakes()[:-1], self.mistake(text)]) from error
        self.handler = handler
        self.name = self.name or getattr(handler, "__name__", "")
        level = self._level_of(handler)
        app = watched(handler) if is_asgi_application(handler) else self._hosted(handler, level)
        mistakes = self.mistakes()
        if mistakes:
            raise RouteDeclarationError(mistakes)
        self._app = layered(app, **level.layers)

    def _level_of(self, _handler: Any) -> Level:
        """Return all layers around this handler."""
        return self._level

    def _hosted(self, handler: Any, level: Level) -> ASGIApp:
        """Return the application that calls `handler` with what it asks for."""
        plan = compile_handler(
            handler,
            self.pattern.names,
            connection_type=self.connection_type,
            dependencies=level.dependencies,
            cleanup_timeout=self._cleanup_timeout,
        )
        # What has no source, such as a builtin, is mistaken here, where it was given.
        self._handler_mistakes += [item if item.line else self.mistake(item.text) for item in plan.mistakes]
        return self._application(plan)

    @abstractmethod
    def _application(self, plan: HandlerPlan) -> ASGIApp:
        """Return the application that carries out the plan for each connection."""

    def _inherited(self) -> dict[str, Any]:
        """Return what a route below this one is declared with: the layers of this one."""
        level = self._level
        return {**level.layers, "dependencies": level.dependencies, "cleanup_timeout": self._cleanup_timeout}


def is_asgi_application(value: Any) -> bool:
    """Tell whether this is an ASGI application and no handler: its parameters are scope, receive and send."""
    if inspect.isclass(value):
        return False
    try:
        names = tuple(name.lstrip("_") for name in inspect.signature(value).parameters)
    except (TypeError, ValueError):
        return False
    return names == _ASGI
