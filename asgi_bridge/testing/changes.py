"""Waiting for something to become true, with a time limit."""

from collections.abc import Callable

import anyio
import anyio.lowlevel


class Changes:
    """Tells all who wait that something has changed; each looks for itself whether it is what it waits for."""

    def __init__(self) -> None:
        self._changed = anyio.Event()

    def announce(self) -> None:
        """Let all who wait look again."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def until(self, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until `ready()`, for at most `timeout` seconds; tell whether it is. None: without a limit."""
        with anyio.move_on_after(timeout):
            while not ready():
                await self._changed.wait()
            return True
        await anyio.lowlevel.checkpoint()  # the process may have been stopped, and whoever is waited for late by that
        return ready()
