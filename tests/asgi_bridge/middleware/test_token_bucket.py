"""Rates and token buckets: exactly so many, at exactly that speed."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserve.asgi_bridge.middleware.token_bucket import Rate, TokenBucket


@pytest.mark.parametrize(
    ("rate", "size"), [(Rate(20), 20), (Rate(100, per=60), 100), (Rate(20, burst=40), 40), (Rate(0.5, burst=1), 1)]
)
def test_a_full_bucket_has_exactly_its_burst(rate: Rate, size: float) -> None:
    bucket = TokenBucket(rate, 5.0)
    assert bucket.is_full(5.0)
    assert [bucket.take(1, 5.0) for _ in range(int(size) + 2)] == [True] * int(size) + [False] * 2
    assert not bucket.is_full(5.0)


def test_tokens_come_back_one_by_one() -> None:
    bucket = TokenBucket(Rate(10, burst=2), 0.0)
    assert bucket.take(2, 0.0)
    assert [bucket.take(1, at) for at in (0.0, 0.0625, 0.125, 0.1875, 0.25)] == [False, False, True, False, True]
    assert [bucket.take(1, 100.0) for _ in range(3)] == [True, True, False]  # never more than the burst


def test_what_must_be_waited_for_is_told() -> None:
    bucket = TokenBucket(Rate(4, burst=2), 0.0)
    assert bucket.wait(2, 0.0) == 0
    assert bucket.take(2, 0.0)
    assert bucket.wait(1, 0.0) == pytest.approx(0.25)
    assert bucket.wait(1, 0.125) == pytest.approx(0.125)
    assert bucket.wait(1, 9.0) == 0
    assert bucket.wait(3, 0.0) == math.inf
    assert not bucket.is_full(0.25)
    assert bucket.is_full(0.5)


@given(
    st.floats(0.01, 1e4), st.floats(0.1, 1e4), st.integers(1, 50), st.lists(st.floats(0, 100), min_size=1, max_size=20)
)
def test_a_rate_is_never_exceeded_and_the_wait_is_enough(
    count: float, per: float, burst: int, pauses: list[float]
) -> None:
    bucket = TokenBucket(Rate(count, per, burst), 0.0)
    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        while bucket.take(1, now):
            taken += 1
        assert taken <= burst + now * count / per + 0.001
        now += bucket.wait(1, now) * (1 + 1e-9) + 1e-9
        assert bucket.take(1, now)
        taken += 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"count": 0}, "a rate's count is a number above 0, not 0"),
        ({"count": -1}, "count"),
        ({"count": math.nan}, "count"),
        ({"count": math.inf}, "count"),
        ({"count": 1, "per": 0}, "a rate's per is a number above 0, not 0"),
        ({"count": 0.5}, r"Rate\(count=0.5, per=1.0, burst=None\) lets nothing through"),
        ({"count": 5, "burst": 0}, "lets nothing through"),
        ({"count": 5, "burst": math.nan}, "lets nothing through"),
        ({"count": 5, "burst": math.inf}, "lets nothing through"),
    ],
)
def test_a_rate_that_is_none_is_found_at_once(values: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Rate(**values)


@pytest.mark.parametrize(
    ("values", "name"),
    [({"count": "3/s"}, "count"), ({"count": 3, "per": None}, "per"), ({"count": 3, "burst": "5"}, "burst")],
)
def test_a_rate_that_is_no_number_is_refused(values: Any, name: str) -> None:
    with pytest.raises(TypeError, match=rf"a rate's {name} is a number, not {values[name]!r}: 100 a minute are Rate\("):
        Rate(**values)
