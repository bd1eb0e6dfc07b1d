"""The event loop as sessions see it, on every event loop."""

import anyio
import pytest

from tests.server.live import Logs, until
from wsserve.codec.speedups import compiled
from wsserve.server import runtime as runtime_module
from wsserve.server.acceptors import on_asyncio
from wsserve.server.runtime import ServerRuntime
from wsserve.server.signals import EventSignal, TaskSignal

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _clean(logs: Logs) -> None:
    """Let no test log a warning or an error that it does not expect."""


async def test_the_runtime_has_the_clock_and_the_signals_of_its_event_loop() -> None:
    async with anyio.create_task_group() as tasks:
        runtime = ServerRuntime(tasks, on_asyncio=on_asyncio())
        assert abs(runtime.now() - anyio.current_time()) < 0.1
        assert isinstance(runtime.new_signal(), compiled(TaskSignal) if on_asyncio() else EventSignal)


async def test_call_later_works_while_the_wheel_runs() -> None:
    async with anyio.create_task_group() as tasks:
        runtime = ServerRuntime(tasks, on_asyncio=on_asyncio())
        tasks.start_soon(runtime.run)
        called = anyio.Event()
        runtime.call_later(0.01, called.set)
        with anyio.fail_after(2):
            await called.wait()
        runtime.cancel()


async def test_tasks_are_known_by_name_while_they_run() -> None:
    changes: list[list[str]] = []
    go_on = anyio.Event()
    async with anyio.create_task_group() as tasks:
        runtime = ServerRuntime(tasks, on_asyncio=on_asyncio())
        runtime.on_change = lambda: changes.append(sorted(runtime.running.values()))
        runtime.spawn(go_on.wait, "websocket /a")
        runtime.spawn(anyio.lowlevel.checkpoint, "http /b")
        await until(lambda: changes == [["websocket /a"]])
        go_on.set()
        await until(lambda: changes == [["websocket /a"], []])


async def test_a_task_that_raises_is_logged_and_costs_no_other(logs: Logs) -> None:
    logs.expect("A task of the server failed: 'http /a'")

    async def fail() -> None:
        raise ValueError("of the task")

    async with anyio.create_task_group() as tasks:
        runtime = ServerRuntime(tasks, on_asyncio=on_asyncio())
        runtime.spawn(fail, "http /a")
        await until(lambda: not runtime.running)
    assert any("of the task" in complaint for complaint in logs.complaints)


@pytest.mark.parametrize("how", ["by the runtime", "from outside"])
async def test_tasks_see_that_they_are_cancelled_with_the_server(how: str) -> None:
    seen: list[bool] = []

    async with anyio.create_task_group() as outer, anyio.create_task_group() as tasks:
        runtime = ServerRuntime(tasks, on_asyncio=on_asyncio())
        tasks.start_soon(runtime.run)

        async def wait() -> None:
            with anyio.CancelScope() as own:
                own.cancel()
                await anyio.lowlevel.checkpoint()
            seen.append(runtime.cancelled())  # a task's own cancellation is not the server's
            try:
                await anyio.sleep(60)
            finally:
                seen.append(runtime.cancelled())

        runtime.spawn(wait, "websocket /")
        await anyio.wait_all_tasks_blocked()
        if how == "by the runtime":
            runtime.cancel()
        else:
            outer.cancel_scope.cancel()
    assert seen == [False, True]
    assert runtime.running == {}


async def test_a_task_that_does_not_end_is_cancelled_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "CANCEL_AGAIN", 0.01)
    cancellations = 0

    async def stay() -> None:
        nonlocal cancellations
        while cancellations < 3:
            try:
                await anyio.sleep(60)
            except anyio.get_cancelled_exc_class():
                cancellations += 1
                if not on_asyncio():
                    raise  # trio allows nothing else
        raise anyio.get_cancelled_exc_class()

    async with anyio.create_task_group() as tasks:
        runtime = ServerRuntime(tasks, on_asyncio=on_asyncio())
        tasks.start_soon(runtime.run)
        runtime.spawn(stay, "websocket /")
        await until(lambda: bool(runtime.running))
        await anyio.wait_all_tasks_blocked()
        runtime.cancel()
    assert cancellations == (3 if on_asyncio() else 1)


async def test_a_shielded_clean_up_of_a_cancelled_task_has_its_time() -> None:
    cleaned_up = False

    async def work() -> None:
        nonlocal cleaned_up
        try:
            await anyio.sleep(60)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.05)
                cleaned_up = True

    async with anyio.create_task_group() as tasks:
        runtime = ServerRuntime(tasks, on_asyncio=on_asyncio())
        tasks.start_soon(runtime.run)
        runtime.spawn(work, "websocket /")
        await until(lambda: bool(runtime.running))
        await anyio.wait_all_tasks_blocked()
        runtime.cancel()
    assert cleaned_up


async def test_what_is_called_soon_comes_in_the_next_turn() -> None:
    called = anyio.Event()
    async with anyio.create_task_group() as tasks:
        runtime = ServerRuntime(tasks, on_asyncio=on_asyncio())
        runtime.call_soon(called.set)
        assert not called.is_set()
        with anyio.fail_after(2):
            await called.wait()
