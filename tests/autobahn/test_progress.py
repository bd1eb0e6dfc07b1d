"""Progress on a terminal and elsewhere."""

import io

import pytest

from wsserve.autobahn import progress
from wsserve.autobahn.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


def test_a_terminal_has_one_line_that_is_cleared_at_the_end(clock: list[float]) -> None:
    terminal = Terminal()
    shown = Progress(3, terminal)
    shown.case("1.1.1")
    clock[0] += 83
    shown.case("1.1.2")
    assert shown.finish() == 83
    assert terminal.getvalue() == "\rcase 1.1.1, 1 of 3, 0:00\x1b[K\rcase 1.1.2, 2 of 3, 1:23\x1b[K\r\x1b[K"


def test_elsewhere_there_is_a_line_for_each_section_and_each_minute(clock: list[float]) -> None:
    file = io.StringIO()
    shown = Progress(5, file)
    for case, seconds in [("1.1.1", 1), ("1.1.2", 1), ("12.1.1", 59), ("12.1.2", 1), ("12.1.3", 0)]:
        shown.case(case)
        clock[0] += seconds
    assert shown.finish() == 62
    assert file.getvalue() == ("case 1.1.1, 1 of 5, 0:00\ncase 12.1.1, 3 of 5, 0:02\ncase 12.1.3, 5 of 5, 1:02\n")
