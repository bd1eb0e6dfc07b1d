"""Many peers in one test, in the test's own event loop (row 18)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import anyio.lowlevel
import pytest

from tests.asgi_bridge.testing.apps import echo
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
from wsserve.asgi_bridge.types import ASGIApp
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app

pytestmark = pytest.mark.anyio


def chat() -> ASGIApp:
    """Return an application that sends each text to all who are connected."""
    peers: list[WebSocket] = []

    @websocket_app
    async def app(websocket: WebSocket) -> None:
        await websocket.accept()
        peers.append(websocket)
        try:
            async for text in websocket.iter_text():
                for peer in peers:
                    await peer.send_text(text)
        finally:
            peers.remove(websocket)
            for peer in peers:
                await peer.send_text("somebody left")

    return app


@pytest.fixture
async def client() -> AsyncIterator[AsyncTestClient]:
    async with AsyncTestClient(chat()) as client:
        yield client


async def test_row_18_two_peers(client: AsyncTestClient) -> None:
    async with client.websocket_connect("/") as ann:
        async with client.websocket_connect("/") as bob:
            await ann.send_text("hello")
            for peer in (ann, bob):
                assert await peer.receive_text() == "hello"
        assert await ann.receive_text() == "somebody left"


async def test_row_18_no_task_stays_behind() -> None:
    before = {task.id for task in anyio.get_running_tasks()}
    async with AsyncTestClient(chat()) as client, client.websocket_connect("/") as ws:
        await ws.send_text("x")
        during = {task.id for task in anyio.get_running_tasks()}
    await anyio.lowlevel.checkpoint()
    assert during > before
    assert {task.id for task in anyio.get_running_tasks()} <= before


async def test_row_18_a_hundred_peers(client: AsyncTestClient) -> None:
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(client.websocket_connect(f"/{n}")) for n in range(100)]
        await peers[50].send_text("hello")
        assert [await peer.receive_text() for peer in peers] == ["hello"] * 100


async def test_row_18_peers_in_tasks_of_their_own(client: AsyncTestClient) -> None:
    heard: list[str] = []
    ready = anyio.Event()

    async def listen() -> None:
        async with client.websocket_connect("/") as ws:
            ready.set()
            heard.append(await ws.receive_text())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        await ready.wait()
        async with client.websocket_connect("/") as ws:
            await ws.send_text("hello")
            assert await ws.receive_text() == "hello"
    assert heard == ["hello"]


async def test_row_18_sending_and_receiving_at_the_same_time() -> None:
    async with AsyncTestClient(echo, max_queue=3).websocket_connect("/") as ws, anyio.create_task_group() as tasks:

        async def send() -> None:
            for number in range(100):
                await ws.send_json(number)
            await ws.send_text("close")

        tasks.start_soon(send)
        assert [number async for number in ws.iter_json()] == list(range(100))
        with pytest.raises(WebSocketDisconnect, match="4001"):
            await ws.receive_text()


async def test_row_18_two_who_receive_at_the_same_time() -> None:
    heard: list[str] = []
    async with AsyncTestClient(echo).websocket_connect("/") as ws:

        async def listen() -> None:
            heard.append(await ws.receive_text())

        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(listen)
            await anyio.wait_all_tasks_blocked()
            await ws.send_text("1")
            await anyio.wait_all_tasks_blocked()
            assert heard == ["1"]
            await ws.send_text("2")
    assert heard == ["1", "2"]
