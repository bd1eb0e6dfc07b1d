"""What a task awaits until something has happened, on every event loop."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from tests.conftest import BACKENDS
from tests.twins import twins
from wsserve.asgi_bridge.transport import Signal
from wsserve.server.acceptors import on_asyncio
from wsserve.server.signals import EventSignal, TaskSignal

pytestmark = [pytest.mark.anyio, twins("task_signal", TaskSignal)]

on_asyncio_loops = pytest.mark.parametrize("anyio_backend", BACKENDS[:2], indirect=True)
"""For tests of what only asyncio's tasks have."""


def new_signals(task_signal: type[TaskSignal]) -> list[Signal]:
    return [task_signal(), EventSignal()] if on_asyncio() else [EventSignal()]


async def from_outside(function: Callable[[], object]) -> None:
    """Call `function` as the event loop calls a protocol: from no task."""
    done = asyncio.Event()

    def call() -> None:
        try:
            function()
        finally:
            done.set()

    asyncio.get_running_loop().call_soon(call)
    await done.wait()


class Waiter:
    """A task that waits for a signal again and again, and what came of it."""

    def __init__(self, signal: Awaitable[object]) -> None:
        self.signal = signal
        self.woken = 0
        self.cancelled: list[tuple[Any, ...]] = []
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        while True:
            try:
                await self.signal
                self.woken += 1
            except asyncio.CancelledError as error:
                self.cancelled.append(error.args)
                if len(self.cancelled) > 1:
                    raise


async def test_a_signal_wakes_the_task_that_waits_and_setting_it_twice_is_harmless(
    task_signal: type[TaskSignal],
) -> None:
    for signal in new_signals(task_signal):
        for wake in (signal.set, signal.resume):
            woken = anyio.Event()

            async def wait(signal: Signal = signal, woken: anyio.Event = woken) -> None:
                await signal
                woken.set()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await anyio.wait_all_tasks_blocked()
                assert not woken.is_set()
                wake()
                wake()
                with anyio.fail_after(2):
                    await woken.wait()


async def test_a_signal_that_is_set_already_does_not_block_once(task_signal: type[TaskSignal]) -> None:
    for signal in new_signals(task_signal):
        signal.set()
        with anyio.fail_after(2):
            await signal
        with anyio.move_on_after(0.001) as scope:
            await signal
        assert scope.cancelled_caught


async def test_a_signal_whose_task_was_cancelled_can_be_set_and_awaited_again(task_signal: type[TaskSignal]) -> None:
    for signal in new_signals(task_signal):
        for _ in range(2):
            with anyio.move_on_after(0.001) as scope:
                await signal
            assert scope.cancelled_caught
        signal.set()
        with anyio.fail_after(2):
            await signal


@on_asyncio_loops
async def test_resume_runs_the_task_before_it_returns(task_signal: type[TaskSignal]) -> None:
    signal = task_signal()
    waiter = Waiter(signal)
    await asyncio.sleep(0)
    counts: list[int] = []

    def resume() -> None:
        for _ in range(3):
            signal.resume()
            counts.append(waiter.woken)

    await from_outside(resume)
    assert counts == [1, 2, 3]
    waiter.task.cancel()
    await asyncio.sleep(0)
    waiter.task.cancel()
    await asyncio.wait([waiter.task])
    assert waiter.woken == 3


@on_asyncio_loops
async def test_resume_from_within_a_task_waits_for_the_next_turn(task_signal: type[TaskSignal]) -> None:
    signal = task_signal()
    waiter = Waiter(signal)
    await asyncio.sleep(0)
    signal.resume()
    assert waiter.woken == 0
    await asyncio.sleep(0)
    assert waiter.woken == 1
    waiter.task.cancel()
    waiter.task.cancel()
    await asyncio.sleep(0)
    waiter.task.cancel()
    await asyncio.wait([waiter.task])


@on_asyncio_loops
async def test_resume_without_a_task_that_waits_is_remembered(task_signal: type[TaskSignal]) -> None:
    signal = task_signal()
    await from_outside(signal.resume)
    async with asyncio.timeout(2):
        await signal


@on_asyncio_loops
@pytest.mark.parametrize("message", [None, "why"])
async def test_a_cancelled_wait_raises_with_the_message(task_signal: type[TaskSignal], message: str | None) -> None:
    waiter = Waiter(task_signal())
    await asyncio.sleep(0)
    waiter.task.cancel(message)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert waiter.cancelled == [() if message is None else (message,)]
    assert waiter.woken == 0
    assert not waiter.task.done(), "a task that catches its cancellation waits on"
    waiter.task.cancel()
    await asyncio.wait([waiter.task])


@on_asyncio_loops
async def test_a_task_that_is_woken_and_cancelled_at_once_is_cancelled(task_signal: type[TaskSignal]) -> None:
    signal = task_signal()
    waiter = Waiter(signal)
    await asyncio.sleep(0)
    signal.set()
    waiter.task.cancel()
    waiter.task.cancel()
    await asyncio.sleep(0)
    assert len(waiter.cancelled) == 1
    waiter.task.cancel()
    await asyncio.wait([waiter.task])


@on_asyncio_loops
async def test_the_task_runs_in_its_own_context(task_signal: type[TaskSignal]) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outside")
    signal = task_signal()
    seen: list[str] = []

    async def wait() -> None:
        variable.set("inside")
        for _ in range(2):
            await signal
            seen.append(variable.get())

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    signal.set()
    await asyncio.sleep(0)
    await from_outside(signal.resume)
    assert seen == ["inside", "inside"]
    assert variable.get() == "outside"
    await task


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_what_is_for_the_event_loop_does_not_reach_the_caller_of_resume(
    task_signal: type[TaskSignal], interruption: type[BaseException]
) -> None:
    went_on: list[bool] = []
    tasks: list[asyncio.Task[None]] = []

    async def main() -> None:
        signal = task_signal()

        async def wait() -> None:
            await signal
            raise interruption

        def resume() -> None:
            signal.resume()
            went_on.append(True)

        tasks.append(asyncio.create_task(wait()))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(resume)
        await asyncio.sleep(10)

    with pytest.raises(interruption):
        asyncio.run(main())
    assert went_on == [True]
    assert isinstance(tasks[0].exception(), interruption)
