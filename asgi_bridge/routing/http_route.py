"""Routes for plain HTTP: pages and health checks beside the WebSockets."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.injection.plan import HandlerPlan
from wsserve.asgi_bridge.request import Request
from wsserve.asgi_bridge.routing.handler_route import HandlerRoute
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send


class Route(HandlerRoute):
    """A path and the async function that answers HTTP requests there, or any ASGI application, such as a `Response`.

    The function's parameters are injected as those of a `WebSocketRoute`'s handler, with a `Request` in place of the
    WebSocket. What it returns is made a response by `Response.of`. `methods` are one or several; GET brings HEAD along.
    All other options are those of `WebSocketRoute`, and so are the errors.
    """

    connection_type: ClassVar[type[ConnectionData]] = Request

    def __init__(
        self, path: str, handler: Callable[..., Any] | str, *, methods: Iterable[str] = ("GET",), **options: Any
    ) -> None:
        allowed = {method.upper() for method in ([methods] if isinstance(methods, str) else methods)}
        if "GET" in allowed:
            allowed.add("HEAD")
        super().__init__(path, handler, kind="http", methods=allowed, **options)

    def _application(self, plan: HandlerPlan) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            result = await plan.call(Request(scope, receive))
            await Response.of(result)(scope, receive, send)

        return serve
