"""Routes for WebSockets."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeVar, Unpack

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.controller import WebSocketController
from wsserve.asgi_bridge.injection.markers import use
from wsserve.asgi_bridge.injection.plan import HandlerPlan
from wsserve.asgi_bridge.routing.handler_route import CLEANUP_TIMEOUT, HandlerRoute
from wsserve.asgi_bridge.routing.level import Layers, Level
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket

H = TypeVar("H", bound=Callable[..., Any])


class WebSocketRoute(HandlerRoute):
    """A path and what serves the WebSockets there.

    That is an async function, method or other callable, whose parameters are injected; a `WebSocketController` class;
    any ASGI application; or "module:name" of one of these. It is given here or by the decorator `ws_handler`. Raises
    `RouteDeclarationError` for all that is wrong in the declaration, as soon as there is a handler. When it
    has ended, its resources have `cleanup_timeout` seconds in all to clean up, in which nothing cancels them.

    A route is an ASGI application too, for itself alone.
    """

    connection_type: ClassVar[type[ConnectionData]] = WebSocket

    def __init__(
        self,
        path: str = "",
        handler: Callable[..., Any] | str | None = None,
        *,
        name: str | None = None,
        cleanup_timeout: float = CLEANUP_TIMEOUT,
        **layers: Unpack[Layers],
    ) -> None:
        super().__init__(path, handler, kind="websocket", name=name, cleanup_timeout=cleanup_timeout, **layers)
        self._alone: ASGIApp | None = None

    def ws_handler(self, handler: H) -> H:
        """Make `handler` the route's one handler; as a decorator. Raises `RouteDeclarationError` as the class does."""
        self._set_handler(handler)
        return handler

    endpoint = ws_handler  # what lihil calls it from 0.2.38 on

    def sub(
        self, path: str, handler: Callable[..., Any] | str | None = None, *, name: str | None = None
    ) -> "WebSocketRoute":
        """Declare a route below this one, within the same layers; a router takes it along with this one.

        `route / "path"` is the same.
        """
        whole = self.pattern.joined(path).declaration if isinstance(path, str) else path  # else a mistake
        route = WebSocketRoute(whole, handler, name=name, **self._inherited())
        self._subroutes.append(route)
        return route

    __truediv__ = sub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what this route matches; all else is refused as by a `Router`."""
        if self._alone is None:
            from wsserve.asgi_bridge.routing.router import Router

            self._alone = Router([self])
        await self._alone(scope, receive, send)

    def _level_of(self, handler: Any) -> Level:
        if not _is_controller(handler):
            return self._level
        own = Level(
            middleware=handler.middleware,
            permissions=handler.permissions,
            exception_handlers=handler.exception_handlers,
            dependencies=handler.dependencies,
        )
        texts = [*handler.faults(), *own.mistakes]
        self._handler_mistakes += [self.mistake(f"{handler.__qualname__}: {text}") for text in texts]
        return self._level.with_inner(own)

    def _hosted(self, handler: Any, level: Level) -> ASGIApp:
        if not _is_controller(handler):
            return super()._hosted(handler, level)

        async def serve(websocket: WebSocket, controller: Any) -> None:
            await controller.serve(websocket)

        serve.__annotations__["controller"] = Annotated[Any, use(handler)]
        return super()._hosted(serve, level)

    def _application(self, plan: HandlerPlan) -> ASGIApp:
        def serve(scope: Scope, receive: Receive, send: Send) -> Any:
            return plan.call(WebSocket(scope, receive, send))  # no coroutine of its own: each costs per message

        return serve


def _is_controller(handler: Any) -> bool:
    return isinstance(handler, type) and issubclass(handler, WebSocketController)
