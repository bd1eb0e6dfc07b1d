"""Cookies."""

import time
from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserve.asgi_bridge.cookies import parse_cookies


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1; b=2", {"a": "1", "b": "2"}),
        (" a = 1 ;b=2;;  ; c=3;", {"a": "1", "b": "2", "c": "3"}),
        ("a=", {"a": ""}),
        ("a=b=c==", {"a": "b=c=="}),
        ("nothing; a=1", {"a": "1"}),
        ("=x; a=1", {"a": "1"}),
        ('="x"; a=1', {"a": "1"}),
        ("a=1; a=2", {"a": "1"}),
        ("a=é", {"a": "é"}),
        ('a="b"', {"a": "b"}),
        ('a="b;c"; d=1', {"a": "b;c", "d": "1"}),
        (r'a="b\"c\073\\"; d=1', {"a": 'b"c;\\', "d": "1"}),
        ('a="b;c=1', {"a": '"b', "c": "1"}),
        ('a="b"c; d=1', {"a": '"b"c', "d": "1"}),
        ('a=b"c;d"; e=1', {"a": 'b"c', "e": "1"}),
        ('a="" ; b=1', {"a": "", "b": "1"}),
        ('a="x\\', {"a": '"x\\'}),
    ],
)
def test_l13_one_line(value: str, expected: dict[str, str]) -> None:
    assert parse_cookies([value]) == expected


def test_l13_several_lines_and_the_first_of_a_name_counts() -> None:
    assert parse_cookies(["a=1; b=2", "b=3; c=4"]) == {"a": "1", "b": "2", "c": "4"}


@given(st.text(st.characters(max_codepoint=255)))
def test_l13_what_python_writes_is_read(value: str) -> None:
    cookie = SimpleCookie()
    try:
        cookie["a"] = value
        line = cookie.output(attrs=[], header="", sep="").strip()
    except Exception:  # some Python versions refuse control characters
        return
    assert parse_cookies([line]) == {"a": value}


@pytest.mark.parametrize("piece", ['a="', 'a="\\";', "=", '"', ";", 'a="b', "a=\\"])
def test_l13_parsing_takes_linear_time(piece: str) -> None:
    start = time.perf_counter()
    parse_cookies([piece * (200_000 // len(piece))])
    assert time.perf_counter() - start < 5  # quadratic would be minutes
