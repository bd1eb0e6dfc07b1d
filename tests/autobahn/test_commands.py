"""Starting, watching and stopping programs."""

import subprocess
import sys
from pathlib import Path

import pytest

from wsserve.autobahn import commands


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_run_returns_status_and_both_outputs() -> None:
    code = "import os, sys; os.write(1, b'out '); os.write(2, os.environ['MORE'].encode()); sys.exit(3)"
    assert commands.run(python(code), timeout=20, environment={"MORE": "err"}) == (3, "out err")


def test_run_kills_what_takes_too_long() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        commands.run(python("import time; time.sleep(60)"), timeout=0.1)


def test_succeeds_is_false_for_what_fails_hangs_or_does_not_exist() -> None:
    assert commands.succeeds(python("pass"))
    assert not commands.succeeds(python("raise SystemExit(1)"))
    assert not commands.succeeds(python("import time; time.sleep(60)"), timeout=0.1)
    assert not commands.succeeds(["/no/such/program"])


def test_stop_kills_what_ignores_sigterm_and_leaves_alone_what_has_ended() -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    process = commands.start(python(code), output=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
        commands.stop(process, grace=0.1)
    assert process.returncode == -9
    commands.stop(process)


def test_stop_terminates() -> None:
    process = commands.start(python("import time; time.sleep(60)"))
    commands.stop(process)
    assert process.returncode == -15


def test_lines_come_whole_and_without_their_ends() -> None:
    process = commands.start(python("print('one'); print('two'); print('no end', end='')"), output=subprocess.PIPE)
    assert process.stdout is not None
    with process, process.stdout:
        assert list(commands.lines(process.stdout, timeout=20)) == ["one", "two", "no end"]


def test_lines_raises_when_nothing_comes() -> None:
    process = commands.start(python("import time; time.sleep(60)"), output=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        with pytest.raises(TimeoutError, match="nothing was printed for 0 seconds"):
            next(commands.lines(process.stdout, timeout=0.1))
        commands.stop(process)


def test_a_program_has_no_input_and_writes_to_a_file_when_asked(tmp_path: Path) -> None:
    assert commands.run(python("import sys; print(repr(sys.stdin.read()))"), timeout=20) == (0, "''\n")
    with (tmp_path / "out").open("wb") as file, commands.start(python("print(1)"), output=file, directory=tmp_path):
        pass
    assert (tmp_path / "out").read_bytes() == b"1\n"
