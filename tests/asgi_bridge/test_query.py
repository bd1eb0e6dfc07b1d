"""Query parameters."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDictProxy

from wsserve.asgi_bridge.query import QueryParams


def test_l9_first_value_missing_and_case() -> None:
    params = QueryParams(b"search=a&Search=b&search=c")
    assert isinstance(params, MultiDictProxy)
    assert params["search"] == "a"
    assert params["Search"] == "b"
    with pytest.raises(KeyError):
        params["missing"]


def test_l9_all_values() -> None:
    params = QueryParams(b"a=1&b=2&a=3")
    assert params.getall("a") == params.getlist("a") == params.get_all("a") == ["1", "3"]
    assert params.getlist("missing") == []
    assert params.multi_items() == [("a", "1"), ("b", "2"), ("a", "3")]


def test_l9_plain_dictionaries_agree_on_the_first_value() -> None:
    params = QueryParams("a=1&b=2&a=3")
    assert params.dump() == dict(params) == {"a": "1", "b": "2"}
    assert params.dict() == {"a": ["1", "3"], "b": ["2"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", []),
        (b"flag", [("flag", "")]),
        (b"a=", [("a", "")]),
        (b"a=1+2%20", [("a", "1 2 ")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
        (b"a=%", [("a", "%")]),
        (b"a=%ff", [("a", "\N{REPLACEMENT CHARACTER}")]),
        (b"a=\xff", [("a", "\N{REPLACEMENT CHARACTER}")]),
        (b"\xc3\xa9=\xc3\xa9", [("é", "é")]),
        ("é=1", [("é", "1")]),
        (b"&&a=1&", [("a", "1")]),
        (b"a=b=c", [("a", "b=c")]),
    ],
)
def test_l9_parsing(query: bytes | str, expected: list[tuple[str, str]]) -> None:
    assert QueryParams(query).multi_items() == expected


def test_l9_str_is_a_query_again_in_its_order() -> None:
    assert str(QueryParams(b"b=1+2&a=%C3%A9&b=")) == "b=1+2&a=%C3%A9&b="
    assert str(QueryParams()) == ""


def test_l9_is_read_only() -> None:
    mutable: Any = QueryParams(b"a=1")
    with pytest.raises(TypeError):
        mutable["a"] = "2"


@given(st.binary())
def test_l9_no_bytes_make_it_raise(query: bytes) -> None:
    params = QueryParams(query)
    assert QueryParams(str(params)) == params


def test_all_values_of_very_many_take_no_longer_than_reading_them() -> None:
    assert QueryParams(b"a&" * 4000 + b"b=1").dict() == {"a": [""] * 4000, "b": ["1"]}


@given(st.text(alphabet="ab=&;!~$,-*.[#", max_size=12))
def test_l9_a_plain_query_is_read_as_any_other(query: str) -> None:
    pairs = QueryParams(query.encode()).multi_items()
    assert pairs == QueryParams(query).multi_items()
    assert pairs == parse_qsl(query, keep_blank_values=True)
