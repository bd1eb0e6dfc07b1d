"""Starting, watching and stopping the programs that a run consists of."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO


def start(
    command: Sequence[str | Path],
    *,
    output: IO[bytes] | int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program without standard input; its standard error goes where its standard output goes.

    `environment` is added to this process's own.
    """
    return subprocess.Popen(  # noqa: S603 - the commands are this package's own; no shell reads them
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
        cwd=directory,
    )


def run(
    command: Sequence[str | Path], *, timeout: float, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a program to its end; return its exit status and all that it printed.

    Raises OSError when it cannot be started, and subprocess.TimeoutExpired when it took longer than `timeout` seconds
    and was killed for it.
    """
    with start(command, output=subprocess.PIPE, environment=environment) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return process.returncode, output.decode(errors="replace")


def succeeds(command: Sequence[str | Path], *, timeout: float = 60) -> bool:
    """Say whether a program can be started and exits with status 0 within `timeout` seconds."""
    try:
        status, _ = run(command, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return status == 0


def stop(process: subprocess.Popen[bytes], *, grace: float = 10) -> None:
    """End a program that is still running: SIGTERM, and SIGKILL after `grace` seconds."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def lines(stream: IO[bytes], *, timeout: float) -> Iterator[str]:
    """Yield the lines that arrive on a pipe, without their ends.

    Raises TimeoutError when nothing arrives for `timeout` seconds.
    """
    pending = b""
    while True:
        ready, _, _ = select.select([stream], [], [], timeout)
        if not ready:
            raise TimeoutError(f"nothing was printed for {timeout:.0f} seconds")
        data = os.read(stream.fileno(), 65536)
        *complete, pending = (pending + data).split(b"\n")
        if not data and pending:
            complete.append(pending)
        for line in complete:
            yield line.decode(errors="replace")
        if not data:
            return


def until(deadline: float) -> Iterator[None]:
    """Yield twenty times a second until `time.monotonic()` reaches `deadline`, and at least once."""
    yield
    while time.monotonic() < deadline:
        time.sleep(0.05)
        yield
