"""What a task awaits until something has happened: one kind for asyncio, one for every event loop."""

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any, NoReturn, Self

import anyio

_current_task = asyncio.current_task


class TaskSignal:
    """A `Signal` for asyncio, on which `resume` runs the task that waits at once.

    To asyncio's tasks it is a future: they know any object with the attribute `_asyncio_future_blocking` and the
    methods below for one (`asyncio.isfuture`). A future of asyncio's own wakes its task by way of the event loop's
    queue, which costs about as much as all that a session does with a message. One task can wait for it at a time.
    """

    __slots__ = ("_asyncio_future_blocking", "_cancellation", "_context", "_is_set", "_loop", "_wake_task")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_set = False
        self._wake_task: Callable[[object], object] | None = None
        self._context: Context | None = None
        self._cancellation: asyncio.CancelledError | None = None
        self._asyncio_future_blocking = False

    # wsserve.asgi_bridge.transport.Signal

    def set(self) -> None:
        """Wake the task that awaits it, in the event loop's next turn."""
        self._is_set = True
        wake_task, self._wake_task = self._wake_task, None
        context, self._context = self._context, None
        if wake_task is not None:
            self._loop.call_soon(wake_task, self, context=context)

    def resume(self) -> None:
        """Run the task that awaits it until it waits again; from within another task, `set`."""
        if _current_task(self._loop) is not None:
            self.set()
            return
        self._is_set = True
        wake_task, self._wake_task = self._wake_task, None
        context, self._context = self._context, None
        if wake_task is not None and context is not None:
            try:
                context.run(wake_task, self)
            except (KeyboardInterrupt, SystemExit) as error:
                # They are for whoever runs the event loop, not for what has called this.
                self._loop.call_soon(_raise, error)

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait until it is set; then it is as new."""
        return self  # type: ignore[return-value]  # any iterator will do (PEP 492)

    def __next__(self) -> Self:
        # An iterator of one step, which costs less than a generator.
        if self._is_set:
            self._is_set = False
            raise StopIteration
        self._asyncio_future_blocking = True
        return self

    # asyncio.Future, as far as a task calls it

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop that it was made in."""
        return self._loop

    def add_done_callback(self, wake_task: Callable[[object], object], *, context: Context) -> None:
        """Note how the task is woken."""
        self._wake_task = wake_task
        self._context = context

    def cancel(self, msg: object = None) -> bool:
        """Wake the task with a `CancelledError`, unless it is being woken already."""
        if self._wake_task is None:
            return False
        self._cancellation = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self.set()
        return True

    def done(self) -> bool:
        """Tell whether no task waits any more."""
        return self._wake_task is None

    def result(self) -> None:
        """Return nothing. Raises `asyncio.CancelledError` when the wait was cancelled."""
        cancellation, self._cancellation = self._cancellation, None
        if cancellation is not None:
            self._is_set = False
            raise cancellation


class EventSignal:
    """A `Signal` for every event loop that anyio knows."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = anyio.Event()

    def set(self) -> None:
        """Wake the task that awaits it."""
        self._event.set()

    def resume(self) -> None:
        """Wake the task that awaits it."""
        self._event.set()

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait until it is set; then it is as new."""
        try:
            yield from self._event.wait().__await__()
        finally:
            self._event = anyio.Event()


def _raise(error: BaseException) -> NoReturn:
    raise error
