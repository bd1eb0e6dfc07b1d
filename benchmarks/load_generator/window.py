"""The measured stretch of time: CPU and clock at its two ends."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.process import cpu_seconds, process_tree
from benchmarks.summary import percentile


@dataclass(frozen=True)
class Reading:
    """CPU seconds of the server and of this process, the clock, and what has been counted until then."""

    server: float
    client: float
    clock: float
    count: int


class Window:
    """The warm-up, and then the measured time, with a reading at each end of it."""

    def __init__(self, server_pid: int, warm_up: float, seconds: float) -> None:
        self.latencies: list[float] = []
        """The seconds that messages took; those of the warm-up are forgotten."""
        self._server_pid = server_pid
        self._pids: list[int] = []
        self._warm_up = warm_up
        self._seconds = seconds
        self._readings: list[Reading] = []
        self._boundary = math.inf

    def begin(self) -> None:
        """Begin the warm-up. The server answers already: its workers are there."""
        self._pids = process_tree(self._server_pid)
        self._boundary = time.perf_counter() + self._warm_up

    @property
    def is_over(self) -> bool:
        """Whether both readings are taken."""
        return len(self._readings) == 2

    def is_due(self, now: float) -> bool:
        """Whether it is time for a reading."""
        return now >= self._boundary

    def read(self, count: int) -> None:
        """Take a reading, with `count` messages done so far."""
        reading = Reading(cpu_seconds(self._pids), time.process_time(), time.perf_counter(), count)
        self._readings.append(reading)
        self._boundary = reading.clock + self._seconds
        if not self.is_over:
            self.latencies.clear()

    def values(self) -> dict[str, float]:
        """Return the values between the two readings. Raises ValueError when nothing came between."""
        return values(self._readings, self.latencies)


def values(readings: Sequence[Reading], latencies: Sequence[float]) -> dict[str, float]:
    """Return what the report shows of one run: µs of server CPU each, how many per second, latencies, CPU shares.

    The readings are those at the beginning and at the end. Raises ValueError when nothing came between.
    """
    begin, end = readings
    count = end.count - begin.count
    if count < 1 or not latencies:
        raise ValueError("no message came back in time")
    elapsed = end.clock - begin.clock
    ordered = sorted(latencies)
    return {
        "cost": 1e6 * (end.server - begin.server) / count,
        "rate": count / elapsed,
        "p50": 1e6 * percentile(ordered, 0.5),
        "p99": 1e6 * percentile(ordered, 0.99),
        "server_share": (end.server - begin.server) / elapsed,
        "client_share": (end.client - begin.client) / elapsed,
    }
