"""Rates, and the token buckets that hold something to them."""

import math
from dataclasses import dataclass
from typing import Final

_ROUNDING: Final = 1e-6  # what adding up fractions may have lost, in tokens


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in `per` seconds: `Rate(20)` is 20 a second, `Rate(100, per=60)` 100 a minute.

    `burst` is how many may come at once after a pause; None: as many as come in `per` seconds. Raises `ValueError` for
    numbers that are not positive, and for a burst below 1, which would let nothing through; `TypeError` for no numbers.
    """

    count: float
    per: float = 1.0
    burst: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("count", self.count), ("per", self.per), ("burst", self.size)):
            if not isinstance(value, (int, float)):
                raise TypeError(f"a rate's {name} is a number, not {value!r}: 100 a minute are Rate(100, per=60)")
        for name, value in (("count", self.count), ("per", self.per)):
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"a rate's {name} is a number above 0, not {value!r}")
        if not 1 <= self.size < math.inf:
            raise ValueError(f"{self} lets nothing through: its burst is below 1, or no number")

    @property
    def size(self) -> float:
        """How many may come at once."""
        return self.count if self.burst is None else self.burst


class TokenBucket:
    """Holds up to a rate's `size` tokens, which come back at that rate. Times are seconds of any monotonic clock."""

    __slots__ = ("_at", "_per_second", "_size", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._per_second = rate.count / rate.per
        self._size = self._tokens = rate.size
        self._at = now

    def take(self, cost: float, now: float) -> bool:
        """Take `cost` tokens, if there are so many; else none."""
        tokens = self._tokens + (now - self._at) * self._per_second
        if tokens > self._size:
            tokens = self._size
        self._at = now
        if tokens + _ROUNDING < cost:
            self._tokens = tokens
            return False
        self._tokens = tokens - cost
        return True

    def wait(self, cost: float, now: float) -> float:
        """Return in how many seconds `cost` tokens will be there; infinity when they never will."""
        if cost > self._size:
            return math.inf
        return max(0.0, (cost - self._tokens) / self._per_second - (now - self._at))

    def is_full(self, now: float) -> bool:
        """Tell whether all tokens are back, so that a new bucket would be the same."""
        return self.wait(self._size, now) == 0
