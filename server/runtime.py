"""The event loop as sessions see it: clock, timers, signals and tasks, on asyncio and on trio."""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from wsserve.asgi_bridge.transport import Signal
from wsserve.codec.speedups import compiled
from wsserve.server.signals import EventSignal, TaskSignal
from wsserve.server.timers import TimerWheel, WheelTimer

logger = logging.getLogger("wsserve.error")

CANCEL_AGAIN: Final = 1.0
"""Seconds after which a task that has not ended is cancelled once more: the time that a clean-up in it gets."""

new_task_signal = compiled(TaskSignal)


class ServerRuntime:
    """A `wsserve.asgi_bridge.transport.Runtime`, as long as `run` runs in the task group that it is given."""

    def __init__(self, tasks: TaskGroup, *, on_asyncio: bool) -> None:
        self._tasks = tasks
        self._loop = asyncio.get_running_loop() if on_asyncio else None
        self._cancelled = False
        self.running: dict[object, str] = {}
        """The names of the tasks that `spawn` has started and that have not ended."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when a task has ended."""
        self.now: Callable[[], float] = anyio.current_time if self._loop is None else self._loop.time
        self.new_signal: Callable[[], Signal] = EventSignal if self._loop is None else new_task_signal
        self.timers = TimerWheel(self.now)

    async def run(self) -> None:
        """Run the timers until cancelled; then cancel every task, and return when all have ended."""
        try:
            await self.timers.run()
        finally:
            self._cancelled = True
            if self._loop is not None:
                with anyio.CancelScope(shield=True):
                    await self._cancel_tasks()

    def call_later(self, delay: float, callback: Callable[[], None]) -> WheelTimer:
        """Call `callback` once, not before `delay` seconds have passed."""
        return self.timers.call_later(delay, callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the event loop's next turn, after what is due in this one."""
        if self._loop is None:
            self._tasks.start_soon(_call, callback)
        else:
            self._loop.call_soon(callback)

    def spawn(self, function: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """Run `function` as a task of its own; it must not raise."""
        if self._loop is None:
            self._tasks.start_soon(self._run_in_group, function, name, name=name)
        else:
            # A task of the group costs ten times as much, and three times the memory.
            task = self._loop.create_task(function(), name=name)
            self.running[task] = name
            task.add_done_callback(self._ended)

    def cancelled(self) -> bool:
        """Tell whether the calling task is being cancelled together with the server, or with what runs the server."""
        return self._cancelled or anyio.current_effective_deadline() == -math.inf

    def cancel(self) -> None:
        """Cancel every task."""
        self._cancelled = True
        self._tasks.cancel_scope.cancel()

    async def _run_in_group(self, function: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        key = object()
        self.running[key] = name
        try:
            await function()
        except Exception:  # a fault of the server's own must cost one connection, not all
            logger.exception("A task of the server failed: %.200r", name)
        finally:
            del self.running[key]
            self.on_change()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        name = self.running.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A task of the server failed: %.200r", name, exc_info=error)
        self.on_change()

    async def _cancel_tasks(self) -> None:
        while tasks := [task for task in self.running if isinstance(task, asyncio.Task)]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CANCEL_AGAIN)


async def _call(callback: Callable[[], None]) -> None:
    callback()
