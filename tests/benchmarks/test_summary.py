import pytest

from benchmarks.summary import medians, percentile


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 5.0), (0.51, 6.0), (0.99, 10.0), (1.0, 10.0)])
def test_percentile_of_ten(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(1, 11)], share) == expected


def test_percentile_of_one() -> None:
    assert percentile([7.0], 0.01) == percentile([7.0], 0.99) == 7.0


def test_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_medians() -> None:
    assert medians([{"cost": 3.0, "rate": 1.0}, {"cost": 1.0}, {"cost": 2.0}]) == {"cost": 2.0, "rate": 1.0}
    assert medians([]) == {}
