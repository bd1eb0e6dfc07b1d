"""The load generator against the floor, which answers as a server does."""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.load_generator import memory
from benchmarks.load_generator.broadcast import run_broadcast
from benchmarks.load_generator.connection import Connection, LoadError, NotNegotiatedError, negotiated_window_bits
from benchmarks.load_generator.connects import run_connects
from benchmarks.load_generator.echo import run_echo
from benchmarks.load_generator.frames import Opcode, client_frame
from benchmarks.load_generator.memory import run_memory
from benchmarks.load_generator.window import Reading, Window, values
from benchmarks.loads import Load, select_loads
from benchmarks.server_process import FOLDER, free_port

SECONDS = 0.02


class Floor:
    """The raw Protocol in a process of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process = subprocess.Popen([sys.executable, str(FOLDER / "raw_protocol.py"), str(self.port)])

    def wait_until_listening(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert time.monotonic() < deadline
                select.select([], [], [], 0.01)


@pytest.fixture(scope="module")
def floor() -> Iterator[Floor]:
    started = Floor()
    try:
        started.wait_until_listening()
        yield started
    finally:
        started.process.kill()
        started.process.wait()


def load(name: str, connections: int) -> Load:
    [found] = select_loads([name])
    return replace(found, connections=connections)


@pytest.mark.parametrize("name", ["64b", "64b-10", "1k", "64k", "1m"])
def test_echo(floor: Floor, name: str) -> None:
    found = run_echo(load(name, 3), floor.port, Window(floor.process.pid, SECONDS, SECONDS))
    assert set(found) == {"cost", "rate", "p50", "p99", "server_share", "client_share"}
    assert found["cost"] > 0
    assert found["rate"] > 0
    assert 0 < found["p50"] <= found["p99"]


def test_broadcast(floor: Floor) -> None:
    found = run_broadcast(load("broadcast", 20), floor.port, Window(floor.process.pid, SECONDS, SECONDS))
    assert found["rate"] > 0


def test_connects(floor: Floor) -> None:
    found = run_connects(load("connects", 3), floor.port, Window(floor.process.pid, SECONDS, SECONDS))
    assert found["rate"] > 0


def test_memory(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SETTLE_TIME", 0)
    assert run_memory(load("idle", 50), floor.port, floor.process.pid)["cost"] >= 0


def test_deflate_that_is_not_negotiated(floor: Floor) -> None:
    with pytest.raises(NotNegotiatedError, match="permessage-deflate is not negotiated"):
        run_echo(load("deflate", 1), floor.port, Window(floor.process.pid, SECONDS, SECONDS))


def test_reply_that_is_no_echo(floor: Floor) -> None:
    with (
        Connection(floor.port, "/") as connection,
        pytest.raises(LoadError, match="sent 5 bytes with opcode 1, got 5 other ones, first byte 0x81"),
    ):
        connection.exchange(client_frame(Opcode.TEXT, b"Hello"), b"World", Opcode.TEXT)


def test_port_where_nobody_listens() -> None:
    with pytest.raises(ConnectionRefusedError):
        Connection(free_port(), "/")


@pytest.mark.parametrize(
    ("extension", "bits"),
    [
        (b"permessage-deflate", 12),
        (b"permessage-deflate; client_max_window_bits=15", 12),
        (b"permessage-deflate; server_max_window_bits=10; client_max_window_bits=9", 9),
    ],
)
def test_window_bits(extension: bytes, bits: int) -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: " + extension
    assert negotiated_window_bits(head) == bits


def test_values_of_two_readings() -> None:
    found = values([Reading(1.0, 2.0, 10.0, 100), Reading(1.5, 2.25, 11.0, 600)], [0.001, 0.002])
    assert found == {
        "cost": 1000.0,
        "rate": 500.0,
        "p50": 1000.0,
        "p99": 2000.0,
        "server_share": 0.5,
        "client_share": 0.25,
    }


def test_values_of_nothing() -> None:
    reading = Reading(1.0, 2.0, 10.0, 100)
    with pytest.raises(ValueError, match="no message came back in time"):
        values([reading, reading], [])


def test_window_forgets_the_warm_up() -> None:
    window = Window(os.getpid(), 0.0, 0.0)
    assert not window.is_due(time.perf_counter())
    window.begin()
    window.latencies.append(9.0)
    assert window.is_due(time.perf_counter())
    over = [window.is_over]
    for count in (5, 15):
        window.read(count)
        over.append(window.is_over)
        window.latencies.append(1.0)
    assert over == [False, False, True]
    assert window.values()["p99"] == 1e6
