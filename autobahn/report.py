"""What the suite found, compared with what is expected, and printed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from wsserve.autobahn.cases import Outcome, Section, section_number

BEHAVIORS = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED")
MISSING = "missing"


class CaseResult(msgspec.Struct, frozen=True):
    """One case's entry in the suite's index.json; the duration is in milliseconds."""

    behavior: str
    behaviorClose: str  # noqa: N815 - the suite's own name
    remoteCloseCode: int | None = None  # noqa: N815 - the suite's own name
    duration: float = 0
    reportfile: str = ""

    @property
    def outcome(self) -> Outcome:
        """The two verdicts alone."""
        return Outcome(self.behavior, self.behaviorClose)


@dataclass(frozen=True)
class Verdict:
    """One run of one case: what was expected of it, and what was seen.

    Nothing is expected of a case that expected.json does not know; nothing is seen of one that did not run. Both fail.
    """

    agent: str
    case: str
    expected: Outcome | None
    seen: CaseResult | None

    @property
    def passed(self) -> bool:
        """Whether the case is known, did run, and came out as expected."""
        return self.seen is not None and self.seen.outcome == self.expected


def read_index(path: Path) -> dict[str, dict[str, CaseResult]]:
    """Read the suite's index.json: agent, case id, result. Raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, CaseResult]])


def judge(
    expected: Mapping[str, Outcome], index: Mapping[str, Mapping[str, CaseResult]], agents: Iterable[str]
) -> list[Verdict]:
    """Compare the results of every agent with `expected`, which has exactly the cases that were to run."""
    verdicts = []
    for agent in agents:
        results = index.get(agent, {})
        unknown = [case for case in results if case not in expected]
        verdicts += [Verdict(agent, case, expected.get(case), results.get(case)) for case in [*expected, *unknown]]
    return verdicts


def table(verdicts: Sequence[Verdict], sections: Iterable[Section]) -> Iterator[str]:
    """Yield the lines of a table: for each section how many cases came out how, and the seconds that they took.

    A verdict on closing that is neither OK nor INFORMATIONAL, such as UNCLEAN, gets a column of its own.
    """
    others = sorted({heading for verdict in verdicts for heading in _headings(verdict)} - {*BEHAVIORS, MISSING})
    headings = [*BEHAVIORS, *others, MISSING]
    yield _row("", [*headings, "seconds"], headings)
    for section in sections:
        if rows := [verdict for verdict in verdicts if section_number(verdict.case) == section.number]:
            yield _row(f"{section.number:>2} {section.title}", _cells(rows, headings), headings)
    yield _row("   all", _cells(verdicts, headings), headings)


def differences(verdicts: Iterable[Verdict], directory: Path) -> Iterator[str]:
    """Yield a line for every case that came out differently: what was expected, what was seen, and which page shows it.

    The cases that did not run share one line.
    """
    missing = []
    for verdict in verdicts:
        if verdict.seen is None:
            missing.append(verdict.case)
        elif not verdict.passed:
            expected = _say(verdict.expected) if verdict.expected else "no such case"
            code = verdict.seen.remoteCloseCode or "none"
            page = directory / Path(verdict.seen.reportfile).with_suffix(".html")
            yield f"{verdict.case}: expected {expected}; seen {_say(verdict.seen.outcome)}, close code {code}; {page}"
    if missing:
        yield f"did not run: {', '.join(missing)}"


def closing_line(verdicts: Sequence[Verdict]) -> str:
    """Return `N passed, N failed`."""
    passed = sum(verdict.passed for verdict in verdicts)
    return f"{passed} passed, {len(verdicts) - passed} failed"


def _headings(verdict: Verdict) -> list[str]:
    """Return the columns in which a case counts."""
    if verdict.seen is None:
        return [MISSING]
    if verdict.seen.behaviorClose in {"OK", "INFORMATIONAL"}:
        return [verdict.seen.behavior]
    return [verdict.seen.behavior, f"close {verdict.seen.behaviorClose}"]


def _cells(verdicts: Iterable[Verdict], headings: Iterable[str]) -> list[str]:
    counts: Counter[str] = Counter()
    milliseconds = 0.0
    for verdict in verdicts:
        counts.update(_headings(verdict))
        milliseconds += verdict.seen.duration if verdict.seen else 0
    return [*(str(counts[heading] or "-") for heading in headings), f"{milliseconds / 1000:.1f}"]


def _row(title: str, cells: Iterable[str], headings: Iterable[str]) -> str:
    widths = [*(max(len(heading), 3) for heading in headings), 7]
    return " ".join([f"{title:26}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))])


def _say(outcome: Outcome) -> str:
    return f"{outcome.behavior}, close {outcome.behaviorClose}"
