"""The list of cases and of what is expected of them."""

from collections import Counter
from pathlib import Path

import pytest

from wsserve.autobahn.cases import SLOW, Outcome, load_expectations, section_number

INFORMATIONAL = Outcome("INFORMATIONAL", "INFORMATIONAL")


def test_all_517_cases_are_expected_to_be_ok_but_the_three_that_cannot_be() -> None:
    outcomes = load_expectations().outcomes
    assert len(outcomes) == 517
    assert {case for case, outcome in outcomes.items() if outcome != Outcome("OK", "OK")} == {
        "7.1.6",
        "7.13.1",
        "7.13.2",
    }
    assert [outcomes[case] for case in ("7.1.6", "7.13.1", "7.13.2")] == [INFORMATIONAL] * 3


def test_the_sections_have_as_many_cases_as_in_the_suite() -> None:
    counts = Counter(section_number(case) for case in load_expectations().outcomes)
    assert counts == {
        "1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1, "12": 90, "13": 126
    }  # fmt: skip
    assert [section.number for section in load_expectations().sections] == list(counts)


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("7.1.6", 1),
        ("7", 37),
        ("7.*", 37),
        ("7.1", 6),
        ("1", 16),
        ("1.*", 16),
        ("10.1.1", 1),
        ("6.2?.1", 4),
        ("*", 517),
    ],
)
def test_select_takes_ids_sections_and_wildcards(pattern: str, count: int) -> None:
    assert len(load_expectations().select([pattern])) == count


def test_select_keeps_the_order_of_the_suite_and_leaves_out_what_is_excluded() -> None:
    expectations = load_expectations()
    assert expectations.select(["3", "2.1*"], ["3.2", "3.4"]) == [
        "2.1",
        "2.10",
        "2.11",
        "3.1",
        "3.3",
        "3.5",
        "3.6",
        "3.7",
    ]
    assert len(expectations.select([])) == 517
    assert len(expectations.select([], SLOW)) == 247


@pytest.mark.parametrize("patterns", [["3.99"], ["1.1", "8"], ["7.1.60"]])
def test_select_refuses_a_pattern_that_matches_nothing(patterns: list[str]) -> None:
    with pytest.raises(ValueError, match="no case matches"):
        load_expectations().select(patterns)
    with pytest.raises(ValueError, match="no case matches"):
        load_expectations().select([], patterns)


def test_select_refuses_to_leave_nothing() -> None:
    with pytest.raises(ValueError, match="no case is left"):
        load_expectations().select(["3"], ["3.*"])


def test_an_exception_for_an_unknown_case_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "expected.json"
    path.write_text(
        '{"about": "", "default": {"behavior": "OK", "behaviorClose": "OK"}, "sections": [],'
        ' "exceptions": {"1.1.1": {"behavior": "OK", "behaviorClose": "OK"}}}'
    )
    with pytest.raises(ValueError, match=r"exceptions for cases that are in no section: 1\.1\.1"):
        load_expectations(path)
