"""What a router says to requests that none of its routes takes."""

from collections.abc import Iterable

from wsserve.asgi_bridge.exceptions import HTTPException
from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.types import Scope
from wsserve.asgi_bridge.websocket_app import upgrade_required


def refuse_request(scope: Scope, routes: Iterable[BaseRoute]) -> None:
    """Raise the `HTTPException` for an HTTP request to a path that has only these routes; return when that is a 404.

    405 names the methods that the path has (RFC 9110, section 15.5.6), 426 says that there is a WebSocket (RFC 9110,
    section 15.5.22).
    """
    kinds = {kind for route in routes for kind in route.kinds}
    if "http" in kinds:
        methods = {method for route in routes if route.methods is not None for method in route.methods}
        raise HTTPException(405, headers={"allow": ", ".join(sorted(methods))})
    if "websocket" in kinds:
        raise upgrade_required(scope)
