"""Running the programs that a benchmark consists of."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO


def run(
    command: Sequence[str],
    *,
    folder: Path,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    core: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; `environment` is added to this process's own. Raises subprocess.TimeoutExpired."""
    return subprocess.run(  # noqa: S603 - the commands are this package's own; no shell reads them
        command,
        cwd=folder,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        preexec_fn=_pinning(core),
    )


def start_group(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], core: int, output: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own on one core; all it writes goes to `output`."""
    return subprocess.Popen(  # noqa: S603 - as above
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_pinning(core),
    )


def _pinning(core: int | None) -> Callable[[], None] | None:
    """Return what a new process calls to stay on the core; it starts no threads before."""
    if core is None:
        return None
    return lambda: os.sched_setaffinity(0, {core})
