"""One call of the application in a task of its own, which ends in time, with or without its consent."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from wsserve.asgi_bridge.testing.changes import Changes
from wsserve.asgi_bridge.testing.whereabouts import whereabouts

logger = logging.getLogger("wsserve.testing")

_SECONDS_TO_CANCEL: Final = 1.0
"""How long a cancelled application may take before that is worth an entry in the log: the test hangs then."""


class ApplicationTask:
    """Runs the application from `start` to `finish`, both called by one task, one inside of the other's cancel scopes.

    The application does not notice when the test is cancelled, as it would not behind a network: it learns of that by
    a disconnect. What it raises is kept in `error` and never raised in its task. `ended` is called with it.
    """

    def __init__(
        self,
        call: Callable[[], Awaitable[None]],
        changes: Changes,
        ended: Callable[[BaseException | None], None] = lambda _: None,
    ) -> None:
        self._application: Awaitable[None] | None = None
        self._call = call
        self._changes = changes
        self._ended = ended
        self.error: BaseException | None = None
        self.over = False
        """Whether the application has returned or raised."""

    async def start(self) -> None:
        """Start the application's task."""
        self._scope = anyio.CancelScope(shield=True)
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._run)

    async def finish(self, timeout: float) -> TimeoutError | None:
        """Wait for the application's end, for at most `timeout` seconds, then cancel it; return the error for that."""
        late = None
        with anyio.CancelScope(shield=True):
            if not await self._changes.until(self.is_over, timeout):
                did_not = f"the application did not end within {timeout:g} s and was cancelled"
                late = TimeoutError(f"{did_not}: {self.doing()}")
                self.cancel()
                if not await self._changes.until(self.is_over, _SECONDS_TO_CANCEL):
                    logger.error("The application does not end although it was cancelled: %s", self.doing())
        await self._tasks.__aexit__(None, None, None)
        return late

    def cancel(self) -> None:
        """Cancel the application."""
        self._scope.cancel()

    def is_over(self) -> bool:
        """Tell whether the application has returned or raised."""
        return self.over

    def doing(self, where: str = "") -> str:
        """Say what the application is doing, and `where` it waits, for the message of an error."""
        if self.error is not None:
            return f"the application has raised {self.error!r}"
        if self.over:
            return "the application has returned"
        return f"the application waits{where}, at {whereabouts(self._application)}"

    async def _run(self) -> None:
        try:
            with self._scope:
                self._application = self._call()
                await self._application
        except BaseException as error:  # raised again by whoever asks for it
            self.error = error
        self._application = None
        self.over = True
        self._ended(self.error)
        self._changes.announce()
