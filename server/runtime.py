"""The event loop as sessions see it: clock, timers, signals and tasks, on asyncio and on trio."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import anyio
from anyio.abc import TaskGroup

from wsserve.asgi_bridge.transport import Signal
from wsserve.codec.speedups import compiled
from wsserve.server.signals import EventSignal, TaskSignal
from wsserve.server.timers import TimerWheel, WheelTimer

logger = logging.getLogger("wsserve.error")

new_task_signal = compiled(TaskSignal)


def _sniffio_state() -> Any:
    """Return where sniffio looks first for the library's name in this thread; without sniffio, an object like it."""
    try:
        from sniffio import thread_local
    except ImportError:
        return SimpleNamespace(name=None)
    return thread_local


class ServerRuntime:
    """A `wsserve.asgi_bridge.transport.Runtime` whose tasks live in a task group."""

    def __init__(self, tasks: TaskGroup, *, asyncio_signals: bool) -> None:
        self._tasks = tasks
        self._detected: Any = _sniffio_state() if asyncio_signals else SimpleNamespace(name=None)
        self._cancelled = False
        self.running: dict[object, str] = {}
        """The names of the tasks that `spawn` has started and that have not ended."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when a task has ended."""
        self.now: Callable[[], float] = asyncio.get_running_loop().time if asyncio_signals else anyio.current_time
        self.new_signal: Callable[[], Signal] = new_task_signal if asyncio_signals else EventSignal
        self.timers = TimerWheel(self.now)

    def call_later(self, delay: float, callback: Callable[[], None]) -> WheelTimer:
        """Call `callback` once, not before `delay` seconds have passed."""
        return self.timers.call_later(delay, callback)

    def spawn(self, function: Callable[[], Awaitable[None]], name: str) -> None:
        """Run `function` as a task of its own; it must not raise."""
        # anyio asks sniffio, if it is there, which library runs. Under a bare `asyncio.run` that looks for the current
        # task, which a protocol's callback has not: so it is told, for as long as this takes.
        before, self._detected.name = self._detected.name, "asyncio"
        try:
            self._tasks.start_soon(self._run, function, name, name=name)
        finally:
            self._detected.name = before

    def cancelled(self) -> bool:
        """Tell whether the calling task is being cancelled together with the server, or with what runs the server."""
        return self._cancelled or anyio.current_effective_deadline() == -math.inf

    def cancel(self) -> None:
        """Cancel every task."""
        self._cancelled = True
        self._tasks.cancel_scope.cancel()

    async def _run(self, function: Callable[[], Awaitable[None]], name: str) -> None:
        key = object()
        self.running[key] = name
        try:
            await function()
        except Exception:  # a fault of the server's own must cost one connection, not all
            logger.exception("A task of the server failed: %.200r", name)
        finally:
            del self.running[key]
            self.on_change()
