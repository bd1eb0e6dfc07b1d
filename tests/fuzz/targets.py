"""The fuzz targets by name, and their files.

A target is a module that opens with its invariant and has `check(data)`, which raises when `data` breaks the invariant,
and `SEEDS`, inputs to begin with.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

NAMES = ("frame_codecs", "http_head", "deflate_negotiation", "inflater")
CRASHES = Path(__file__).with_name("crashes")
"""What broke an invariant once, in a folder for each target; `test_fuzz_targets.py` replays all of it."""


class Target(Protocol):
    """A module with a fuzz target."""

    SEEDS: Iterable[bytes]

    def check(self, data: bytes) -> None: ...


def load(name: str) -> Target:
    return cast(Target, import_module(f"tests.fuzz.{name}"))


def crashes(name: str) -> list[Path]:
    """Return the saved inputs of a target."""
    return sorted(path for path in (CRASHES / name).glob("*") if path.is_file())
