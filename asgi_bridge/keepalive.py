"""Keepalive: a ping now and then, and an end to connections whose peer has gone without a word."""

import random
from collections.abc import Callable

from wsserve.asgi_bridge.transport import Runtime, Timer


class Keepalive:
    """Sends a ping every `interval` seconds, and gives up when nothing at all arrives for `timeout` seconds after one.

    Any inbound byte counts as life: a peer that is busy sending a large message cannot answer in between. While
    `can_hear` says that backpressure holds up either direction the deadline is put off, because the ping may not have
    got out, or the answer may wait unread. The first ping comes after half to a whole interval, so that connections
    made together do not ping together.
    """

    __slots__ = ("_can_hear", "_give_up", "_interval", "_runtime", "_send_ping", "_timeout", "_timer", "heard")

    def __init__(
        self,
        runtime: Runtime,
        interval: float | None,
        timeout: float | None,
        *,
        send_ping: Callable[[], None],
        can_hear: Callable[[], bool],
        give_up: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._interval = interval
        self._timeout = timeout
        self._send_ping = send_ping
        self._can_hear = can_hear
        self._give_up = give_up
        self._timer: Timer | None = None
        self.heard = False
        """Set by the session whenever bytes arrive; a plain attribute because that happens for every read."""

    def start(self) -> None:
        """Begin, unless keepalive is off."""
        if self._interval:
            # Not for secrets: it only spreads the load.
            self._arm(self._interval * random.uniform(0.5, 1.0), self._ping)  # noqa: S311

    def stop(self) -> None:
        """End for good. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, delay: float, callback: Callable[[], None]) -> None:
        self._timer = self._runtime.call_later(delay, callback)

    def _ping(self) -> None:
        assert self._interval  # noqa: S101  # start() sees to it
        self.heard = False
        self._send_ping()
        if self._timeout:
            self._arm(self._timeout, self._check)
        else:
            self._arm(self._interval, self._ping)

    def _check(self) -> None:
        assert self._interval  # noqa: S101
        assert self._timeout  # noqa: S101
        if self.heard:
            self._arm(max(self._interval - self._timeout, 0.0), self._ping)
        elif self._can_hear():
            self._give_up()
        else:
            self._arm(self._timeout, self._check)
