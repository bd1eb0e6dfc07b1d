"""A server under load: a process group of its own, pinned to a core, its output in a log file."""

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import commands
from benchmarks.environment import BIN, server_environment
from benchmarks.loads import Load
from benchmarks.server_table import Server

START_TIMEOUT = 15.0
FOLDER = Path(__file__).with_name("servers")


class StartError(Exception):
    """The server did not start; the message says what it wrote."""


class ServerProcess:
    """A server that runs within a `with` block, listening on `port`."""

    def __init__(self, server: Server, load: Load, core: int, log: Path) -> None:
        self.port = free_port()
        self._command = server.command_for(load, self.port)
        program = BIN / self._command[0]
        if program.exists():
            self._command[0] = str(program)
        self._environment = server_environment() | dict(server.environment) | {"BENCHMARK_DEFLATE": f"{load.deflate:d}"}
        self._core = core
        self._log = log

    def __enter__(self) -> Self:
        """Start it and wait until it listens. Raises StartError."""
        with self._log.open("wb") as log:
            self._process = commands.start_group(
                self._command, folder=FOLDER, environment=self._environment, core=self._core, output=log
            )
        try:
            self._wait_until_listening()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kill it with its workers: a graceful end would take time and tell nothing here."""
        self._kill()

    @property
    def pid(self) -> int:
        """The id of the process that was started."""
        return self._process.pid

    def log_tail(self) -> str:
        """Return the end of what it wrote, without the records of single connections."""
        lines = self._log.read_text(errors="replace").splitlines()
        told = [line.strip() for line in lines if line.strip() and '"WebSocket ' not in line and '"GET ' not in line]
        return " | ".join(told[-3:])[-400:]

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                status = self._process.returncode
                raise StartError(f"it ended with status {status} when started: {self.log_tail()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise StartError(f"it was not listening after {START_TIMEOUT:.0f} seconds: {self.log_tail()}")


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
