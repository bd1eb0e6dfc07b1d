"""Servers under test, each in a process of its own."""

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import urlencode

REPOSITORY = Path(__file__).parents[2]
START_TIMEOUT = 20.0  # seconds; several processes may start at once on a busy machine
STOP_TIMEOUT = 10.0
REPORT_TIMEOUT = 10.0

# What no server may write to its log while all is well.
SIGNS_OF_FAILURE = re.compile(r"Traceback|Exception ignored|never awaited|never retrieved|Warning: ")

_report_ids = itertools.count()


def new_report_id() -> str:
    """Return an id for one connection, to be sent as query parameter `id`, by which the app under test reports."""
    return f"report-{next(_report_ids)}"


def target(path: str, **parameters: object) -> str:
    """Return a request target: the path with these query parameters, quoted."""
    return f"{path}?{urlencode(parameters)}" if parameters else path


@dataclass(frozen=True)
class Configuration:
    """One way to run one server: `python -m` the arguments, where `{app}` stands for the app."""

    name: str
    arguments: tuple[str, ...]
    clean_exit_status: int = 0

    def command(self, app: str, options: Sequence[str]) -> list[str]:
        """Return the command line that serves `app` (module:attribute) on a port that the kernel chooses."""
        # Where the system can do it, a server ends with the tests, even if they are killed.
        setpriv = shutil.which("setpriv")
        prefix = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        return [*prefix, sys.executable, "-m", *(argument.format(app=app) for argument in self.arguments), *options]


def _wsserve(name: str, *choice: str) -> Configuration:
    common = ("--host", "127.0.0.1", "--port", "0", "--log-level", "info")
    return Configuration(name, ("wsserve", "{app}", *common, *choice))


def _uvicorn(websocket_implementation: str) -> Configuration:
    common = ("--host", "127.0.0.1", "--port", "0", "--lifespan", "on", "--ws", websocket_implementation)
    # uvicorn ends by raising the signal again that ended it
    return Configuration(f"uvicorn-{websocket_implementation}", ("uvicorn", "{app}", *common), -signal.SIGTERM)


def _hypercorn(worker_class: str) -> Configuration:
    arguments = ("hypercorn", "{app}", "--bind", "127.0.0.1:0", "--worker-class", worker_class)
    return Configuration(f"hypercorn-{worker_class}", arguments)


WSSERVE = (
    _wsserve("asyncio", "--backend", "asyncio", "--loop", "asyncio"),
    _wsserve("uvloop", "--backend", "asyncio", "--loop", "uvloop"),
    _wsserve("trio", "--backend", "trio"),
)
OTHER_SERVERS = (
    _uvicorn("websockets-sansio"),
    _uvicorn("websockets"),
    _uvicorn("wsproto"),
    _hypercorn("asyncio"),
    _hypercorn("trio"),
)


class Output:
    """What a process writes to one pipe, line by line, read by a thread so that the process never blocks."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._pipe:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._lines)

    def text(self, start: int = 0) -> str:
        """Return the lines from number `start` on, without the middle of very many."""
        lines = self._lines[start:]
        return "".join(lines if len(lines) < 1000 else [*lines[:500], "...\n", *lines[-500:]])

    def wait_for(self, pattern: str | re.Pattern[str], timeout: float, start: int = 0) -> re.Match[str]:
        """Return the first match in a line from number `start` on. Raises TimeoutError, EOFError when all ended."""
        first = start
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for line in self._lines[start:]:
                    if match := re.search(pattern, line):
                        return match
                start = max(start, len(self._lines))
                remaining = deadline - time.monotonic()
                if self._ended or remaining <= 0:
                    error = EOFError if self._ended else TimeoutError
                    raise error(f"no line matches {pattern!r} in:\n{self.text(first)}")
                self._changed.wait(remaining)

    def join(self) -> None:
        """Wait until all is read, after the process ended."""
        self._thread.join()
        self._pipe.close()


class ServerProcess:
    """A server that runs until it is stopped. Use it in `with`, which also checks that it ends cleanly."""

    def __init__(
        self,
        configuration: Configuration,
        app: str,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.configuration = configuration
        self._command = configuration.command(app, options)
        self._environment = os.environ | {"PYTHONUNBUFFERED": "1"} | dict(environment or {})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        status = self.stop()
        if error is None:
            assert status == self.configuration.clean_exit_status, f"exit status {status}, log:\n{self.log.text()}"

    def start(self) -> None:
        """Start the process and wait until it says on which port it accepts. Raises EOFError, TimeoutError."""
        # In the repository's folder the apps import as tests.end_to_end.apps, and coverage finds its settings.
        self._process = subprocess.Popen(
            self._command,
            cwd=REPOSITORY,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.log = Output(self._process.stderr)
        self.output = Output(self._process.stdout)
        try:
            self.port = int(self.log.wait_for(r"://127\.0\.0\.1:(\d+)", START_TIMEOUT)[1])
        except BaseException:
            self._process.kill()
            self._join()
            raise

    def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """Send SIGTERM, wait for the end, and return the exit status; one that does not end is killed: -9."""
        self.terminate()
        return self.wait(timeout)

    def terminate(self, signal_number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal that ends the server, and do not wait."""
        self._process.send_signal(signal_number)

    def wait(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait for the end and return the exit status; a server that does not end in time is killed: status -9."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._join()
        return self._process.returncode

    def _join(self) -> None:
        self._process.wait()
        self.log.join()
        self.output.join()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """True until the process ends."""
        return self._process.poll() is None

    def http(self, path: str = "/", **parameters: object) -> str:
        """Return the http URL of a path with these query parameters."""
        return f"http://127.0.0.1:{self.port}{target(path, **parameters)}"

    def ws(self, path: str = "/", **parameters: object) -> str:
        """Return the ws URL of a path with these query parameters."""
        return f"ws://127.0.0.1:{self.port}{target(path, **parameters)}"

    def report(self, report_id: str, timeout: float = REPORT_TIMEOUT) -> dict[str, Any]:
        """Return what the app under test reported under this id, as soon as it did (see apps/asgi.py)."""
        match = self.output.wait_for(rf'^REPORT ({{"id": "{report_id}".*}})$', timeout)
        report: dict[str, Any] = json.loads(match[1])
        return report

    def assert_log_clean(self, start: int = 0) -> None:
        """Check that no traceback and no warning is in the log from line `start` on."""
        text = self.log.text(start)
        assert not SIGNS_OF_FAILURE.search(text), text
