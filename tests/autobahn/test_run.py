"""The command line, from options to exit status, with a stand-in for the suite and for the server."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.autobahn.fake_suite import SCRIPT, FakeSuite
from wsserve.autobahn import run
from wsserve.autobahn.cases import load_expectations
from wsserve.autobahn.configuration import Configuration
from wsserve.autobahn.environment import SetupError
from wsserve.autobahn.run import main
from wsserve.autobahn.server_process import ServerEnd, ServerError

URL = "--url=ws://127.0.0.1:1"
INFORMATIONAL = ("INFORMATIONAL", "INFORMATIONAL")
GOOD = FakeSuite.with_verdicts(case_7_1_6=INFORMATIONAL, case_7_13_1=INFORMATIONAL, case_7_13_2=INFORMATIONAL)


class FakeServer:
    """A server that is never started, and ends as told."""

    end = ServerEnd(1.5, [])
    started: list[str]

    def stop(self) -> ServerEnd:
        return self.end


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    fake = FakeServer()
    fake.started = []

    def start(configuration: Configuration, directory: Path) -> tuple[FakeServer, str]:
        fake.started.append(configuration.name)
        return fake, "ws://127.0.0.1:1"

    monkeypatch.setattr(run, "start_server", start)
    return fake


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run, "_root", lambda: tmp_path)


def invoke(monkeypatch: pytest.MonkeyPatch, suite: FakeSuite, *options: str) -> Result:
    monkeypatch.setattr(run, "prepare", lambda cache: suite)
    return CliRunner().invoke(main, options)


def last_line(result: Result) -> str:
    return result.stdout.splitlines()[-1]


def test_a_good_run_exits_with_0(monkeypatch: pytest.MonkeyPatch, server: FakeServer, tmp_path: Path) -> None:
    result = invoke(monkeypatch, GOOD, "--cases", "7,1.1.*", "--cases=3.2")
    assert result.exit_code == 0
    assert last_line(result) == "46 passed, 0 failed"
    assert "wire-asyncio-auto: 46 of the suite's 517 cases" in result.stdout
    assert "the server used 1.5 seconds of CPU" in result.stdout
    assert f"report: {tmp_path}/reports/autobahn/wire-asyncio-auto/index.html" in result.stdout


@pytest.mark.parametrize("found", [("NON-STRICT", "OK"), ("OK", "UNCLEAN"), ("FAILED", "FAILED")])
def test_a_difference_exits_with_1(monkeypatch: pytest.MonkeyPatch, found: tuple[str, str]) -> None:
    result = invoke(monkeypatch, FakeSuite.with_verdicts(case_3_2=found), URL, "--cases", "3")
    assert result.exit_code == 1
    assert f"3.2: expected OK, close OK; seen {found[0]}, close {found[1]}" in result.stdout
    assert last_line(result) == "6 passed, 1 failed"


def test_cases_that_did_not_run_exit_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    result = invoke(monkeypatch, FakeSuite.with_verdicts(case_3_6=("REFUSED", "")), URL, "--cases", "3")
    assert result.exit_code == 1
    assert "did not run: 3.6, 3.7" in result.stdout
    assert "problem: the suite could not connect" in result.stdout
    assert last_line(result) == "5 passed, 2 failed"


def test_an_older_report_is_not_taken_for_this_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = (URL, "--cases", "3", "--outdir", str(tmp_path / "out"))
    assert invoke(monkeypatch, GOOD, *options).exit_code == 0
    result = invoke(monkeypatch, replace(GOOD, script="pass"), *options)
    assert result.exit_code == 1
    assert last_line(result) == "0 passed, 7 failed"


def test_the_whole_suite_is_asked_for_by_a_star_so_that_unknown_cases_show(
    monkeypatch: pytest.MonkeyPatch, server: FakeServer
) -> None:
    every = repr(["0.1", *load_expectations().outcomes])
    result = invoke(monkeypatch, replace(GOOD, script=SCRIPT.replace('spec["cases"]', every)))
    assert "0.1: expected no such case; seen OK, close OK" in result.stdout
    assert last_line(result) == "517 passed, 1 failed"
    assert result.exit_code == 1


def test_quick_leaves_out_the_long_sections_and_repeat_runs_the_rest_again(monkeypatch: pytest.MonkeyPatch) -> None:
    result = invoke(monkeypatch, GOOD, URL, "--quick", "--repeat", "2", "--exclude", "6", "--exclude=5,4.1")
    assert last_line(result) == f"{2 * (247 - 145 - 20 - 5)} passed, 0 failed"
    assert result.exit_code == 0


def test_a_server_that_ends_badly_fails_the_run(monkeypatch: pytest.MonkeyPatch, server: FakeServer) -> None:
    server.end = ServerEnd(2, ["the server logged a traceback: see server.log"])
    result = invoke(monkeypatch, GOOD, "--cases", "3")
    assert "problem: the server logged a traceback: see server.log" in result.stdout
    assert last_line(result) == "7 passed, 0 failed"
    assert result.exit_code == 1


def test_a_server_that_does_not_start_fails_every_case(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(configuration: Configuration, directory: Path) -> None:
        raise ServerError("the server ended with status 2 when started:\nno such option")

    monkeypatch.setattr(run, "start_server", start)
    result = invoke(monkeypatch, GOOD, "--cases", "3")
    assert "no such option" in result.stdout
    assert last_line(result) == "0 passed, 7 failed"
    assert result.exit_code == 1


def test_all_runs_every_configuration_and_names_those_that_differ(
    monkeypatch: pytest.MonkeyPatch, server: FakeServer, tmp_path: Path
) -> None:
    options = ("--all", "--cases", "3.2", "--outdir", str(tmp_path / "out"))
    result = invoke(monkeypatch, GOOD, *options)
    assert result.exit_code == 0
    assert len(set(server.started)) == 18
    assert result.stdout.count("1 passed, 0 failed") == 18
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(server.started)
    result = invoke(monkeypatch, FakeSuite.with_verdicts(case_3_2=("FAILED", "OK")), *options)
    assert result.exit_code == 1
    assert result.stderr.startswith("not as expected: wire-asyncio-uvloop, ")


def test_options_choose_the_configuration(monkeypatch: pytest.MonkeyPatch, server: FakeServer) -> None:
    invoke(monkeypatch, GOOD, "--cases=3.2", "--backend=trio", "--tls")
    invoke(monkeypatch, GOOD, "--cases=3.2", "--codec=wsproto", "--loop=uvloop")
    assert server.started == ["wire-trio-tls", "wsproto-asyncio-uvloop"]


@pytest.mark.parametrize(
    "options",
    [
        ["--cases", "3.99"],
        ["--exclude", "nothing"],
        ["--cases", "3", "--exclude", "3"],
        ["--backend", "trio", "--loop", "uvloop"],
        [URL, "--all"],
        [URL, "--tls"],
        ["--repeat", "0"],
        ["--codec", "other"],
    ],
)
def test_mistakes_in_the_options_exit_with_2(monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    assert invoke(monkeypatch, GOOD, *options).exit_code == 2


def test_a_machine_without_the_suite_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(cache: Path) -> None:
        raise SetupError("install Python 2.7")

    monkeypatch.setattr(run, "prepare", prepare)
    result = CliRunner().invoke(main, [URL])
    assert result.exit_code == 1
    assert "Error: install Python 2.7" in result.stderr
