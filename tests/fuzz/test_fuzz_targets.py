"""The fuzz targets without a fuzzer: seeds and saved crashes keep their invariants, and the targets can fail."""

import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest

from tests.codec.frames import CODECS, PING, client_frame
from tests.fuzz import __main__ as runner
from tests.fuzz import deflate_negotiation, frame_codecs, http_head, inflater
from tests.fuzz.targets import CRASHES, NAMES, crashes, load
from wsserve.codec import deflate
from wsserve.codec.deflate import DeflateParameters, Inflater
from wsserve.codec.events import Event, Ping
from wsserve.codec.head import Head, HeadReader
from wsserve.codec.refusal import Refusal
from wsserve.codec.wire import WireCodec


@pytest.mark.parametrize("name", NAMES)
def test_seeds_keep_the_invariant(name: str) -> None:
    target = load(name)
    for data in (b"", b"\0", b"\0\0", b"\0\0\0", *target.SEEDS):
        target.check(data)


@pytest.mark.parametrize(
    ("name", "path"), [pytest.param(name, path, id=f"{name}-{path.name}") for name in NAMES for path in crashes(name)]
)
def test_what_broke_the_invariant_once_keeps_it(name: str, path: Path) -> None:
    load(name).check(path.read_bytes())


def test_every_saved_crash_belongs_to_a_target() -> None:
    assert {path.name for path in CRASHES.iterdir()} <= {*NAMES, "README.md"}


@pytest.mark.parametrize("name", NAMES)
def test_every_target_opens_with_its_invariant(name: str) -> None:
    assert "\n\nInvariant: " in (load(name).__doc__ or "")


# Each target notices a codec that is wrong.


class NoPings(WireCodec):
    """Loses a Ping."""

    def next_event(self) -> Event | None:
        event = super().next_event()
        return super().next_event() if isinstance(event, Ping) else event


def test_frame_codecs_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODECS, "wire", NoPings)
    with pytest.raises(AssertionError):
        frame_codecs.check(b"\0\0" + client_frame(PING))


def test_http_head_can_fail_between_the_whole_and_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    read = HeadReader.read

    def read_whole(self: HeadReader, buffer: bytearray) -> Head | Refusal | None:
        return read(self, buffer) if buffer.endswith(b"\r\n\r\n") else Refusal(400, "in pieces")

    monkeypatch.setattr(HeadReader, "read", read_whole)
    with pytest.raises(AssertionError):
        http_head.check(http_head.SEEDS[0])


def test_deflate_negotiation_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def agree_to_anything(*_: object) -> tuple[DeflateParameters, bytes]:
        return inflater.PARAMETERS[0], b"permessage-deflate; client_max_window_bits=15"

    monkeypatch.setattr(deflate, "_agree", agree_to_anything)
    with pytest.raises(AssertionError):
        deflate_negotiation.check(b"\0permessage-deflate")


def test_inflater_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def unbounded(self: Inflater, data: bytes, into: bytearray, limit: int) -> None:
        into += bytes(limit + 2)

    monkeypatch.setattr(Inflater, "inflate", unbounded)
    with pytest.raises(AssertionError):
        inflater.check(b"\0\0\0\x01\0")


# The runner


def test_without_atheris_the_runner_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert runner.main([]) == 2
    assert capsys.readouterr().err == f"{runner.MISSING}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["other"], "there is no target other: use frame_codecs"), (["--seconds", "0"], "--seconds must be 1 or more")],
)
def test_wrong_arguments_are_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        runner.main(arguments)
    assert message in capsys.readouterr().err


class FakeFuzzer:
    """Stands for the process of Atheris: saves an input, or finds none."""

    def __init__(self, code: int, saved: Path | None) -> None:
        self.code = code
        self.saved = saved
        self.command: list[str] = []

    def __call__(self, command: list[str], *, stdout: TextIO, **_: object) -> "subprocess.CompletedProcess[str]":
        self.command = command
        if self.saved is not None:
            self.saved.write_bytes(b"\0")
        print("AssertionError: what\nstat::number_of_executed_units: 123", file=stdout)
        return subprocess.CompletedProcess(command, self.code)


@pytest.mark.parametrize("found", [False, True])
def test_a_crash_is_saved_and_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, found: bool
) -> None:
    monkeypatch.setattr(runner, "CACHE", tmp_path / "cache")
    monkeypatch.setattr("tests.fuzz.targets.CRASHES", tmp_path)
    monkeypatch.setattr(runner, "CRASHES", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    fuzzer = FakeFuzzer(77 if found else 0, tmp_path / "inflater" / "crash-1" if found else None)
    monkeypatch.setattr("subprocess.run", fuzzer)
    assert runner.main(["inflater", "--seconds", "3"]) == (1 if found else 0)
    assert fuzzer.command[:4] == [sys.executable, "-m", "tests.fuzz.under_atheris", "inflater"]
    assert "-max_total_time=3" in fuzzer.command
    seeds = list((tmp_path / "cache" / "corpus" / "inflater").iterdir())
    assert len(seeds) == len(set(inflater.SEEDS))
    printed = capsys.readouterr().out
    assert printed.startswith("inflater: 123 inputs, ")
    assert ("crash-1" in printed and "AssertionError: what" in printed) == found
