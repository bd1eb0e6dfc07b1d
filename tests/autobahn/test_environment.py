"""Finding a Python 2.7, making the suite's environment, and falling back to Docker."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from wsserve.autobahn import commands, environment
from wsserve.autobahn.environment import DockerSuite, NativeSuite, SetupError, find_python27, install, prepare


def program(path: Path, status: int) -> str:
    """Make a program that only exits with a status, as a probed Python does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(0o755)
    return str(path)


def bare(tmp_path: Path, **variables: str) -> dict[str, str]:
    """Return an environment in which no Python 2.7 and no Docker is found unless the variables add one."""
    return {"PATH": str(tmp_path / "empty"), "HOME": str(tmp_path / "home"), **variables}


def test_autobahn_python_comes_first(tmp_path: Path) -> None:
    named = program(tmp_path / "opt" / "old-python", 0)
    program(tmp_path / "bin" / "python2.7", 0)
    assert find_python27(bare(tmp_path, PATH=str(tmp_path / "bin"), AUTOBAHN_PYTHON=named)) == named


def test_autobahn_python_may_be_a_name_on_path(tmp_path: Path) -> None:
    expected = program(tmp_path / "bin" / "old-python", 0)
    assert find_python27(bare(tmp_path, PATH=str(tmp_path / "bin"), AUTOBAHN_PYTHON="old-python")) == expected


@pytest.mark.parametrize("named", [sys.executable, "/no/such/python"])
def test_an_autobahn_python_that_is_none_is_an_error_and_not_passed_over(tmp_path: Path, named: str) -> None:
    program(tmp_path / "bin" / "python2.7", 0)
    with pytest.raises(SetupError, match=rf"AUTOBAHN_PYTHON is '{named}', which is no working Python 2\.7"):
        find_python27(bare(tmp_path, PATH=str(tmp_path / "bin"), AUTOBAHN_PYTHON=named))


def test_a_shim_that_fails_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "shims" / "python2.7", 127)
    real = program(tmp_path / "bin" / "python2.7", 0)
    assert find_python27(bare(tmp_path, PATH=f"{tmp_path / 'shims'}:{tmp_path / 'bin'}")) == real


def test_python2_on_path_will_do(tmp_path: Path) -> None:
    real = program(tmp_path / "bin" / "python2", 0)
    assert find_python27(bare(tmp_path, PATH=str(tmp_path / "bin"))) == real


@pytest.mark.parametrize("variable", ["PYENV_ROOT", "HOME"])
def test_pyenv_versions_are_looked_through(tmp_path: Path, variable: str) -> None:
    root = tmp_path / "pyenv" if variable == "PYENV_ROOT" else tmp_path / "home" / ".pyenv"
    program(root / "versions" / "2.7.18" / "bin" / "python2.7", 1)
    works = program(root / "versions" / "2.7.17" / "bin" / "python2.7", 0)
    extra = {"PYENV_ROOT": str(root)} if variable == "PYENV_ROOT" else {}
    assert find_python27(bare(tmp_path, **extra)) == works


def test_there_may_be_none(tmp_path: Path) -> None:
    assert find_python27(bare(tmp_path)) is None


def test_with_neither_python_nor_docker_the_message_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"(?s)pyenv install 2\.7\.18.*AUTOBAHN_PYTHON=.*start Docker"):
        prepare(tmp_path / "cache", bare(tmp_path))


@pytest.mark.parametrize("running", [True, False])
def test_docker_is_used_only_when_its_engine_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: bool
) -> None:
    program(tmp_path / "bin" / "docker", 0 if running else 1)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    if running:
        assert prepare(tmp_path / "cache", bare(tmp_path, PATH=str(tmp_path / "bin"))) == DockerSuite()
    else:
        with pytest.raises(SetupError):
            prepare(tmp_path / "cache", bare(tmp_path, PATH=str(tmp_path / "bin")))


