"""N18 and the limits of user-needs 23: exactly N are let in, the next one is not, and every count is given back."""

from collections.abc import Hashable
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket as StarletteWebSocket
from starlette.websockets import WebSocketDisconnect as StarletteWebSocketDisconnect

from tests.asgi_bridge.double import Server, text, websocket_scope
from tests.end_to_end.raw_client import CLOSE, TEXT, frame, upgrade_head
from tests.server.live import live
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.middleware.rate_limit import RateLimitMiddleware, client_network
from wsserve.asgi_bridge.middleware.token_bucket import Rate
from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "reached"})


async def status(middleware: RateLimitMiddleware, **scope: Any) -> tuple[int, dict[bytes, bytes]]:
    """Return what a connection gets that ends at once: 0 for the application."""
    server = Server(**scope)
    await middleware(server.scope, server.receive, server.send)
    start = server.sent[0]
    return start.get("status", 0), dict(start.get("headers", ()))


async def statuses(middleware: RateLimitMiddleware, count: int, **scope: Any) -> list[int]:
    return [(await status(middleware, **scope))[0] for _ in range(count)]


class Held:
    """An application that keeps its connections until each is told how to end."""

    def __init__(self) -> None:
        self.open = 0
        self.end = anyio.Event()
        self.error: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.open += 1
        try:
            await self.end.wait()
            if self.error is not None:
                raise self.error
        finally:
            self.open -= 1


@pytest.mark.parametrize(
    ("client", "network"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("::ffff:192.0.2.1", 1), "192.0.2.1"),
        (("/tmp/socket", None), "/tmp/socket"),
        (("testclient", 1), "testclient"),
        (None, ""),
    ],
)
def test_n18_the_client_is_told_by_its_address(client: Any, network: str) -> None:
    assert client_network(ConnectionData(websocket_scope(client=client))) == network


def test_n18_an_ipv6_client_is_told_by_its_network() -> None:
    def key(host: str) -> Hashable:
        return client_network(ConnectionData(websocket_scope(client=(host, 1))))

    assert key("2001:db8::1") == key("2001:db8:0:0:ffff::2") != key("2001:db8:0:1::1")
    assert key("fe80::1%eth0") == key("fe80::2")


async def test_n18_so_many_connections_and_not_one_more() -> None:
    held = Held()
    middleware = RateLimitMiddleware(held, connections=3)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(status_of_held, middleware)
        await anyio.wait_all_tasks_blocked()
        assert held.open == 3
        code, headers = await status(middleware)
        assert (code, headers[b"retry-after"]) == (429, b"1")
        server = Server(extensions={})
        await middleware(server.scope, server.receive, server.send)
        assert server.sent_types == ["close"]
        group.start_soon(status_of_held, middleware, {"client": ("192.0.2.9", 1)})
        await anyio.wait_all_tasks_blocked()
        assert held.open == 4
        held.end.set()
    assert len(middleware._clients) == 0


async def status_of_held(middleware: RateLimitMiddleware, scope: dict[str, Any] | None = None) -> None:
    server = Server(**(scope or {}))
    await middleware(server.scope, server.receive, server.send)


@pytest.mark.parametrize("how", ["return", "error", "cancelled"])
async def test_n18_a_count_is_given_back_however_a_connection_ends(how: str) -> None:
    held = Held()
    middleware = RateLimitMiddleware(held, connections=1)

    async def connect() -> None:
        if how == "error":
            held.error = ValueError("broken")
            with pytest.raises(ValueError, match="broken"):
                await status_of_held(middleware)
        else:
            await status_of_held(middleware)

    for _ in range(3):
        held.end = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(connect)
            await anyio.wait_all_tasks_blocked()
            assert held.open == len(middleware._clients) == 1
            assert await statuses(middleware, 2) == [429, 429]
            if how == "cancelled":
                group.cancel_scope.cancel()
            held.end.set()
        assert held.open == len(middleware._clients) == 0


async def test_n18_so_fast_and_not_faster() -> None:
    clock = Clock()
    middleware = RateLimitMiddleware(app, new_connections=Rate(3, per=10), clock=clock)
    assert await statuses(middleware, 5) == [0, 0, 0, 429, 429]
    assert (await status(middleware))[1][b"retry-after"] == b"4"  # seconds, rounded up
    clock.now = 4.0
    assert await statuses(middleware, 2) == [0, 429]
    assert (await status(middleware, client=("192.0.2.9", 1)))[0] == 0


