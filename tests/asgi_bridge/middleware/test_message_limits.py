"""N18: a connection whose client sends too much ends with 1008, and the application sees nothing of that."""

from collections.abc import Awaitable

import anyio
import pytest

from tests.asgi_bridge.double import GoneError, Server, binary, disconnect, text
from wsserve.asgi_bridge.exceptions import ClientDisconnected, WebSocketDisconnect
from wsserve.asgi_bridge.middleware.message_limits import MessageLimits
from wsserve.asgi_bridge.middleware.token_bucket import Rate
from wsserve.asgi_bridge.types import Message
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio

CONNECT = {"type": "websocket.connect"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def limited(
    server: Server, messages: Rate | None = None, size: Rate | None = None, clock: Clock | None = None
) -> MessageLimits:
    return MessageLimits(server.receive, server.send, messages, size, clock or Clock())


async def received(limits: MessageLimits, count: int) -> list[Message]:
    assert await limits.receive() == CONNECT
    return [await limits.receive() for _ in range(count)]


async def test_so_many_messages_and_not_one_more() -> None:
    server = Server(*[text("a")] * 5)
    limits = limited(server, Rate(3))
    *delivered, last = await received(limits, 4)
    assert delivered == [text("a")] * 3
    assert last == disconnect(1008, "too many messages")
    assert server.sent == [{"type": "websocket.close", "code": 1008, "reason": "too many messages"}]
    assert server.left == 2  # the fifth, and the server's own disconnect: nothing more is delivered
    with pytest.raises(ClientDisconnected) as gone:
        await limits.receive()
    assert (gone.value.code, gone.value.reason) == (1008, "too many messages")


async def test_so_many_bytes_and_not_one_more() -> None:
    server = Server(binary(b"12345"), text("12"), text("\u00e9"), text("1"), {**text("1"), "bytes": None})
    limits = limited(server, size=Rate(10))
    *delivered, last = await received(limits, 5)
    assert delivered == [binary(b"12345"), text("12"), text("\u00e9"), text("1")]
    assert last == disconnect(1008, "too many bytes")


async def test_messages_without_bytes_cost_none() -> None:
    empty = {"type": "websocket.receive"}
    limits = limited(Server(*[empty] * 5), Rate(5), Rate(1))
    assert await received(limits, 5) == [empty] * 5


async def test_what_is_slow_enough_goes_on_for_ever() -> None:
    clock = Clock()
    limits = limited(Server(*[text("ab")] * 100), Rate(4), Rate(8), clock)
    assert await limits.receive() == CONNECT
    for _ in range(100):
        assert await limits.receive() == text("ab")
        clock.now += 0.25


async def test_lone_surrogates_are_counted_not_raised() -> None:
    limits = limited(Server(text("\ud800")), size=Rate(10))
    assert await received(limits, 1) == [text("\ud800")]


async def test_after_the_end_sending_finds_the_client_gone_but_closing_is_taken() -> None:
    server = Server(text("a"), text("b"))
    limits = limited(server, Rate(1))
    await received(limits, 2)
    sent = list(server.sent)
    with pytest.raises(ClientDisconnected, match="too many messages"):
        await limits.send({"type": "websocket.send", "text": "x"})
    await limits.send({"type": "websocket.close", "code": 1000, "reason": ""})
    assert server.sent == sent


async def test_after_the_applications_own_close_there_is_nothing_to_close() -> None:
    server = Server(*[text("a")] * 3)
    limits = limited(server, Rate(1))
    await limits.send({"type": "websocket.close", "code": 1000, "reason": ""})
    assert await received(limits, 3) == [text("a")] * 3
    assert server.sent_types == ["close"]


async def test_a_client_that_has_left_is_no_error() -> None:
    server = Server(*[text("a")] * 3)
    server.error = GoneError()
    assert (await received(limited(server, Rate(1)), 2))[1] == disconnect(1008, "too many messages")


async def test_a_receive_that_is_given_up_closes_all_the_same() -> None:
    server = Server(text("a"), text("b"))
    limits = limited(server, Rate(1))
    await received(limits, 1)
    gate = server.hold()
    async with anyio.create_task_group() as group:

        async def receive() -> None:
            with scope:
                await limits.receive()

        scope = anyio.CancelScope()
        group.start_soon(receive)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        gate.set()
    assert server.sent_types == ["close"]


async def test_a_websocket_sees_a_disconnect() -> None:
    server = Server(text("a"), text("b"))
    limits = limited(server, Rate(1))
    websocket = WebSocket(server.scope, limits.receive, limits.send)
    await websocket.accept()
    assert await websocket.receive_text() == "a"
    with pytest.raises(WebSocketDisconnect) as ended:
        await websocket.receive_text()
    assert (ended.value.code, ended.value.reason) == (1008, "too many messages")
    await websocket.close()
    assert server.sent_types == ["accept", "close"]


async def test_the_servers_own_awaitable_is_handed_through() -> None:
    async def send(message: Message) -> None:
        pass

    handed: list[Awaitable[None]] = []

    def keep(message: Message) -> Awaitable[None]:
        handed.append(send(message))
        return handed[-1]

    limits = MessageLimits(Server().receive, keep, Rate(1), None, Clock())
    awaitable = limits.send({"type": "websocket.send", "text": "x"})
    assert awaitable is handed[0]
    await awaitable
