import pytest

from benchmarks.load_generator.linearity import FEEDS
from benchmarks.loads import LOADS, QUICK, Kind, select_loads


def test_all_without_names() -> None:
    assert select_loads([]) == list(LOADS)


def test_order_is_that_of_the_table() -> None:
    assert [load.name for load in select_loads(["idle", "64b"])] == ["64b", "idle"]


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match=r"there is no load 'moon'; the loads are 64b, .*linear-connections"):
        select_loads(["64b", "moon"])


def test_names_are_unique() -> None:
    assert len({load.name for load in LOADS}) == len(LOADS)


def test_quick_loads_exist() -> None:
    assert [load.name for load in select_loads(QUICK)] == list(QUICK)


def test_each_linearity_has_what_feeds_it() -> None:
    assert {load.name for load in LOADS if load.kind is Kind.LINEARITY} == set(FEEDS)


def test_broadcast_has_a_path_of_its_own() -> None:
    assert {load.path for load in LOADS if load.kind is Kind.BROADCAST} == {"/broadcast"}
    assert {load.path for load in LOADS if load.kind is not Kind.BROADCAST and not load.routed} == {"/"}


def test_routed_loads_have_a_path_and_a_query() -> None:
    assert {load.path for load in LOADS if load.routed} == {"/chat/session123?max_users=5"}
