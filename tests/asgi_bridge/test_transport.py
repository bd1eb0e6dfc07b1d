"""Waiting for a change, and deadlines."""

import anyio
import pytest

from tests.asgi_bridge.exchanges import Call
from tests.asgi_bridge.memory import MemoryRuntime, settle
from wsserve.asgi_bridge.transport import Deadline, Gate
from wsserve.server.signals import EventSignal

pytestmark = pytest.mark.anyio


async def test_wake_wakes_all_who_wait_now() -> None:
    gate = Gate(EventSignal)
    async with anyio.create_task_group() as tasks:
        calls = [Call(), Call()]
        for call in calls:
            tasks.start_soon(call.run, gate.wait)
        await settle()
        assert [call.is_done() for call in calls] == [False, False]
        gate.wake()
        await settle()
        assert [call.is_done() for call in calls] == [True, True]


async def test_wake_is_not_for_those_who_come_later() -> None:
    gate = Gate(EventSignal)
    gate.wake()
    async with anyio.create_task_group() as tasks:
        call = Call()
        tasks.start_soon(call.run, gate.wait)
        await settle()
        assert not call.is_done()
        gate.wake()
        gate.wake()
        await settle()
        assert call.is_done()


@pytest.mark.parametrize("cancelled", [0, 1])
async def test_cancelling_one_who_waits_leaves_the_other(cancelled: int) -> None:
    gate = Gate(EventSignal)
    async with anyio.create_task_group() as tasks:
        calls = [Call(), Call()]
        for call in calls:
            tasks.start_soon(call.run, gate.wait)
        await settle()
        calls[cancelled].scope.cancel()
        await settle()
        assert [call.is_done() for call in calls] == [False, False]
        gate.wake()
        await settle()
        assert calls[1 - cancelled].is_done()
        assert not calls[cancelled].is_done()


async def test_one_who_is_woken_and_cancelled_at_once_leaves_nothing_behind() -> None:
    gate = Gate(EventSignal)
    async with anyio.create_task_group() as tasks:
        calls = [Call(), Call()]
        for call in calls:
            tasks.start_soon(call.run, gate.wait)
        await settle()
        gate.wake()
        calls[0].scope.cancel()
        await settle()
        assert calls[1].is_done()
        gate.wake()


def test_a_deadline_is_called_once() -> None:
    runtime = MemoryRuntime()
    calls: list[str] = []
    deadline = Deadline(runtime)
    deadline.set(2, lambda: calls.append("due"))
    runtime.advance(1.9)
    assert calls == []
    runtime.advance(0.1)
    runtime.advance(10)
    assert calls == ["due"]


def test_a_deadline_that_is_set_anew_replaces_the_one_before() -> None:
    runtime = MemoryRuntime()
    calls: list[str] = []
    deadline = Deadline(runtime)
    deadline.set(2, lambda: calls.append("first"))
    deadline.set(3, lambda: calls.append("second"))
    assert runtime.pending == [3]
    runtime.advance(10)
    assert calls == ["second"]


def test_a_deadline_can_be_cancelled_at_any_time() -> None:
    runtime = MemoryRuntime()
    deadline = Deadline(runtime)
    deadline.cancel()
    deadline.set(2, pytest.fail)
    deadline.cancel()
    deadline.cancel()
    assert runtime.pending == []
