"""The watch over a peer that takes nothing."""

import anyio
import pytest

from tests.asgi_bridge.exchanges import Call
from tests.asgi_bridge.memory import MemoryRuntime, MemoryTransport, settle
from wsserve.asgi_bridge.backpressure import OutputFlow


class Owner:
    """Stands for the session."""

    def __init__(self, high_water: int = 10) -> None:
        self.runtime = MemoryRuntime()
        self.transport = MemoryTransport(high_water)
        self.transport.session = self
        self.transport.stalled = True
        self.flow = OutputFlow(self.transport, self.runtime, 20.0)

    def pause_writing(self) -> None:
        self.flow.pause()

    def resume_writing(self) -> None:
        self.flow.resume()

    def connection_lost(self) -> None:
        self.flow.end()


def test_a3_no_progress_for_write_timeout_aborts() -> None:
    owner = Owner()
    owner.transport.write(bytes(11))
    assert owner.flow.blocked
    owner.runtime.advance(19.9)
    assert not owner.transport.is_aborted()
    owner.runtime.advance(0.1)
    assert owner.transport.is_aborted()
    assert owner.runtime.pending == []


def test_a3_any_progress_gives_another_write_timeout() -> None:
    owner = Owner(100)
    owner.transport.write(bytes(101))
    for _ in range(5):
        owner.transport.take(1)
        owner.runtime.advance(20)
        assert not owner.transport.is_aborted()
    owner.runtime.advance(20)
    assert owner.transport.is_aborted()


def test_no_watch_when_there_is_room() -> None:
    owner = Owner()
    owner.transport.write(bytes(10))
    assert not owner.flow.blocked
    assert owner.runtime.pending == []
    owner.transport.write(b"x")
    assert owner.runtime.pending == [20]
    owner.transport.take()
    assert not owner.flow.blocked
    assert owner.runtime.pending == []


def test_pausing_twice_leaves_one_timer() -> None:
    owner = Owner()
    owner.flow.pause()
    owner.flow.pause()
    owner.flow.end()
    owner.flow.end()
    assert owner.runtime.pending == []


def test_no_watch_after_the_end() -> None:
    owner = Owner()
    owner.flow.end()
    owner.transport.write(bytes(11))
    assert owner.runtime.pending == []


@pytest.mark.anyio
async def test_a3_those_who_wait_go_on_when_there_is_room() -> None:
    owner = Owner()
    owner.flow.pause()
    async with anyio.create_task_group() as tasks:
        calls = [Call(), Call()]
        for call in calls:
            tasks.start_soon(call.run, owner.flow.wait)
        await settle()
        assert not any(call.is_done() for call in calls)
        owner.flow.resume()
        await settle()
        assert all(call.is_done() for call in calls)
        await owner.flow.wait()


@pytest.mark.anyio
async def test_g4_those_who_wait_go_on_at_the_end() -> None:
    owner = Owner()
    owner.flow.pause()
    async with anyio.create_task_group() as tasks:
        call = Call()
        tasks.start_soon(call.run, owner.flow.wait)
        await settle()
        owner.flow.end()
        await settle()
        assert call.is_done()
    assert owner.flow.blocked


@pytest.mark.anyio
async def test_those_who_wait_look_again_when_there_is_room_for_a_moment() -> None:
    owner = Owner()
    owner.flow.pause()
    async with anyio.create_task_group() as tasks:
        call = Call()
        tasks.start_soon(call.run, owner.flow.wait)
        await settle()
        owner.flow.resume()
        owner.flow.pause()
        await settle()
        assert not call.is_done()
        owner.flow.end()
