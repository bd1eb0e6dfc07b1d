"""Keepalive: a ping now and then, and an end to connections whose peer has gone without a word."""

import random
from typing import Protocol

from wsserve.asgi_bridge.transport import Deadline, Runtime


class Peer(Protocol):
    """The far end of a connection, and the connection."""

    def send_ping(self) -> None:
        """Send a ping, if that is possible now."""

    def is_alive(self) -> bool:
        """Tell whether there was a sign of life since this was last called."""

    def give_up(self) -> None:
        """Drop the connection."""


class Keepalive:
    """Sends a ping every `interval` seconds, and gives up when no sign of life comes for `timeout` seconds after one.

    Any inbound byte is a sign of life: a peer that is busy sending a large message cannot answer in between. So is
    backpressure in either direction, because the ping may not have got out, or the answer may wait unread. The first
    ping comes after half to a whole interval, so that connections made together do not ping together.
    """

    __slots__ = ("_deadline", "_interval", "_next_ping", "_peer", "_runtime", "_silent_since", "_timeout")

    def __init__(self, peer: Peer, runtime: Runtime, interval: float | None, timeout: float | None) -> None:
        self._peer = peer
        self._runtime = runtime
        self._interval = interval or 0.0
        self._timeout = timeout or float("inf")
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
        if self._peer.is_alive():
            self._silent_since = None
        elif self._silent_since is not None and now >= self._silent_since + self._timeout:
            self._peer.give_up()
            return
        if now >= self._next_ping:
            self._peer.send_ping()
            self._next_ping = now + self._interval
            if self._silent_since is None:
                self._silent_since = now
        due = self._next_ping
        if self._silent_since is not None:
            due = min(due, self._silent_since + self._timeout)
        self._deadline.set(due - now, self._tick)
