"""One timer wheel for all deadlines of all connections.

Most timers of a server are cancelled long before they are due, and none needs precision: a wheel of buckets makes both
setting and cancelling one a set operation, and the event loop sees a single sleeping task.
"""

import heapq
import logging
import math
from collections.abc import Callable
from typing import Final

import anyio
import anyio.lowlevel

logger = logging.getLogger("wsserve.error")

RESOLUTION: Final = 0.05
"""The width of a bucket in seconds: a timer may be late by as much, and is never early."""


def _nothing() -> None:
    """Stand in for the callback of a timer that is over, so that whoever keeps the timer keeps nothing else alive."""


class WheelTimer:
    """A callback in a bucket of the wheel; satisfies `wsserve.asgi_bridge.transport.Timer`."""

    __slots__ = ("_bucket", "callback")

    def __init__(self, callback: Callable[[], None], bucket: "set[WheelTimer]") -> None:
        self.callback = callback
        self._bucket = bucket

    def cancel(self) -> None:
        """Do not call it. Harmless when it was called already."""
        self._bucket.discard(self)
        self.callback = _nothing


class TimerWheel:
    """Calls callbacks when they are due, as long as `run` runs."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: dict[int, set[WheelTimer]] = {}
        self._ticks: list[int] = []
        """The buckets' ticks as a heap; a tick is a multiple of `RESOLUTION`."""
        self._sooner = anyio.Event()

    def call_later(self, delay: float, callback: Callable[[], None]) -> WheelTimer:
        """Call `callback` once, not before `delay` seconds have passed."""
        tick = math.ceil((self._now() + delay) / RESOLUTION)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = set()
            heapq.heappush(self._ticks, tick)
            if self._ticks[0] == tick:
                self._sooner.set()
        timer = WheelTimer(callback, bucket)
        bucket.add(timer)
        return timer

    async def run(self) -> None:
        """Call what is due, until cancelled."""
        while True:
            self._sooner = anyio.Event()
            due = self._ticks[0] * RESOLUTION if self._ticks else math.inf
            with anyio.move_on_after(due - self._now()):
                await self._sooner.wait()
            # After a stall of the event loop, what has arrived goes first: it may be what a deadline waits for.
            await anyio.lowlevel.checkpoint()
            self._call_due()

    def _call_due(self) -> None:
        now = self._now()
        while self._ticks and self._ticks[0] * RESOLUTION <= now:
            bucket = self._buckets.pop(heapq.heappop(self._ticks))
            while bucket:
                timer = bucket.pop()
                callback, timer.callback = timer.callback, _nothing
                try:
                    callback()
                except Exception:
                    logger.exception("A timer's callback failed")
