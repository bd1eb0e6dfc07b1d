"""Keepalive: a ping now and then, and an end to connections whose peer has gone without a word."""

import random
from collections.abc import Callable

from wsserve.asgi_bridge.transport import Deadline, Runtime


class Keepalive:
    """Sends a ping every `interval` seconds, and gives up when nothing at all arrives for `timeout` seconds after one.

    `alive` tells whether there was a sign of life since it was last called. Any inbound byte is one: a peer that is
    busy sending a large message cannot answer in between. So is backpressure in either direction, because the ping may
    not have got out, or the answer may wait unread. The first ping comes after half to a whole interval, so that
    connections made together do not ping together.
    """

    __slots__ = (
        "_alive",
        "_deadline",
        "_give_up",
        "_interval",
        "_next_ping",
        "_runtime",
        "_send_ping",
        "_silent_since",
        "_timeout",
    )

    def __init__(
        self,
        runtime: Runtime,
        interval: float | None,
        timeout: float | None,
        *,
        send_ping: Callable[[], None],
        alive: Callable[[], bool],
        give_up: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._interval = interval or 0.0
        self._timeout = timeout or float("inf")
        self._send_ping = send_ping
        self._alive = alive
        self._give_up = give_up
        self._deadline = Deadline(runtime)
        self._next_ping = 0.0
        self._silent_since: float | None = None
        """When the oldest ping went out after which nothing has been heard."""

    def start(self) -> None:
        """Begin, unless keepalive is off."""
        if self._interval:
            # Not for secrets: it only spreads the load.
            self._deadline.set(self._interval * random.uniform(0.5, 1.0), self._tick)  # noqa: S311

    def stop(self) -> None:
        """End for good. Idempotent."""
        self._deadline.cancel()

    def _tick(self) -> None:
        now = self._runtime.now()
        if self._alive():
            self._silent_since = None
        elif self._silent_since is not None and now >= self._silent_since + self._timeout:
            self._give_up()
            return
        if now >= self._next_ping:
            self._send_ping()
            self._next_ping = now + self._interval
            if self._silent_since is None:
                self._silent_since = now
        due = self._next_ping
        if self._silent_since is not None:
            due = min(due, self._silent_since + self._timeout)
        self._deadline.set(due - now, self._tick)
