"""N16: `requires` on handlers and factories of injection."""

from functools import partial
from typing import Annotated, Any

import pytest

from tests.asgi_bridge.double import Server
from wsserve.asgi_bridge.exceptions import HTTPException
from wsserve.asgi_bridge.injection.markers import use
from wsserve.asgi_bridge.injection.plan import compile_handler
from wsserve.asgi_bridge.middleware.authentication import AuthCredentials, SimpleUser
from wsserve.asgi_bridge.middleware.requires import requires
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio

ran: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


def user(*scopes: str) -> dict[str, Any]:
    return {"auth": AuthCredentials(scopes), "user": SimpleUser("ann")}


async def injected(ws: WebSocket, room: str, n: int) -> str:
    ran.append(n)
    return room


class InjectedMethods:
    @requires("write")
    async def of_method(self, connection: WebSocket, room: str, n: int) -> str:
        ran.append(n)
        return room

    async def __call__(self, connection: WebSocket, room: str, n: int) -> str:
        ran.append(n)
        return room


async def has_guarded_factory(room: str, n: Annotated[int, use(requires("write")(lambda ws: 9))]) -> str:
    ran.append(n)
    return room


@pytest.mark.parametrize(
    "handler",
    [
        requires("write")(injected),
        requires("write")(partial(injected)),
        InjectedMethods().of_method,
        requires("write")(InjectedMethods()),
        has_guarded_factory,
    ],
)
async def test_n16_injection_works_above_and_does_not_bypass_it(handler: Any) -> None:
    plan = compile_handler(handler, {"room"})
    assert plan.mistakes == []
    scope: dict[str, Any] = {"path_params": {"room": "lobby"}, "query_string": b"n=9"}
    with pytest.raises(HTTPException):
        await plan.call(Server(**scope, **user("read")).websocket())
    assert ran == []
    assert await plan.call(Server(**scope, **user("read", "write")).websocket()) == "lobby"
    assert ran == [9]
