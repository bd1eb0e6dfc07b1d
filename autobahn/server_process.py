"""The server under test, as a process of its own."""

import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from wsserve.autobahn import commands
from wsserve.autobahn.configuration import Configuration

START_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0


class ServerError(Exception):
    """The server did not start; the message says what it printed."""


@dataclass(frozen=True)
class ServerEnd:
    """How a server ended: the CPU seconds it used in all, and whatever was wrong with it, in sentences."""

    cpu_seconds: float
    problems: list[str]


class ServerProcess:
    """A server that runs until `stop`. What it prints is kept in server.log in `directory`."""

    def __init__(
        self, command: list[str], port: int, directory: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start `command`, which listens on `port` of 127.0.0.1; it is listening once the constructor returns.

        Raises ServerError when it ends, or is not listening, within 30 seconds.
        """
        self.log = directory / "server.log"
        with self.log.open("wb") as file:
            self._process = commands.start(command, output=file, environment=environment)
        self._cpu_seconds = 0.0
        try:
            self._wait_until_listening(port)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> ServerEnd:
        """End the server with SIGTERM, or SIGKILL after 20 seconds, and judge its end and its log."""
        problems = []
        if self._is_running():
            self._process.send_signal(signal.SIGTERM)
            if not self.ends_within(STOP_TIMEOUT):
                problems.append(f"the server was still running {STOP_TIMEOUT:.0f} seconds after SIGTERM and was killed")
                self._process.kill()
                self.ends_within(STOP_TIMEOUT)
            elif self._process.returncode != 0:
                problems.append(f"the server ended with status {self._process.returncode} after SIGTERM, not with 0")
        else:
            problems.append(f"the server ended by itself, with status {self._process.returncode}")
        if "Traceback (most recent call last)" in self.log.read_text(errors="replace"):
            problems.append(f"the server logged a traceback: see {self.log}")
        return ServerEnd(self._cpu_seconds, problems)

    def ends_within(self, seconds: float) -> bool:
        """Wait for the server to end by itself; say whether it did."""
        return any(not self._is_running() for _ in commands.until(monotonic() + seconds))

    def _wait_until_listening(self, port: int) -> None:
        for _ in commands.until(monotonic() + START_TIMEOUT):
            if not self._is_running():
                printed = self.log.read_text(errors="replace").strip()[-2000:]
                raise ServerError(f"the server ended with status {self._process.returncode} when started:\n{printed}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                continue
            return
        raise ServerError(f"the server was not listening on port {port} after {START_TIMEOUT:.0f} seconds")

    def _is_running(self) -> bool:
        """Collect the process with wait4, which tells the CPU time of this child alone, when it has ended."""
        if self._process.returncode is None:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self._cpu_seconds = usage.ru_utime + usage.ru_stime
        return self._process.returncode is None


def start_server(configuration: Configuration, directory: Path) -> tuple[ServerProcess, str]:
    """Start wsserve with the echo application; return it with its URL. Raises ServerError when it does not start."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "wsserve",
        "wsserve.autobahn.testee:app",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += configuration.server_options()
    if configuration.tls:
        # Imported here because only TLS takes trustme, which belongs to the tests' dependencies.
        from wsserve.autobahn.certificate import write_certificate

        key, certificate = write_certificate(directory)
        command += ["--ssl-keyfile", str(key), "--ssl-certfile", str(certificate)]
    scheme = "wss" if configuration.tls else "ws"
    return ServerProcess(command, port, directory, configuration.environment()), f"{scheme}://127.0.0.1:{port}"


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
