"""The table of clients: exact counts, and no more of it than is needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserve.asgi_bridge.middleware.client_table import ClientTable
from wsserve.asgi_bridge.middleware.token_bucket import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_so_many_connections_and_not_one_more() -> None:
    table = ClientTable(3, None, 10, Clock())
    assert [table.enter("a") for _ in range(5)] == [None, None, None, 1.0, 1.0]
    assert table.enter("b") is None
    table.leave("a")
    assert [table.enter("a") for _ in range(2)] == [None, 1.0]


def test_a_client_without_connections_is_forgotten() -> None:
    table = ClientTable(2, None, 10, Clock())
    for _ in range(2):
        assert table.enter("a") is None
    table.leave("a")
    assert len(table) == 1
    table.leave("a")
    assert len(table) == 0


def test_so_fast_and_not_faster() -> None:
    clock = Clock()
    table = ClientTable(None, Rate(3, per=12), 10, clock)
    waits = []
    for _ in range(4):
        waits.append(table.enter("a"))
        if waits[-1] is None:
            table.leave("a")
    assert waits == [None, None, None, pytest.approx(4.0)]
    clock.now = 4.0
    assert table.enter("a") is None
    assert table.enter("a") == pytest.approx(4.0)
    assert table.enter("b") is None


def test_a_client_is_held_to_its_rate_until_that_is_of_no_account() -> None:
    clock = Clock()
    table = ClientTable(None, Rate(2, per=2), 10, clock)
    for key in ("a", "b"):
        assert table.enter(key) is None
        table.leave(key)
    assert len(table) == 2
    clock.now = 1.0  # both have their tokens back
    assert table.enter("c") is None
    table.leave("c")
    assert len(table) == 1
    clock.now = 2.0
    assert table.enter("c") is None
    table.leave("c")
    assert len(table) == 1


def test_of_idle_clients_the_newest_are_kept() -> None:
    table = ClientTable(None, Rate(1, per=60), 3, Clock())
    for key in range(100):
        assert table.enter(key) is None
        table.leave(key)
        assert len(table) <= 3
    assert table.enter(99) is not None  # refused, and known again as the newest
    assert table.enter(98) is not None
    assert table.enter(100) is None
    table.leave(100)
    assert len(table) == 3
    assert table.enter(97) is None  # forgotten


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 3)), max_size=60),
    st.sampled_from([None, Rate(2, per=5)]),
    st.sampled_from([None, 2]),
)
def test_whatever_happens_the_counts_are_right(
    steps: list[tuple[str, bool, int]], rate: Rate | None, connections: int | None
) -> None:
    clock = Clock()
    table = ClientTable(connections, rate, 2, clock)
    opened = dict.fromkeys("abc", 0)
    for key, comes, seconds in steps:
        clock.now += seconds
        if comes:
            wait = table.enter(key)
            assert wait is None or wait > 0
            opened[key] += wait is None
            assert connections is None or opened[key] <= connections
        elif opened[key]:
            table.leave(key)
            opened[key] -= 1
        assert sum(bool(count) for count in opened.values()) <= len(table) <= 5
    for key, count in opened.items():
        for _ in range(count):
            table.leave(key)
    assert len(table) <= 2
