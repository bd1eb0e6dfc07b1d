"""The timer wheel, with a clock of the test's own and on every event loop."""

import math
import weakref
from collections.abc import Callable

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.live import Logs
from wsserve.server.timers import RESOLUTION, TimerWheel, WheelTimer


class Clock:
    """Time that passes when it is told to, and what happened at which time."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.wheel = TimerWheel(lambda: self.now)
        self.calls: list[tuple[str, float]] = []

    def set(self, delay: float, name: str = "") -> WheelTimer:
        return self.wheel.call_later(delay, lambda: self.calls.append((name, self.now)))

    def advance(self, seconds: float, step: float = RESOLUTION / 5) -> None:
        """Let time pass in steps; the wheel looks at each."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + step, end)
            self.wheel._call_due()

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


pytestmark = pytest.mark.anyio


@given(st.floats(0, 1e6), st.floats(0, 100))
def test_a_timer_is_never_early_and_late_by_the_resolution_at_most(start: float, delay: float) -> None:
    clock = Clock(start)
    clock.set(delay)
    due = start + delay
    clock.now = math.nextafter(due - 1e-6, 0)
    clock.wheel._call_due()
    assert clock.calls == [] or clock.now < start
    clock.now = due + RESOLUTION + 1e-6
    clock.wheel._call_due()
    assert len(clock.calls) == 1


def test_timers_are_called_in_the_order_of_their_ticks_and_once() -> None:
    clock = Clock()
    for delay in (0.3, 0.1, 0.2, 0.1):
        clock.set(delay, f"{delay}")
    clock.advance(1.0)
    assert clock.names == ["0.1", "0.1", "0.2", "0.3"]
    assert all(float(name) <= at <= float(name) + RESOLUTION for name, at in clock.calls)
    assert not clock.wheel._buckets
    assert not clock.wheel._ticks


def test_a_cancelled_timer_is_not_called_and_cancelling_is_harmless_ever_after() -> None:
    clock = Clock()
    first, second = clock.set(0.1, "first"), clock.set(0.1, "second")
    first.cancel()
    clock.advance(0.2)
    assert clock.names == ["second"]
    first.cancel()
    second.cancel()


@pytest.mark.parametrize("how", ["cancelled", "called"])
def test_a_timer_that_is_over_keeps_nothing_alive(how: str) -> None:
    class Owner:
        def call(self) -> None:
            """Do nothing."""

    clock, owner = Clock(), Owner()
    reference = weakref.ref(owner)
    timer = clock.wheel.call_later(0.1, owner.call)
    del owner
    if how == "cancelled":
        timer.cancel()
    else:
        clock.advance(0.2)
    assert reference() is None


def test_a_callback_may_cancel_another_that_is_due_with_it() -> None:
    clock = Clock()
    timers: list[WheelTimer] = []

    def cancel_all() -> None:
        clock.calls.append(("", clock.now))
        for timer in timers:
            timer.cancel()

    timers += [clock.wheel.call_later(0.1, cancel_all) for _ in range(10)]
    clock.advance(0.5)
    assert len(clock.calls) == 1


def test_a_callback_may_set_another_timer() -> None:
    clock = Clock()

    def again() -> None:
        clock.calls.append(("", clock.now))
        if len(clock.calls) < 4:
            clock.wheel.call_later(0.1, again)

    again()
    clock.advance(0.5)
    assert len(clock.calls) == 4
    assert clock.calls[-1][1] >= 0.3


def test_a_callback_that_raises_is_logged_and_stops_no_other(logs: Logs) -> None:
    logs.expect("A timer's callback failed")
    clock = Clock()

    def fail() -> None:
        raise ValueError("of the callback")

    for _ in range(3):
        clock.wheel.call_later(0.1, fail)
        clock.set(0.1)
    clock.advance(0.2)
    assert len(clock.calls) == 3
    assert sum("of the callback" in complaint for complaint in logs.complaints) == 3


async def run_until(wheel: TimerWheel, done: anyio.Event) -> None:
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wheel.run)
            await done.wait()
            tasks.cancel_scope.cancel()


async def test_the_wheel_runs_on_the_event_loop(logs: Logs) -> None:
    began = anyio.current_time()
    wheel = TimerWheel(anyio.current_time)
    done = anyio.Event()
    calls: list[tuple[float, float]] = []

    def note(delay: float) -> Callable[[], None]:
        return lambda: calls.append((delay, anyio.current_time() - began))

    for delay in (0.12, 0.01, 0.06):
        wheel.call_later(delay, note(delay))
    wheel.call_later(0.15, done.set)
    await run_until(wheel, done)
    assert [delay for delay, _ in calls] == sorted(delay for delay, _ in calls)
    assert all(at >= delay - 0.002 for delay, at in calls), calls  # uvloop's clock has milliseconds


async def test_a_sooner_timer_does_not_wait_for_a_later_one() -> None:
    wheel = TimerWheel(anyio.current_time)
    done = anyio.Event()

    async def set_timers() -> None:
        await anyio.wait_all_tasks_blocked()  # the wheel sleeps without end
        wheel.call_later(60, done.set)
        await anyio.wait_all_tasks_blocked()
        wheel.call_later(0.02, done.set)

    with anyio.fail_after(2):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wheel.run)
            tasks.start_soon(set_timers)
            await done.wait()
            tasks.cancel_scope.cancel()