async def test_n18_http_requests_count_when_asked() -> None:
    request: dict[str, Any] = {"type": "http"}
    assert await statuses(RateLimitMiddleware(app, new_connections=Rate(1)), 3, **request) == [0, 0, 0]
    middleware = RateLimitMiddleware(app, new_connections=Rate(1), messages=Rate(1), http_requests=True)
    assert await statuses(middleware, 3, **request) == [0, 429, 429]
    assert await statuses(middleware, 3, type="lifespan") == [0, 0, 0]


async def test_n18_clients_are_told_apart_as_asked() -> None:
    def key(connection: ConnectionData) -> str | None:
        return connection.headers.get("x-user")

    middleware = RateLimitMiddleware(app, new_connections=Rate(1, per=60), key=key)
    assert await statuses(middleware, 2, headers=[(b"x-user", b"a")]) == [0, 429]
    assert await statuses(middleware, 2, headers=[(b"x-user", b"b")]) == [0, 429]
    assert await statuses(middleware, 5, headers=[]) == [0] * 5


async def test_n18_without_limits_for_messages_the_callables_are_the_servers() -> None:
    seen = []

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((receive, send))

    server = Server()
    for middleware in (
        RateLimitMiddleware(look),
        RateLimitMiddleware(look, connections=1),
        RateLimitMiddleware(look, new_connections=Rate(5)),
    ):
        await middleware(server.scope, server.receive, server.send)
    assert seen == [(server.receive, server.send)] * 3


async def test_n18_too_many_messages_end_the_connection() -> None:
    delivered: list[str] = []

    @websocket_app
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in websocket.iter_text():
            delivered.append(message)

    for middleware in (RateLimitMiddleware(handler, messages=Rate(2)), RateLimitMiddleware(handler, bytes=Rate(2))):
        delivered.clear()
        server = Server(*[text("a")] * 5)
        await middleware(server.scope, server.receive, server.send)
        assert delivered == ["a", "a"]
        assert server.sent_types == ["accept", "close"]
        assert server.sent[-1]["code"] == 1008


async def test_n18_too_many_messages_over_the_wire() -> None:
    @websocket_app
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in websocket.iter_text():
            await websocket.send_text(message)

    limited = RateLimitMiddleware(handler, messages=Rate(2, per=3600), connections=1)
    async with live(limited, lifespan="off") as server:
        for _ in range(2):  # the second connection has its own count
            async with server.websocket() as peer:
                async with server.peer() as other:
                    await other.send(upgrade_head("/"))
                    assert (await other.response()).status == 429
                await peer.send(frame(TEXT, b"a") * 3)
                frames = [await peer.frame() for _ in range(3)]
                assert [found.payload for found in frames[:2]] == [b"a", b"a"]
                assert frames[2].close == (1008, "too many messages")
                await peer.send(frame(CLOSE, frames[2].payload))
                assert await peer.rest() == b""


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"messages": 20}, TypeError, "messages is a Rate such as .* not 20"),
        ({"bytes": "1/s"}, TypeError, "bytes is a Rate"),
        ({"new_connections": 1.0}, TypeError, "new_connections is a Rate"),
        ({"connections": 0}, ValueError, "connections is a number above 0, not 0"),
        ({"connections": Rate(1)}, ValueError, "connections is a number"),
        ({"max_idle_clients": None}, ValueError, "max_idle_clients is a number"),
    ],
)
def test_n18_a_limit_that_is_none_is_found_at_once(options: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        RateLimitMiddleware(app, **options)


async def echo(websocket: StarletteWebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_text():
        await websocket.send_text(message)


def test_n18_in_front_of_starlette() -> None:
    routes = [WebSocketRoute("/", echo), Route("/", lambda request: PlainTextResponse("page"))]
    limited = RateLimitMiddleware(Starlette(routes=routes), messages=Rate(2, per=3600), connections=1)
    with TestClient(limited) as client:
        for _ in range(2):
            with client.websocket_connect("/") as websocket:
                with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/"):
                    pass
                assert denied.value.status_code == 429
                assert denied.value.headers["retry-after"] == "1"
                for _ in range(3):
                    websocket.send_text("a")
                assert [websocket.receive_text() for _ in range(2)] == ["a", "a"]
                with pytest.raises(StarletteWebSocketDisconnect) as ended:
                    websocket.receive_text()
                assert (ended.value.code, ended.value.reason) == (1008, "too many messages")
        assert client.get("/").text == "page"
