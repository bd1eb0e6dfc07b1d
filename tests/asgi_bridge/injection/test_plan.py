"""Factories of every kind, their order, their values, and the calls that follow from them."""

from collections.abc import Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial, wraps
from itertools import count
from typing import Annotated, Any

import anyio
import pytest

from tests.asgi_bridge.double import Server
from tests.asgi_bridge.injection.calling import call, mistakes, server
from wsserve.asgi_bridge.exceptions import HTTPException, WebSocketDisconnect
from wsserve.asgi_bridge.injection.markers import AsyncResource, Header, Ignore, Resource, use
from wsserve.asgi_bridge.injection.plan import compile_handler
from wsserve.asgi_bridge.request import Request
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio

numbers = count()


def counted() -> int:
    return next(numbers)


Shared = Annotated[int, use(counted, reuse=True)]
Fresh = Annotated[int, use(counted)]


async def ws_factory(ws: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
    await ws.accept()
    yield ws
    await ws.close()


async def test_h10_h11_the_handler_of_the_lihil_page() -> None:
    async def ws_handler(
        ws: Annotated[WebSocket, use(ws_factory, reuse=False)],
        session_id: str,
        max_users: int,
    ) -> None:
        assert session_id == "session123"
        assert max_users == 5
        await ws.send_text("Hello, world!")

    connection = server({"session_id": "session123"}, b"max_users=5")
    await compile_handler(ws_handler, ["session_id"]).call(connection.websocket())
    assert connection.sent_types == ["accept", "send", "close"]
    assert connection.sent[1]["text"] == "Hello, world!"


async def test_h10_reuse_is_one_value_for_all_of_a_connection_and_none_is_one_for_each_parameter() -> None:
    def nested(shared: Shared, fresh: Fresh) -> tuple[int, int]:
        return shared, fresh

    async def handler(
        a: Shared, b: Shared, c: Fresh, d: Fresh, e: Annotated[tuple[int, int], use(nested)]
    ) -> tuple[object, ...]:
        return a, b, c, d, e

    first = await call(handler)
    base = first[0]
    assert first == (base, base, base + 1, base + 2, (base, base + 3))
    assert (await call(handler))[0] == base + 4


async def test_h10_reuse_of_generators_and_of_methods_is_by_factory() -> None:
    class Pool:
        opened = 0

        async def connect(self) -> AsyncResource[int]:
            self.opened += 1
            yield self.opened

    pool = Pool()

    async def handler(
        a: Annotated[int, use(pool.connect, reuse=True)], b: Annotated[int, use(pool.connect, reuse=True)]
    ) -> tuple[int, int]:
        return a, b

    assert await call(handler) == (1, 1)
    assert await call(handler) == (2, 2)


def plain(n: int) -> str:
    return f"plain {n}"


async def coroutine(n: int) -> str:
    await anyio.lowlevel.checkpoint()
    return f"coroutine {n}"


def generator(n: int) -> Resource[str]:
    yield f"generator {n}"


async def async_generator(n: int) -> AsyncResource[str]:
    await anyio.lowlevel.checkpoint()
    yield f"async generator {n}"


@wraps(coroutine)
def returning_coroutine(n: int) -> Awaitable[str]:
    return coroutine(n)


@wraps(async_generator)
def returning_generator(n: int) -> AsyncResource[str]:
    return async_generator(n)


@wraps(coroutine)
def returning_text(n: int) -> str:
    return "no coroutine"


class Instance:
    def __init__(self, n: int) -> None:
        self.n = n

    def __str__(self) -> str:
        return f"class {self.n}"


@dataclass
class Called:
    prefix: str

    async def __call__(self, n: int) -> str:
        return f"{self.prefix} {n}"


class Unhashable(Called):
    __hash__ = None  # type: ignore[assignment]  # as the dataclass has it, but said aloud


@pytest.mark.parametrize(
    ("factory", "value"),
    [
        (plain, "plain 5"),
        (coroutine, "coroutine 5"),
        (generator, "generator 5"),
        (async_generator, "async generator 5"),
        (returning_coroutine, "coroutine 5"),
        (returning_generator, "async generator 5"),
        (returning_text, "no coroutine"),
        (Instance, "class 5"),
        (Called("object"), "object 5"),
        (Unhashable("unhashable"), "unhashable 5"),
        (partial(plain, n=6), "plain 6"),
        (partial(coroutine), "coroutine 5"),
        (partial(async_generator, 7), "async generator 7"),
        (Called("method").__call__, "method 5"),
        (lambda: "lambda", "lambda"),
        (lambda: coroutine(8), "coroutine 8"),
    ],
)
async def test_h10_h11_factories_of_every_kind(factory: Any, value: str) -> None:
    async def handler(made: Any, again: Any) -> tuple[str, str]:
        return str(made), str(again)

    handler.__annotations__.update(made=Annotated[Any, use(factory)], again=Annotated[Any, use(factory, reuse=True)])
    assert await call(handler, query=b"n=5") == (value, value)


async def test_a_context_manager_that_a_factory_returns_is_a_value_as_any_other() -> None:
    @asynccontextmanager
    async def five() -> AsyncResource[int]:
        yield 5

    def opened() -> Any:
        return five()

    async def handler(manager: Annotated[Any, use(opened)]) -> int:
        async with manager as value:
            return int(value)

    assert await call(handler) == 5


async def test_h13_the_parameters_of_factories_come_from_the_request_at_any_depth() -> None:
    def third(room: str, *, n: int = 3) -> str:
        return f"{room} {n}"

    def second(token: Annotated[str, Header("x-token")], made: Annotated[str, use(third)]) -> str:
        return f"{token} {made}"

    async def first(ws: WebSocket, made: Annotated[str, use(second)], q: list[int]) -> str:
        return f"{made} {q} {type(ws).__name__}"

    async def handler(made: Annotated[str, use(first)]) -> str:
        return made

    headers = [(b"x-token", b"t")]
    assert await call(handler, {"room": "a"}, b"q=1&q=2", headers) == "t a 3 [1, 2] WebSocket"


async def test_n13_trap_a_factory_gets_the_very_websocket_of_the_handler() -> None:
    async def accepting(ws: WebSocket) -> WebSocket:
        await ws.accept()
        return ws

    async def handler(ws: WebSocket, accepted: Annotated[WebSocket, use(accepting)]) -> None:
        assert ws is accepted
        await ws.send_text("a")

    connection = server()
    await compile_handler(handler, []).call(connection.websocket())
    assert connection.sent_types == ["accept", "send"]


async def test_factories_run_depth_first_in_order_of_declaration() -> None:
    order: list[str] = []

    def leaf() -> None:
        order.append("leaf")

    async def left(made: Annotated[None, use(leaf)]) -> None:
        order.append("left")

    def right() -> Resource[None]:
        order.append("right")
        yield None
        order.append("right again")

    async def handler(a: Annotated[None, use(left)], b: Annotated[None, use(right)]) -> None:
        order.append("handler")

    await call(handler)
    assert order == ["leaf", "left", "right", "handler", "right again"]


async def test_without_factories_the_handlers_own_coroutine_is_awaited() -> None:
    async def handler(ws: WebSocket, n: int) -> int:
        return n

    handling: Any = compile_handler(handler, []).call(server(query=b"n=5").websocket())
    assert handling.cr_code is handler.__code__
    assert await handling == 5


# Factories that end the connection


async def denying(ws: WebSocket) -> None:
    await ws.send_denial_response(404)


async def denying_generator(ws: WebSocket) -> AsyncResource[None]:
    await ws.close()
    if ws.scope["path"] == "nowhere":
        yield None


async def denying_and_cleaning_up(ws: WebSocket) -> AsyncResource[None]:
    await ws.close()
    yield None
    ws.state.cleaned = "denying"


def cleaning_up(ws: WebSocket) -> Resource[None]:
    yield None
    ws.state.cleaned = "first"


@pytest.mark.parametrize("factory", [denying, denying_generator, denying_and_cleaning_up])
async def test_h12_trap_when_a_factory_denies_the_handshake_the_handler_is_not_called(factory: Any) -> None:
    async def never(*_: object) -> None:
        raise AssertionError("this must not be called")

    def later() -> None:
        raise AssertionError("nor this")

    async def alone(denied: Any) -> None:
        await never(denied)

    async def handler(first: Annotated[None, use(cleaning_up)], denied: Any, late: Annotated[None, use(later)]) -> None:
        await never(first, denied, late)

    alone.__annotations__["denied"] = handler.__annotations__["denied"] = Annotated[None, use(factory)]
    for function in (alone, handler):
        connection = server()
        websocket = connection.websocket()
        assert await compile_handler(function, []).call(websocket) is None
        assert connection.sent_types[0] in ("close", "http.response.start")
    assert websocket.state.cleaned == "first"


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_h12_trap_a_generator_that_ends_before_its_yield_is_a_clear_error(kind: str) -> None:
    def empty() -> Resource[int]:
        if kind == "never":
            yield 5

    async def async_empty() -> AsyncResource[int]:
        if kind == "never":
            yield 5

    async def handler(n: Any) -> None: ...

    factory: Any = empty if kind == "plain" else async_empty
    handler.__annotations__["n"] = Annotated[int, use(factory)]
    with pytest.raises(RuntimeError, match=r"empty\(\) ended without a yield, and without closing the connection"):
        await call(handler)


async def test_h12_trap_errors_of_factories_before_their_yield_go_on_and_the_others_clean_up() -> None:
    seen: list[BaseException] = []

    async def watching() -> AsyncResource[None]:
        try:
            yield None
        except HTTPException as error:
            seen.append(error)
            raise

    async def refusing(allowed: bool) -> AsyncResource[None]:
        if not allowed:
            raise HTTPException(403, "no")
        yield None

    async def handler(a: Annotated[None, use(watching)], b: Annotated[None, use(refusing)]) -> None: ...

    with pytest.raises(HTTPException, match="403 no") as caught:
        await call(handler, query=b"allowed=0")
    assert seen == [caught.value]


async def test_h12_a_client_that_has_left_when_a_factory_accepts_ends_the_connection_orderly() -> None:
    async def handler(ws: Annotated[WebSocket, use(ws_factory)]) -> None:
        raise AssertionError("this must not be called")

    connection = Server()
    connection._messages.clear()
    connection.feed({"type": "websocket.disconnect", "code": 1006})
    with pytest.raises(WebSocketDisconnect):
        await compile_handler(handler, []).call(connection.websocket())


async def test_a_plan_for_requests_does_not_ask_whether_they_are_closed() -> None:
    async def handler(request: Request, made: Annotated[str, use(async_generator)]) -> str:
        return made

    async def receive() -> Any: ...

    request = Request({"type": "http", "query_string": b"n=5", "headers": []}, receive)
    assert await compile_handler(handler, [], connection_type=Request).call(request) == "async generator 5"


# Circles


def chicken(egg: Any) -> None: ...


def egg(chicken: Annotated[None, use(chicken)]) -> None: ...


chicken.__annotations__["egg"] = Annotated[None, use(egg, reuse=True)]


def test_factories_that_ask_for_each_other_are_a_mistake() -> None:
    async def handler(a: Annotated[None, use(chicken)], b: Annotated[None, use(chicken)]) -> None: ...

    (mistake,) = compile_handler(handler, []).mistakes
    assert mistake.text == "the factories ask for each other in a circle: chicken -> egg -> chicken"
    assert (mistake.file, mistake.line) == (__file__, chicken.__code__.co_firstlineno)


def test_a_handler_is_no_factory_of_itself() -> None:
    async def handler(a: Any) -> None: ...

    handler.__annotations__["a"] = Annotated[None, use(handler)]
    (text,) = mistakes(handler)
    assert text.endswith("handler -> test_a_handler_is_no_factory_of_itself.<locals>.handler")
