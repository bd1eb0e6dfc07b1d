"""Linearity: the CPU time for twice the input, divided by that for the input."""

import time
from collections.abc import Callable, Iterator
from statistics import median

from benchmarks.load_generator.connection import Connection, open_connections
from benchmarks.load_generator.frames import Opcode, client_frame
from benchmarks.loads import Load
from benchmarks.process import cpu_seconds, process_tree

REPETITIONS = 5
MESSAGE = b"m" * 64
QUIET_TIME = 0.1
"""Seconds without CPU after which the server is taken to be done."""


def run_linearity(load: Load, port: int, server_pid: int) -> dict[str, float]:
    """Return the median over some repetitions of the cost of twice the input. Raises LoadError, OSError."""
    feed, size = FEEDS[load.name]
    pids = process_tree(server_pid)

    def cost(amount: int) -> float:
        before = cpu_seconds(pids)
        feed(port, amount)
        return cpu_after_work(pids) - before

    cost(size // 10)
    pairs = [(cost(size), cost(2 * size)) for _ in range(REPETITIONS)]
    return {"cost": median(twice / once for once, twice in pairs)}


def cpu_after_work(pids: list[int]) -> float:
    """Return the CPU seconds of the processes once they use no more."""
    last = cpu_seconds(pids)
    while True:
        time.sleep(QUIET_TIME)
        now = cpu_seconds(pids)
        if now - last < QUIET_TIME / 100:
            return now
        last = now


def feed_fragments(port: int, count: int) -> None:
    """Exchange one message of `count` fragments of 10 bytes."""
    with Connection(port, "/") as connection:
        connection.exchange(b"".join(fragments(count)), b"m" * 10 * count, Opcode.BINARY)


def fragments(count: int) -> Iterator[bytes]:
    """Yield the frames of a message of `count` fragments."""
    yield client_frame(Opcode.BINARY, b"m" * 10, fin=False)
    middle = client_frame(Opcode.CONTINUATION, b"m" * 10, fin=False)
    for _ in range(count - 2):
        yield middle
    yield client_frame(Opcode.CONTINUATION, b"m" * 10)


def feed_bytes(port: int, count: int) -> None:
    """Exchange one message of `count` bytes, each written by itself."""
    payload = b"m" * count
    frame = client_frame(Opcode.BINARY, payload)
    with Connection(port, "/") as connection:
        for index in range(len(frame)):
            connection.socket.send(frame[index : index + 1])
        connection.expect(payload, Opcode.BINARY)


def feed_connections(port: int, count: int) -> None:
    """Open `count` connections, exchange one message on each and close them all."""
    frame = client_frame(Opcode.TEXT, MESSAGE)
    with open_connections(port, "/", count) as connections:
        for connection in connections:
            connection.exchange(frame, MESSAGE, Opcode.TEXT)


FEEDS: dict[str, tuple[Callable[[int, int], None], int]] = {
    "linear-fragments": (feed_fragments, 20_000),
    "linear-bytes": (feed_bytes, 20_000),
    "linear-connections": (feed_connections, 500),
}
"""For each load what feeds the server, and how much of it is once the input."""