def test_docker_reaches_the_host_and_shares_the_directory() -> None:
    command = DockerSuite().command(Path("/somewhere/reports"))
    assert command[:3] == ["docker", "run", "--rm"]
    assert "--network=host" in command
    assert "--volume=/somewhere/reports:/reports" in command
    assert command[-6:] == [
        "crossbario/autobahn-testsuite", "wstest", "-m", "fuzzingclient", "-s", "/reports/fuzzingclient.json"
    ]  # fmt: skip
    assert DockerSuite().report_directory(Path("/somewhere/reports")) == "/reports"


class Installation:
    """Stands in for the commands of an installation: notes them, makes the environment, fails where told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: str = "nothing") -> None:
        self.commands: list[str] = []
        self.failing = failing
        monkeypatch.setattr(commands, "run", self.run)

    def run(
        self, command: Sequence[str], *, timeout: float, environment: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        line = " ".join(command)
        self.commands.append(line)
        if "-c import sys" in line:
            return 0, ""
        if self.failing in line:
            return 1, f"cannot do {self.failing}\n"
        if "-m virtualenv" in line:
            program(Path(command[-1]) / "bin" / "python", 0)
        return 0, "done\n"


def test_an_environment_is_made_once_and_then_used_without_running_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = program(tmp_path / "bin" / "python2.7", 0)
    installation = Installation(monkeypatch)
    cache = tmp_path / "cache"
    suite = prepare(cache, bare(tmp_path, AUTOBAHN_PYTHON=python))
    assert suite == NativeSuite(cache / "py27" / "bin" / "python")
    assert "virtualenv==20.21.1" in installation.commands[-3]
    assert f"-m virtualenv --python {python}" in installation.commands[-2]
    assert installation.commands[-1].endswith("-m pip install --requirement " + str(environment.REQUIREMENTS))

    installation.commands.clear()
    assert prepare(cache, bare(tmp_path)) == suite
    assert installation.commands == []


def test_an_environment_with_other_pins_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = program(tmp_path / "bin" / "python2.7", 0)
    installation = Installation(monkeypatch)
    cache = tmp_path / "cache"
    install(python, cache)
    pins = tmp_path / "requirements.txt"
    pins.write_text("autobahntestsuite==0.8.2\n")
    monkeypatch.setattr(environment, "REQUIREMENTS", pins)
    installation.commands.clear()
    prepare(cache, bare(tmp_path, AUTOBAHN_PYTHON=python))
    assert installation.commands[-1].endswith(str(pins))


def test_the_virtualenv_of_the_python_2_itself_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installation = Installation(monkeypatch, failing="install virtualenv")
    install("/old/python2.7", tmp_path)
    assert f"/old/python2.7 -m virtualenv {tmp_path / 'py27'}" in installation.commands


def test_without_any_virtualenv_the_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Installation(monkeypatch, failing="-m virtualenv")
    with pytest.raises(SetupError, match=r"No environment could be made for /old/python2\.7"):
        install("/old/python2.7", tmp_path)


def test_a_failed_installation_shows_its_output_and_is_not_taken_for_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = program(tmp_path / "bin" / "python2.7", 0)
    installation = Installation(monkeypatch, failing="--requirement")
    with pytest.raises(SetupError, match=r"(?s)cannot do --requirement.*a C compiler.*setup\.log"):
        prepare(tmp_path / "cache", bare(tmp_path, AUTOBAHN_PYTHON=python))
    assert "cannot do --requirement" in (tmp_path / "cache" / "setup.log").read_text()
    installation.failing = "nothing"
    installation.commands.clear()
    prepare(tmp_path / "cache", bare(tmp_path, AUTOBAHN_PYTHON=python))
    assert installation.commands[-1].endswith(str(environment.REQUIREMENTS))


def test_every_requirement_is_pinned() -> None:
    lines = [line for line in environment.REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert "autobahntestsuite==25.10.1" in lines
