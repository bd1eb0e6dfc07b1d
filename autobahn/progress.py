"""Progress of a run: one line that is rewritten on a terminal, a line now and then elsewhere."""

from time import monotonic
from typing import TextIO

from wsserve.autobahn.cases import section_number

INTERVAL = 60.0


class Progress:
    """Says which case runs, how many have begun of how many, and for how long it has been going on."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._total = total
        self._stream = stream
        self._terminal = stream.isatty()
        self._begun = 0
        self._started = self._reported = monotonic()
        self._section = ""

    def case(self, case: str) -> None:
        """Report that a case begins. Away from a terminal only a new section is, and once a minute the case."""
        self._begun += 1
        now = monotonic()
        section = section_number(case)
        line = f"case {case}, {self._begun} of {self._total}, {_clock(now - self._started)}"
        if self._terminal:
            self._stream.write(f"\r{line}\x1b[K")
        elif section != self._section or now - self._reported >= INTERVAL:
            self._stream.write(f"{line}\n")
            self._reported = now
        self._section = section
        self._stream.flush()

    def finish(self) -> float:
        """Clear the line, and return the seconds since the start."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        return monotonic() - self._started


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
