"""The suite's cases: their ids, sections and expected results, as written in expected.json."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

EXPECTED_FILE = Path(__file__).with_name("expected.json")

# Everything that takes long: big messages, thousands of round trips, compression.
SLOW = ("9", "12", "13")


class Outcome(msgspec.Struct, frozen=True):
    """The suite's two verdicts on a case: on the messages, and on how the connection was closed."""

    behavior: str
    behaviorClose: str  # noqa: N815 - the suite's own name, as in its index.json


class Section(msgspec.Struct, frozen=True):
    """One chapter of the suite: its title, and the number of cases in each of its parts."""

    title: str
    cases: dict[str, int]

    @property
    def number(self) -> str:
        """The first component of the ids of this section's cases: "12" for 12.1.1."""
        return next(iter(self.cases)).partition(".")[0]

    def ids(self) -> list[str]:
        """Return the ids of all cases of the section, in the suite's order."""
        return [f"{part}.{number}" for part, count in self.cases.items() for number in range(1, count + 1)]


class _ExpectedFile(msgspec.Struct, forbid_unknown_fields=True):
    about: str
    default: Outcome
    exceptions: dict[str, Outcome]
    sections: list[Section]


@dataclass(frozen=True)
class Expectations:
    """What the suite must say of every one of its cases."""

    sections: Sequence[Section]
    outcomes: dict[str, Outcome]

    def select(self, patterns: Iterable[str], exclude: Iterable[str] = ()) -> list[str]:
        """Return the ids of the cases that match any of `patterns` and none of `exclude`, in the suite's order.

        A pattern is a case id (7.1.6), a section or part of one (7, 7.1), or has wildcards (6.*.1). No patterns: every
        case. Raises ValueError for a pattern that matches no case, and when nothing is left.
        """
        included = _matching(self.outcomes, patterns)
        excluded = _matching(self.outcomes, exclude)
        chosen = [case for case in self.outcomes if (case in included or not included) and case not in excluded]
        if not chosen:
            raise ValueError("no case is left: every chosen case is excluded as well")
        return chosen


def load_expectations(path: Path = EXPECTED_FILE) -> Expectations:
    """Read the expected results.

    Raises msgspec.ValidationError for a file of another form, and ValueError for an exception that is no case.
    """
    content = msgspec.json.decode(path.read_bytes(), type=_ExpectedFile)
    outcomes = {case: content.default for section in content.sections for case in section.ids()}
    if unknown := content.exceptions.keys() - outcomes.keys():
        raise ValueError(f"{path.name} has exceptions for cases that are in no section: {', '.join(sorted(unknown))}")
    return Expectations(content.sections, outcomes | content.exceptions)


def section_number(case: str) -> str:
    """Return the number of the section that a case belongs to: "12" for "12.1.1"."""
    return case.partition(".")[0]


def _matching(cases: Iterable[str], patterns: Iterable[str]) -> set[str]:
    matching: set[str] = set()
    for pattern in patterns:
        found = {case for case in cases if fnmatchcase(case, pattern) or case.startswith(f"{pattern}.")}
        if not found:
            raise ValueError(f"no case matches {pattern!r}; a case id looks like 7.1.6, a section like 7 or 7.1")
        matching |= found
    return matching
