"""One run of the suite, with a stand-in for it."""

import io
import json
from pathlib import Path

import pytest

from tests.autobahn.fake_suite import FakeSuite
from wsserve.autobahn import fuzzing_client
from wsserve.autobahn.fuzzing_client import SuiteError, run_suite
from wsserve.autobahn.progress import Progress


def run(suite: FakeSuite, directory: Path, cases: list[str]) -> str:
    shown = io.StringIO()
    agents = ["us 1", "us 2"]
    run_suite(suite, directory, url="ws://127.0.0.1:1", agents=agents, cases=cases, progress=Progress(9, shown))
    return shown.getvalue()


def test_the_suite_gets_a_spec_and_its_progress_is_shown_and_its_output_kept(tmp_path: Path) -> None:
    assert run(FakeSuite(), tmp_path, ["1.1.1", "7.1.6"]).count("case ") == 4
    assert json.loads((tmp_path / "fuzzingclient.json").read_bytes()) == {
        "outdir": str(tmp_path),
        "servers": [{"agent": "us 1", "url": "ws://127.0.0.1:1"}, {"agent": "us 2", "url": "ws://127.0.0.1:1"}],
        "cases": ["1.1.1", "7.1.6"],
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    assert list(json.loads((tmp_path / "index.json").read_bytes())) == ["us 1", "us 2"]
    assert "Running test case ID 7.1.6 for agent us 2" in (tmp_path / "suite.log").read_text()


def test_a_suite_that_fails_is_an_error_with_the_end_of_its_output(tmp_path: Path) -> None:
    script = "import sys; print('no module named autobahntestsuite'); sys.exit(1)"
    with pytest.raises(SuiteError, match=r"(?s)ended with status 1 and wrote no report.*no module named"):
        run(FakeSuite(script=script), tmp_path, ["1.1.1"])


def test_a_suite_that_writes_no_report_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="ended with status 0 and wrote no report"):
        run(FakeSuite(script="pass"), tmp_path, ["1.1.1"])


def test_a_suite_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing_client, "SILENCE_TIMEOUT", 0.2)
    with pytest.raises(SuiteError, match="the suite hangs: nothing was printed for 0 seconds"):
        run(FakeSuite(script="import time; time.sleep(60)"), tmp_path, ["1.1.1"])


def test_a_refused_connection_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"could not connect.*Connection to ws://127\.0\.0\.1:1 failed \(refused\)"):
        run(FakeSuite.with_verdicts(case_2_1=("REFUSED", "")), tmp_path, ["1.1.1", "2.1", "2.2"])
