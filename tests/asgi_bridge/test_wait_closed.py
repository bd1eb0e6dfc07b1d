"""Waiting for the end of a connection, beside everything else that a handler does."""

import contextlib
from collections.abc import Awaitable, Callable

import anyio
import pytest

from tests.asgi_bridge.double import GoneError, Server, binary, disconnect, text
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect, WebSocketFrameTypeError, WebSocketRuntimeError
from wsserve.asgi_bridge.receiver import MAX_WAITING_MESSAGES, MAX_WAITING_SIZE
from wsserve.asgi_bridge.types import Message
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio


async def test_wait_closed_returns_the_code() -> None:
    websocket = await Server(disconnect(4001, "bye")).accepted()
    assert await websocket.wait_closed() == 4001
    assert await websocket.wait_closed() == 4001
    assert (websocket.close_code, websocket.close_reason, websocket.closed) == (4001, "bye", True)


async def test_wait_closed_needs_an_accepted_connection() -> None:
    with pytest.raises(WebSocketRuntimeError, match=r"call accept\(\) first"):
        await Server().websocket().wait_closed()


async def test_wait_closed_makes_a_sending_handler_see_the_end() -> None:
    server = Server()
    websocket = await server.accepted()

    async def send_for_ever() -> None:
        for number in range(1000):
            await websocket.send_text(str(number))
            if number == 5:
                server.feed(disconnect(1001))
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_for_ever)
            assert await websocket.wait_closed() == 1001
            tasks.cancel_scope.cancel()
    assert 5 < len(server.sent) < 100


async def test_wait_closed_keeps_messages_for_a_later_receive() -> None:
    websocket = await Server(text("a"), binary(b"b"), disconnect(1001)).accepted()
    assert await websocket.wait_closed() == 1001
    assert await websocket.receive_text() == "a"
    assert await websocket.receive_bytes() == b"b"
    with pytest.raises(WebSocketDisconnect):
        await websocket.receive_text()
    with pytest.raises(WebSocketRuntimeError):
        await websocket.receive_text()


async def test_wait_closed_beside_a_receive_that_came_first() -> None:
    server = Server()
    websocket = await server.accepted()
    seen: list[object] = []

    async def receive() -> None:
        seen.append(await websocket.receive_text())
        seen.append(await websocket.receive_text())

    async def wait() -> None:
        seen.append(await websocket.wait_closed())

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(wait)
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            server.feed(text("a"), text("b"), disconnect(1001))
    assert sorted(seen, key=str) == [1001, 1001, "a", "b"]


@pytest.mark.parametrize("message", [text("1"), binary(b"1")])
@pytest.mark.parametrize(
    "receive",
    [
        WebSocket.receive,
        WebSocket.receive_text,
        WebSocket.receive_bytes,
        WebSocket.receive_json,
        lambda websocket: anext(websocket.iter_json("binary")),
        lambda websocket: anext(aiter(websocket)),
    ],
)
async def test_wait_closed_goes_on_when_a_receive_has_its_message(
    receive: Callable[[WebSocket], Awaitable[object]], message: Message
) -> None:
    server = Server()
    websocket = await server.accepted()

    async def receive_one() -> None:
        with contextlib.suppress(WebSocketFrameTypeError):
            await receive(websocket)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive_one)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(websocket.wait_closed)
            await anyio.wait_all_tasks_blocked()
            server.feed(message)
            await anyio.wait_all_tasks_blocked()
            server.feed(disconnect(4000))
    assert websocket.close_code == 4000


async def test_wait_closed_beside_a_receive_that_came_later() -> None:
    server = Server()
    websocket = await server.accepted()
    seen: list[object] = []

    async def receive() -> None:
        seen.extend([message async for message in websocket])

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(websocket.wait_closed)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(receive)
            await anyio.wait_all_tasks_blocked()
            server.feed(*(text(str(number)) for number in range(100)), disconnect())
    assert seen == [str(number) for number in range(100)]


async def test_two_receives_both_learn_of_the_end() -> None:
    server = Server()
    websocket = await server.accepted()
    ends: list[WebSocketDisconnect] = []

    async def receive() -> None:
        with pytest.raises(WebSocketDisconnect) as caught:
            await websocket.receive_text()
        ends.append(caught.value)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive)
            tasks.start_soon(receive)
            await anyio.wait_all_tasks_blocked()
            server.feed(disconnect(4000))
    assert [error.code for error in ends] == [4000, 4000]


