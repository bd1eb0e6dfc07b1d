from pathlib import Path

import pytest

from benchmarks.results import NOT_NEGOTIATED, Measurement, Results, costs, machine
from tests.benchmarks.example import measured, refused, results


def test_written_and_read(tmp_path: Path) -> None:
    written = results(measured("64b", "wsserve", 5.25), refused("deflate", "picows"))
    path = tmp_path / "reports" / "results.json"
    written.write(path)
    assert Results.read(path) == written
    assert len(path.read_text().splitlines()) < 30


def test_numbers_are_written_with_five_digits(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results(measured("64b", "wsserve", 5.123456)).write(path)
    assert Results.read(path).measurements[0].values["cost"] == 5.1235


@pytest.mark.parametrize("text", ["{}", '{"measurements": [{"load": "64b"}]}', "no JSON"])
def test_other_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"results\.json is no result of the benchmarks|Expecting value"):
        Results.read(path)


def test_medians_are_over_the_rounds_that_worked() -> None:
    failed = Measurement("64b", "wsserve", 4, {}, "it ended with status 1 when started: no")
    found = results(*(measured("64b", "wsserve", cost, cost) for cost in (1, 2, 9)), failed, refused("1k", "raw"))
    assert found.medians("64b")["wsserve"]["cost"] == 2
    assert found.problems("64b") == {"wsserve": failed.problem}
    assert found.problems("1k") == {"raw": NOT_NEGOTIATED}
    assert found.medians("1k") == {}


def test_costs() -> None:
    found = results(measured("64b", "wsserve", 5), measured("64b", "raw", 4), measured("1k", "picows", 3))
    assert costs(found, "64b", ["wsserve", "picows"]) == {"wsserve": 5}


def test_machine() -> None:
    assert set(machine()) == {"processor", "system", "python"}
    assert all(machine().values())
