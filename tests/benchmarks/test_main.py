from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.loads import LOADS, QUICK
from benchmarks.server_table import SERVERS, select_servers
from tests.benchmarks.example import measured, results


def test_defaults() -> None:
    options = command.parse([])
    assert (options.servers, options.loads) == (list(SERVERS), list(LOADS))
    assert (options.rounds, options.seconds) == (3, 1.0)


def test_selection() -> None:
    options = command.parse(["--servers", "raw, wsserve", "--loads", "idle"])
    assert [server.name for server in options.servers] == ["wsserve", "raw"]
    assert [load.name for load in options.loads] == ["idle"]


def test_quick() -> None:
    options = command.parse(["--quick"])
    assert (options.rounds, options.seconds, [load.name for load in options.loads]) == (1, 0.4, list(QUICK))
    assert [load.name for load in command.parse(["--quick", "--loads", "1m"]).loads] == ["1m"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--servers", "apache"], "there is no server 'apache'"),
        (["--loads", "moon"], "there is no load 'moon'"),
        (["--rounds", "0"], "--rounds is 0: at least one takes place"),
        (["--seconds", "30"], "--seconds is 30: it must be above 0 and at most 10"),
    ],
)
def test_wrong_options(arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.parse(arguments)
    assert error in capsys.readouterr().err


def test_earlier_results_are_shown_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.json"
    results(measured("64b", "wsserve", 6)).write(path)
    assert command.main(["--results", str(path)]) == 0
    assert "What it must show" not in capsys.readouterr().out
    assert command.main(["--results", str(path), "--targets"]) == 0
    assert "What it must show" in capsys.readouterr().out
    assert command.main(["--results", str(path), "--check"]) == 1
    assert "wsserve, wire codec" in capsys.readouterr().out


def test_results_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--results", str(tmp_path / "no.json")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_node_that_is_missing_is_said_aloud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert command.available(SERVERS) == [server for server in SERVERS if server.name != "node-ws"]
    assert "LEFT OUT: node, ws: node and npm were not found on PATH" in capsys.readouterr().err
    assert command.available(select_servers(["raw"])) == select_servers(["raw"])
