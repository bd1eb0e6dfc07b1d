"""State with attributes."""

import pytest

from wsserve.asgi_bridge.state import State


def test_l13_items_are_attributes_of_the_mapping_itself() -> None:
    items = {"database": "sqlite"}
    state = State(items)
    assert state.database == state["database"] == "sqlite"
    state.cache = 1
    state["queue"] = 2
    assert items == {"database": "sqlite", "cache": 1, "queue": 2}
    assert list(state) == ["database", "cache", "queue"]
    assert len(state) == 3
    del state.cache
    del state["queue"]
    assert items == {"database": "sqlite"}
    assert repr(state) == "State({'database': 'sqlite'})"


def test_l13_what_is_missing_is_an_attribute_error() -> None:
    state = State()
    with pytest.raises(AttributeError, match="'a'"):
        _ = state.a
    with pytest.raises(AttributeError, match="'a'"):
        del state.a
    with pytest.raises(KeyError):
        state["a"]
