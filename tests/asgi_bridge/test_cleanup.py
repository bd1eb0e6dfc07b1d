"""Cleanups: each once, the newest first, however a connection ends."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.asgi_bridge.double import GoneError, Server, disconnect
from wsserve.asgi_bridge.cleanup import prepare_cleanups, run_cleanups
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.websocket import WebSocket, WebSocketClose
from wsserve.asgi_bridge.websocket_app import websocket_app

pytestmark = pytest.mark.anyio


def register(websocket: WebSocket) -> list[str]:
    """Register three cleanups, of which the second fails; return the list that they write to."""
    ran: list[str] = []

    async def second() -> None:
        ran.append("second")
        await anyio.lowlevel.checkpoint()
        raise ZeroDivisionError

    async def third() -> None:
        await anyio.lowlevel.checkpoint()
        ran.append("third")

    websocket.add_cleanup(functools.partial(ran.append, "first"))
    websocket.add_cleanup(second)
    websocket.add_cleanup(third)
    return ran


ALL = ["third", "second", "first"]


async def own_close(server: Server, websocket: WebSocket) -> None:
    await websocket.close()


async def receive(server: Server, websocket: WebSocket) -> None:
    server.feed(disconnect())
    with pytest.raises(WebSocketDisconnect):
        await websocket.receive_text()


async def raw_receive(server: Server, websocket: WebSocket) -> None:
    server.feed(disconnect())
    await websocket.receive()


async def iterate(server: Server, websocket: WebSocket) -> None:
    server.feed(disconnect())
    async for _ in websocket:
        pass


async def wait(server: Server, websocket: WebSocket) -> None:
    server.feed(disconnect())
    await websocket.wait_closed()


async def send(server: Server, websocket: WebSocket) -> None:
    server.error = GoneError()
    with pytest.raises(WebSocketDisconnect):
        await websocket.send_text("a")


async def raw_close(server: Server, websocket: WebSocket) -> None:
    await websocket.send({"type": "websocket.close"})


async def close_of_a_gone_client(server: Server, websocket: WebSocket) -> None:
    server.error = GoneError()
    await websocket.close()


async def close_that_fails(server: Server, websocket: WebSocket) -> None:
    server.error = RuntimeError("no")
    with pytest.raises(RuntimeError, match="no"):
        await websocket.close()
    server.error = None


async def another_object(server: Server, websocket: WebSocket) -> None:
    await WebSocket(dict(server.scope), server.receive, server.send).close()


async def websocket_close(server: Server, websocket: WebSocket) -> None:
    await WebSocketClose()(server.scope, server.receive, server.send)


async def host(server: Server, websocket: WebSocket) -> None:
    await run_cleanups(server.scope)


async def end_of_a_block(server: Server, websocket: WebSocket) -> None:
    async with websocket:
        pass


WAYS = [
    own_close,
    receive,
    raw_receive,
    iterate,
    wait,
    send,
    raw_close,
    close_of_a_gone_client,
    close_that_fails,
    another_object,
    websocket_close,
    host,
    end_of_a_block,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_l39_each_runs_once_last_in_first_out_however_it_ends(
    way: Callable[[Server, WebSocket], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()
    websocket = await server.accepted()
    ran = register(websocket)
    await way(server, websocket)
    assert ran == ALL
    await websocket.close()
    await run_cleanups(server.scope)
    assert ran == ALL
    assert [record.name for record in caplog.records] == ["wsserve.websocket"]
    assert caplog.records[0].exc_info is not None
    assert "The cleanup" in caplog.text


@pytest.mark.parametrize("way", ["close", "denial", "disconnect"])
async def test_l39_before_accept(way: str) -> None:
    server = Server(disconnect(1006))
    websocket = server.websocket()
    ran = register(websocket)
    if way == "close":
        await websocket.close()
    elif way == "denial":
        await websocket.send_denial_response()
    else:
        await server.receive()
        with pytest.raises(WebSocketDisconnect):
            await websocket.accept()
    assert ran == ALL


@pytest.mark.parametrize("error", [None, ZeroDivisionError(), WebSocketDisconnect(), KeyboardInterrupt()], ids=repr)
async def test_l39_hosted_handler_returns_or_raises(error: BaseException | None) -> None:
    server = Server()
    ran: list[str] = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        ran.extend(register(websocket))
        websocket.add_cleanup(lambda: ran.append("handler"))
        if error is not None:
            raise error

    try:
        await websocket_app(handler)(server.scope, server.receive, server.send)
    except (ZeroDivisionError, KeyboardInterrupt) as caught:
        assert caught is error  # noqa: PT017  # two of the four raise
    assert ran == ["handler"]


async def test_l39_hosted_handler_is_cancelled() -> None:
    server = Server()
    ran: list[str] = []

    async def handler(websocket: WebSocket) -> None:
        nonlocal ran
        await websocket.accept()
        ran = register(websocket)
        await websocket.receive_text()

    async def host() -> None:
        await websocket_app(handler)(server.scope, server.receive, server.send)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(host)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert ran == ALL
    assert server.sent_types == ["accept"]


async def test_l39_below_a_middleware_that_copies_the_scope() -> None:
    server = Server()
    prepare_cleanups(server.scope)
    ran = register(WebSocket(dict(server.scope), server.receive, server.send))
    await run_cleanups(server.scope)
    assert ran == ALL


async def test_l39_a_scope_without_cleanups() -> None:
    await run_cleanups(Server().scope)
    await run_cleanups({"type": "http"})


async def test_l39_added_after_the_end_runs_with_the_next_close_or_the_hosts_end() -> None:
    server = Server()
    websocket = await server.accepted()
    await websocket.close()
    ran: list[int] = []
    websocket.add_cleanup(lambda: ran.append(1))
    assert ran == []
    await websocket.close()
    assert ran == [1]
    websocket.add_cleanup(lambda: ran.append(2))
    await run_cleanups(server.scope)
    assert ran == [1, 2]


async def test_l39_added_by_a_cleanup_runs_too() -> None:
    websocket = await Server().accepted()
    ran: list[int] = []

    def cleanup() -> None:
        websocket.add_cleanup(lambda: ran.append(2))
        ran.append(1)

    websocket.add_cleanup(cleanup)
    await websocket.close()
    assert ran == [1, 2]


async def test_l39_a_cleanup_may_close() -> None:
    server = Server(disconnect())
    websocket = await server.accepted()
    websocket.add_cleanup(websocket.close)
    await websocket.receive()
    assert websocket.application_state == 2


@pytest.mark.parametrize("function", [None, 5, "close"])
async def test_l39_what_cannot_be_called_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match=r"add_cleanup\(\) takes a function without arguments"):
        Server().websocket().add_cleanup(function)


async def test_l39_a_coroutine_is_no_function() -> None:
    coroutine: Any = anyio.lowlevel.checkpoint()
    with pytest.raises(TypeError):
        Server().websocket().add_cleanup(coroutine)
    coroutine.close()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError()], ids=repr)
async def test_l39_an_interruption_comes_after_the_others_have_run(error: BaseException) -> None:
    websocket = await Server().accepted()
    ran = register(websocket)

    def interrupt(another: BaseException) -> None:
        raise another

    websocket.add_cleanup(functools.partial(interrupt, KeyboardInterrupt()))
    websocket.add_cleanup(functools.partial(interrupt, error))
    with pytest.raises(type(error)) as caught:
        await websocket.close()
    assert caught.value is error
    assert ran == ALL


async def test_l39_two_ends_at_once_run_each_once() -> None:
    server = Server()
    websocket = await server.accepted()
    ran = register(websocket)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(websocket.receive)
        tasks.start_soon(websocket.wait_closed)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(websocket.close)
        tasks.start_soon(websocket.close)
        tasks.start_soon(run_cleanups, server.scope)
    assert sorted(ran) == sorted(ALL)
    assert server.sent_types == ["close"]


async def test_l39_a_close_within_a_close_does_nothing() -> None:
    server = Server()
    websocket = await server.accepted()
    gate = server.hold()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(websocket.close)
        await anyio.wait_all_tasks_blocked()
        await websocket.close(4000)
        gate.set()
    assert server.sent == [{"type": "websocket.close", "code": 1000, "reason": ""}]


async def test_a_cleanup_that_takes_too_long_is_cut_and_the_others_run(caplog: pytest.LogCaptureFixture) -> None:
    ran = []

    async def stuck() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ran.append("cut")

    websocket = await Server().accepted()
    websocket.add_cleanup(functools.partial(ran.append, "other"))
    websocket.add_cleanup(stuck, timeout=0.01)
    with anyio.fail_after(5):
        await websocket.close()
    assert ran == ["cut", "other"]
    assert "of a WebSocket took over 0.01 s" in caplog.text