@pytest.mark.parametrize(
    ("message", "kept"),
    [("a", MAX_WAITING_MESSAGES), ("a" * (MAX_WAITING_SIZE // 4), 4), ("a" * MAX_WAITING_SIZE * 2, 1)],
)
async def test_wait_closed_keeps_no_more_than_its_bounds(message: str, kept: int) -> None:
    server = Server(*[text(message)] * 40, disconnect(1001))
    websocket = await server.accepted()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(websocket.wait_closed)
            await anyio.wait_all_tasks_blocked()
            assert server.left == 41 - kept
            assert not websocket.closed
            assert await websocket.receive_text() == message
            await anyio.wait_all_tasks_blocked()
            assert server.left == 40 - kept
            assert [len(other) async for other in websocket.iter_text()] == [len(message)] * 39
    assert websocket.close_code == 1001


async def test_wait_closed_may_discard_instead() -> None:
    websocket = await Server(*[text("a")] * 40, disconnect(1001)).accepted()
    assert await websocket.wait_closed(discard=True) == 1001
    with pytest.raises(WebSocketDisconnect):
        await websocket.receive_text()


async def test_wait_closed_sees_the_own_close() -> None:
    server = Server()
    websocket = await server.accepted()
    codes: list[int] = []

    async def wait() -> None:
        codes.append(await websocket.wait_closed())

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            await websocket.close(4000)
    assert codes == [4000]


async def test_wait_closed_with_all_room_taken_sees_the_own_close() -> None:
    websocket = await Server(*[text("a")] * 40).accepted()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(websocket.wait_closed)
            await anyio.wait_all_tasks_blocked()
            await websocket.close(4000)
    assert websocket.close_code == 4000


async def test_wait_closed_with_all_room_taken_sees_what_a_send_found() -> None:
    server = Server(*[text("a")] * 40)
    websocket = await server.accepted()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(websocket.wait_closed)
            await anyio.wait_all_tasks_blocked()
            server.error = GoneError()
            with pytest.raises(WebSocketDisconnect):
                await websocket.send_text("a")


async def test_wait_closed_after_a_denial() -> None:
    server = Server()
    websocket = server.websocket()
    await websocket.receive()
    await websocket.close()
    assert await websocket.wait_closed() == 1000


async def test_wait_closed_cancelled_loses_nothing() -> None:
    server = Server()
    websocket = await server.accepted()
    with anyio.move_on_after(0.01):
        await websocket.wait_closed()
    server.feed(text("a"))
    assert await websocket.receive_text() == "a"


async def test_n13_two_objects_on_one_scope_receive_in_turn() -> None:
    server = Server()
    middleware = await server.accepted()
    handler = WebSocket(dict(server.scope), server.receive, server.send)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(middleware.wait_closed)
            await anyio.wait_all_tasks_blocked()
            server.feed(text("a"), text("b"))
            assert await handler.receive_text() == "a"
            assert await handler.receive_text() == "b"
            server.feed(disconnect())
    assert handler.closed


async def test_n13_a_wrapped_receive_sees_each_message_once() -> None:
    server = Server()
    outer = await server.accepted()
    seen: list[str] = []

    async def receive() -> Message:
        message = await outer.receive()
        seen.append(message["type"])
        return message

    inner = WebSocket(dict(server.scope), receive, outer.send)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outer.wait_closed)
            tasks.start_soon(inner.wait_closed)
            await anyio.wait_all_tasks_blocked()
            server.feed(text("a"))
            assert await inner.receive_text() == "a"
            server.feed(disconnect(4000))
    assert seen.count("websocket.receive") == 1
    assert (inner.close_code, outer.close_code) == (4000, 4000)


async def test_cancel_on_disconnect_ends_a_handler_that_only_sends() -> None:
    server = Server()
    websocket = await server.accepted()
    reached = []
    with anyio.fail_after(5):
        async with websocket.cancel_on_disconnect():
            await websocket.send_text("one")
            server.feed(text("kept"), disconnect(1001))
            await anyio.sleep_forever()
            reached.append("after the end")
    assert (reached, websocket.closed, websocket.close_code) == ([], True, 1001)
    assert await websocket.receive_text() == "kept"


async def test_cancel_on_disconnect_ends_with_its_block() -> None:
    websocket = await Server(text("one")).accepted()
    with anyio.fail_after(5):
        async with websocket.cancel_on_disconnect():
            assert await websocket.receive_text() == "one"
    assert not websocket.closed


async def test_cancel_on_disconnect_hands_on_an_error_as_it_is() -> None:
    websocket = await Server().accepted()
    with pytest.raises(ZeroDivisionError):
        async with websocket.cancel_on_disconnect(discard=True):
            raise ZeroDivisionError


async def test_cancel_on_disconnect_hands_on_cancellation() -> None:
    websocket = await Server().accepted()
    with anyio.move_on_after(0.01) as scope:
        async with websocket.cancel_on_disconnect():
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert not websocket.closed


async def test_cancel_on_disconnect_needs_an_accepted_connection() -> None:
    with pytest.raises(WebSocketRuntimeError, match=r"call accept\(\) first"):
        async with Server().websocket().cancel_on_disconnect():
            pass
