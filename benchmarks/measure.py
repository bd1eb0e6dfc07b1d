"""Measuring: for each round and load, each server in turn is started, loaded and stopped."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import commands
from benchmarks.environment import REPOSITORY
from benchmarks.loads import Load
from benchmarks.results import NOT_NEGOTIATED, Measurement
from benchmarks.server_process import ServerProcess, StartError
from benchmarks.server_table import Server

LOAD_TIMEOUT = 60.0
"""Seconds beyond the measured ones after which a load is given up."""

DESCRIPTORS = 8192


@dataclass(frozen=True)
class Settings:
    """How long and how often to measure, and on which cores."""

    rounds: int
    seconds: float
    warm_up: float
    server_core: int
    client_core: int
    logs: Path


class LoadFailedError(Exception):
    """The server did not do its part under a load; the message says what was wrong."""


class TooFewCoresError(Exception):
    """There is no second core for the load."""


def choose_cores() -> tuple[int, int]:
    """Return the core for the server and the one for the load. Raises TooFewCoresError."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise TooFewCoresError("the benchmarks need two cores, one for the server and one for the load; there is one")
    return cores[-1], cores[-2]


def allow_descriptors() -> None:
    """Raise the limit of open files, which servers and load inherit, to what the loads need or the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def measure(servers: Sequence[Server], loads: Sequence[Load], settings: Settings) -> Iterator[Measurement]:
    """Yield a measurement for each round, load and server."""
    allow_descriptors()
    settings.logs.mkdir(parents=True, exist_ok=True)
    for number in range(1, settings.rounds + 1):
        for load in loads:
            if number > 1 and load.once:
                continue
            for server in servers:
                if server.runs(load):
                    yield measure_once(server, load, number, settings)


def measure_once(server: Server, load: Load, number: int, settings: Settings) -> Measurement:
    """Return the measurement of one server under one load."""
    log = settings.logs / f"{server.name}-{load.name}.log"
    try:
        with ServerProcess(server, load, settings.server_core, log) as process:
            values = run_load(load, process, settings)
    except (StartError, LoadFailedError) as error:
        return Measurement(load.name, server.name, number, {}, str(error))
    return Measurement(load.name, server.name, number, values)


def run_load(load: Load, process: ServerProcess, settings: Settings) -> dict[str, float]:
    """Run the load generator on its core and return what it measured. Raises LoadFailedError."""
    numbers = (process.port, process.pid, settings.warm_up, settings.seconds)
    command = [sys.executable, "-m", "benchmarks.load_generator", load.name, *map(str, numbers)]
    try:
        timeout = LOAD_TIMEOUT + settings.seconds
        done = commands.run(command, folder=REPOSITORY, timeout=timeout, core=settings.client_core)
    except subprocess.TimeoutExpired:
        raise LoadFailedError(f"not done in time; the log ends with: {process.log_tail()}") from None
    said = (done.stdout or done.stderr).strip().rpartition("\n")[2]
    if said == NOT_NEGOTIATED:
        raise LoadFailedError(said)
    if done.returncode != 0:
        raise LoadFailedError(f"{said}; the log ends with: {process.log_tail()}")
    values: dict[str, float] = json.loads(said)
    return values
