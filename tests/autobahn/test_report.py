"""Results of the suite, compared with what is expected of them."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wsserve.autobahn.cases import Outcome, load_expectations
from wsserve.autobahn.report import Verdict, closing_line, differences, judge, read_index, table

OK = Outcome("OK", "OK")
EXPECTED = {"1.1.1": OK, "3.2": OK, "7.1.6": Outcome("INFORMATIONAL", "INFORMATIONAL")}


def entry(case: str, behavior: str = "OK", close: str = "OK", code: int | None = 1000) -> dict[str, Any]:
    return {
        "behavior": behavior,
        "behaviorClose": close,
        "duration": 1500,
        "remoteCloseCode": code,
        "reportfile": f"us_case_{case.replace('.', '_')}.json",
    }


def perfect() -> dict[str, dict[str, Any]]:
    results = {case: entry(case) for case in EXPECTED}
    results["7.1.6"] = entry("7.1.6", "INFORMATIONAL", "INFORMATIONAL")
    return results


def judged(tmp_path: Path, results: dict[str, dict[str, Any]], **others: dict[str, dict[str, Any]]) -> list[Verdict]:
    index = tmp_path / "index.json"
    index.write_text(json.dumps({"us": results, **others}))
    return judge(EXPECTED, read_index(index), ["us"])


def test_a_perfect_run_passes(tmp_path: Path) -> None:
    verdicts = judged(tmp_path, perfect())
    assert closing_line(verdicts) == "3 passed, 0 failed"
    assert list(differences(verdicts, tmp_path)) == []


@pytest.mark.parametrize(
    ("case", "behavior", "close"),
    [
        ("3.2", "NON-STRICT", "OK"),
        ("3.2", "FAILED", "OK"),
        ("3.2", "UNIMPLEMENTED", "OK"),
        ("3.2", "INFORMATIONAL", "INFORMATIONAL"),
        ("3.2", "OK", "UNCLEAN"),
        ("3.2", "OK", "WRONG CODE"),
        ("3.2", "OK", "FAILED BY CLIENT"),
        ("3.2", "OK", "FAILED"),
        ("3.2", "OK", "INFORMATIONAL"),
        ("3.2", "FAILED", "FAILED"),
        ("7.1.6", "OK", "OK"),
        ("7.1.6", "INFORMATIONAL", "UNCLEAN"),
    ],
)
def test_any_other_verdict_than_the_expected_one_fails(tmp_path: Path, case: str, behavior: str, close: str) -> None:
    verdicts = judged(tmp_path, perfect() | {case: entry(case, behavior, close)})
    assert closing_line(verdicts) == "2 passed, 1 failed"
    (line,) = differences(verdicts, tmp_path)
    assert line.startswith(f"{case}: expected ")
    assert f"; seen {behavior}, close {close}, close code 1000; " in line
    assert line.endswith(f"us_case_{case.replace('.', '_')}.html")


def test_a_connection_without_a_close_code_is_told(tmp_path: Path) -> None:
    verdicts = judged(tmp_path, perfect() | {"3.2": entry("3.2", "FAILED", "UNCLEAN", code=None)})
    (line,) = differences(verdicts, tmp_path)
    assert "expected OK, close OK; seen FAILED, close UNCLEAN, close code none; " in line


def test_a_case_that_did_not_run_fails(tmp_path: Path) -> None:
    results = perfect()
    del results["3.2"], results["1.1.1"]
    verdicts = judged(tmp_path, results)
    assert closing_line(verdicts) == "1 passed, 2 failed"
    assert list(differences(verdicts, tmp_path)) == ["did not run: 1.1.1, 3.2"]


def test_a_case_that_is_not_in_the_list_fails_even_when_ok(tmp_path: Path) -> None:
    verdicts = judged(tmp_path, perfect() | {"14.1": entry("14.1")})
    assert closing_line(verdicts) == "3 passed, 1 failed"
    (line,) = differences(verdicts, tmp_path)
    assert line.startswith("14.1: expected no such case; seen OK, close OK")


def test_a_run_without_results_fails_every_case() -> None:
    verdicts = judge(EXPECTED, {}, ["us 1", "us 2"])
    assert closing_line(verdicts) == "0 passed, 6 failed"


def test_every_repetition_counts_and_other_agents_do_not(tmp_path: Path) -> None:
    index = tmp_path / "index.json"
    worse = perfect() | {"3.2": entry("3.2", "NON-STRICT")}
    index.write_text(json.dumps({"us 1": perfect(), "us 2": worse, "them": worse}))
    verdicts = judge(EXPECTED, read_index(index), ["us 1", "us 2"])
    assert closing_line(verdicts) == "5 passed, 1 failed"


def test_the_table_counts_each_section_and_all(tmp_path: Path) -> None:
    results = perfect() | {"3.2": entry("3.2", "NON-STRICT", "UNCLEAN")}
    del results["1.1.1"]
    heading, *rows = table(judged(tmp_path, results), load_expectations().sections)
    assert "OK NON-STRICT INFORMATIONAL UNIMPLEMENTED FAILED close UNCLEAN missing seconds" in heading
    assert [row.split() for row in rows] == [
        ["1", "Framing", "-", "-", "-", "-", "-", "-", "1", "0.0"],
        ["3", "Reserved", "bits", "-", "1", "-", "-", "-", "1", "-", "1.5"],
        ["7", "Closing", "-", "-", "1", "-", "-", "-", "-", "1.5"],
        ["all", "-", "1", "1", "-", "-", "1", "1", "3.0"],
    ]
    assert len({len(line) for line in (heading, *rows)}) == 1


def test_the_table_of_a_good_run_has_no_columns_for_bad_closes(tmp_path: Path) -> None:
    heading, *_ = table(judged(tmp_path, perfect()), load_expectations().sections)
    assert "close" not in heading


def test_a_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    path.write_text('{"us": {"1.1.1": {"behavior": "OK"}}}')
    with pytest.raises(msgspec.ValidationError):
        read_index(path)
