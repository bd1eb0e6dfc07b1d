"""Memory: what each further connection adds to the server's memory when it idles after one small message."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.load_generator.connection import open_connections
from benchmarks.load_generator.frames import Opcode, client_frame
from benchmarks.loads import Load
from benchmarks.process import memory_kib, process_tree

FIRST_CONNECTIONS = 100
"""So many are open before the first reading: what a server allocates once does not count."""

SETTLE_TIME = 0.5
MESSAGE = b"m" * 64


def run_memory(load: Load, port: int, server_pid: int) -> dict[str, float]:
    """Return the KiB that each of the load's connections adds. Raises LoadError, OSError."""
    with use_connections(load, port, FIRST_CONNECTIONS):
        before = settled_memory(server_pid)
        with use_connections(load, port, load.connections):
            after = settled_memory(server_pid)
    return {"cost": (after - before) / load.connections}


@contextmanager
def use_connections(load: Load, port: int, count: int) -> Iterator[None]:
    """Hold connections open within the `with` block, after a message on each."""
    frame = client_frame(Opcode.TEXT, MESSAGE)
    with open_connections(port, load.path, count, deflate=load.deflate) as connections:
        for connection in connections:
            connection.exchange(frame, MESSAGE, Opcode.TEXT)
        yield


def settled_memory(server_pid: int) -> float:
    """Return the memory of the server and its workers, in KiB, once they have had time to settle."""
    time.sleep(SETTLE_TIME)
    return memory_kib(process_tree(server_pid))
