"""What is known of each client: how many connections are open, and how fast new ones come."""

import math
from collections.abc import Callable, Hashable
from typing import Final

from wsserve.asgi_bridge.middleware.token_bucket import Rate, TokenBucket

_RETRY_SECONDS: Final = 1.0  # when one of a client's connections ends, nobody knows


class ClientTable:
    """Counts connections by client, in this process.

    A client without an open connection is forgotten as soon as its rate is of no account any more; of those that are
    still held to their rate, the `max_idle` newest are kept.
    """

    def __init__(
        self, connections: int | None, new_connections: Rate | None, max_idle: int, clock: Callable[[], float]
    ) -> None:
        self._connections = math.inf if connections is None else connections
        self._rate = new_connections
        self._max_idle = max_idle
        self._clock = clock
        self._active: dict[Hashable, _Client] = {}
        self._idle: dict[Hashable, _Client] = {}  # the newest last

    def __len__(self) -> int:
        return len(self._active) + len(self._idle)

    def enter(self, key: Hashable) -> float | None:
        """Count a new connection and return None; or return in how many seconds to try again."""
        now = self._clock()
        client = self._active.get(key) or self._idle.pop(key, None)
        if client is None:
            client = _Client(None if self._rate is None else TokenBucket(self._rate, now))
        wait = self._wait(client, now)
        if wait is None:
            client.open += 1
            self._active[key] = client
        elif not client.open:
            self._rest(key, client, now)
        return wait

    def leave(self, key: Hashable) -> None:
        """Take a connection that was counted off again."""
        client = self._active[key]
        client.open -= 1
        if not client.open:
            del self._active[key]
            self._rest(key, client, self._clock())

    def _wait(self, client: "_Client", now: float) -> float | None:
        if client.open >= self._connections:
            return _RETRY_SECONDS
        if client.bucket is None or client.bucket.take(1, now):
            return None
        return client.bucket.wait(1, now)

    def _rest(self, key: Hashable, client: "_Client", now: float) -> None:
        if client.bucket is None:
            return
        self._idle[key] = client
        while self._idle:
            oldest = next(iter(self._idle))
            if len(self._idle) <= self._max_idle and not self._idle[oldest].is_forgettable(now):
                break
            del self._idle[oldest]


class _Client:
    __slots__ = ("bucket", "open")

    def __init__(self, bucket: TokenBucket | None) -> None:
        self.bucket = bucket
        self.open = 0

    def is_forgettable(self, now: float) -> bool:
        return self.bucket is None or self.bucket.is_full(now)
