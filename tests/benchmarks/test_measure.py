import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import measure
from benchmarks.loads import LOADS, select_loads
from benchmarks.measure import Settings, TooFewCoresError, choose_cores, measure_once
from benchmarks.results import NOT_NEGOTIATED, Measurement
from benchmarks.server_process import ServerProcess, StartError
from benchmarks.server_table import SERVERS, Family, Server, select_servers

FLOOR = Server("floor", "floor", Family.FLOOR, (sys.executable, "raw_protocol.py", "{port}"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    core = min(os.sched_getaffinity(0))
    return Settings(rounds=1, seconds=0.02, warm_up=0.02, server_core=core, client_core=core, logs=tmp_path)


def python(code: str) -> Server:
    return Server("broken", "broken", Family.OTHER, (sys.executable, "-c", code))


def test_measured_in_processes_of_their_own(settings: Settings) -> None:
    [load] = select_loads(["64b"])
    found = measure_once(FLOOR, load, 7, settings)
    assert (found.load, found.server, found.round, found.problem) == ("64b", "floor", 7, "")
    assert found.values["rate"] > 0


def test_not_negotiated_is_all_that_is_said(settings: Settings) -> None:
    [load] = select_loads(["deflate"])
    assert measure_once(FLOOR, load, 1, settings).problem == NOT_NEGOTIATED


def test_server_that_does_not_start_is_told_with_its_log(settings: Settings) -> None:
    [load] = select_loads(["64b"])
    found = measure_once(python("print('no module named this'); raise SystemExit(3)"), load, 1, settings)
    assert found.values == {}
    assert found.problem == "it ended with status 3 when started: no module named this"


def test_server_that_fails_under_load_is_told_with_its_log(settings: Settings) -> None:
    code = (
        "import socket\n"
        "listener = socket.create_server(('127.0.0.1', {port}))\n"
        "print('I close them all', flush=True)\n"
        "while True: listener.accept()[0].close()"
    )
    [load] = select_loads(["64b"])
    found = measure_once(python(code), load, 1, settings)
    assert found.problem.endswith("; the log ends with: I close them all")


def test_server_that_never_listens(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.server_process.START_TIMEOUT", 0.05)
    process = ServerProcess(python("input()"), LOADS[0], settings.server_core, settings.logs / "log")
    with pytest.raises(StartError, match=r"it (was not listening after|ended with status)"), process:
        pass


def test_server_is_gone_afterwards(settings: Settings) -> None:
    with ServerProcess(FLOOR, LOADS[0], settings.server_core, settings.logs / "log") as process:
        assert os.sched_getaffinity(process.pid) == {settings.server_core}
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_rounds_in_turn(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(server: Server, load: object, number: int, _settings: object) -> Measurement:
        return Measurement(getattr(load, "name", ""), server.name, number, {})

    monkeypatch.setattr(measure, "measure_once", measured)
    monkeypatch.setattr(measure, "allow_descriptors", lambda: None)

    def order(servers: Sequence[Server], *loads: str) -> list[tuple[int, str, str]]:
        found = measure.measure(servers, select_loads(loads), replace(settings, rounds=2))
        return [(one.round, one.load, one.server) for one in found]

    servers = select_servers(["wsserve", "raw"])
    assert order(servers, "64b", "idle", "linear-bytes") == [
        (1, "64b", "wsserve"),
        (1, "64b", "raw"),
        (1, "idle", "wsserve"),
        (1, "idle", "raw"),
        (1, "linear-bytes", "wsserve"),
        (2, "64b", "wsserve"),
        (2, "64b", "raw"),
    ]
    assert len(order(SERVERS, "64b")) == 2 * sum(server.runs(select_loads(["64b"])[0]) for server in SERVERS)


def test_two_cores_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 4})
    assert choose_cores() == (5, 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    with pytest.raises(TooFewCoresError, match="need two cores"):
        choose_cores()
