"""What is asked of the C library's allocator."""

import ctypes
from typing import Any

import pytest

from wsserve.server.memory import keep_freed_memory


class Library:
    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def mallopt(self, parameter: int, value: int) -> None:
        self.calls.append((parameter, value))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_ARENA_MAX"):
        monkeypatch.delenv(name, raising=False)
    return library


def test_freed_memory_is_kept_within_bounds(library: Library) -> None:
    keep_freed_memory()
    assert library.calls == [(-1, 16 << 20), (-3, 4 << 20)]


def test_the_environment_takes_precedence(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    keep_freed_memory()
    assert library.calls == []


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(_: Any) -> object:
        return object()

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    keep_freed_memory()


def test_this_one_takes_it() -> None:
    keep_freed_memory()
