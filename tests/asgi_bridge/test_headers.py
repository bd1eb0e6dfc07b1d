"""Headers that came in, and those that go out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from wsserve.asgi_bridge.headers import Headers, encode_headers

PAIRS = [(b"host", b"a"), (b"sec-websocket-version", b"13"), (b"Cookie", b"a=1"), (b"x", b"\xe9"), (b"cookie", b"b=2")]


@pytest.fixture
def headers() -> Headers:
    return Headers(PAIRS)


def test_l8_is_a_multidict_in_any_case(headers: Headers) -> None:
    assert isinstance(headers, CIMultiDictProxy)
    assert headers["sec-websocket-version"] == headers["Sec-WebSocket-Version"] == "13"
    assert headers.get("HOST") == "a"
    assert "hOSt" in headers
    assert headers.get("missing") is None
    assert len(headers) == 5


def test_l8_missing_is_a_key_error(headers: Headers) -> None:
    with pytest.raises(KeyError):
        headers["missing"]


def test_l8_first_value_wins_and_all_can_be_had_in_any_case(headers: Headers) -> None:
    assert headers["cookie"] == "a=1"
    for name in ("cookie", "Cookie", "COOKIE"):
        assert headers.getall(name) == headers.getlist(name) == headers.get_all(name) == ["a=1", "b=2"]
    assert headers.getlist("missing") == []


def test_l8_order_is_kept_and_nothing_comes_twice(headers: Headers) -> None:
    assert list(headers) == ["host", "sec-websocket-version", "Cookie", "x", "cookie"]
    assert headers.multi_items() == list(headers.items())
    assert headers.multi_items()[2:] == [("Cookie", "a=1"), ("x", "é"), ("cookie", "b=2")]
    assert headers.encoded_multi_items() == [(name.lower(), value) for name, value in PAIRS]


def test_l8_as_plain_dictionaries(headers: Headers) -> None:
    assert headers.dict() == {"host": ["a"], "sec-websocket-version": ["13"], "cookie": ["a=1", "b=2"], "x": ["é"]}
    assert headers.dump() == {"host": "a", "sec-websocket-version": "13", "cookie": "a=1", "x": "é"}


def test_l8_is_read_only(headers: Headers) -> None:
    mutable: Any = headers
    with pytest.raises(TypeError):
        mutable["x"] = "y"
    assert not hasattr(headers, "add")


def test_l8_any_byte_is_legal(headers: Headers) -> None:
    assert Headers([(b"x", bytes(range(256)))])["x"].encode("latin-1") == bytes(range(256))


def test_l8_headers_are_attributes_and_missing_ones_are_attribute_errors(headers: Headers) -> None:
    assert headers.sec_websocket_version == "13"
    assert headers.cookie == "a=1, b=2"
    with pytest.raises(AttributeError, match="'x-missing'"):
        _ = headers.x_missing


@pytest.mark.parametrize(
    ("given_headers", "expected"),
    [
        (None, []),
        ({}, []),
        ({"X-A": "1", b"X-B": b"2"}, [(b"x-a", b"1"), (b"x-b", b"2")]),
        ([("b", "1"), (b"a", b"2"), ["b", "3"]], [(b"b", b"1"), (b"a", b"2"), (b"b", b"3")]),
        (iter([("a", "é")]), [(b"a", b"\xe9")]),
        (Headers([(b"b", b"1"), (b"a", b"2"), (b"b", b"3")]), [(b"b", b"1"), (b"a", b"2"), (b"b", b"3")]),
        (CIMultiDict([("A", "1"), ("a", "2")]), [(b"a", b"1"), (b"a", b"2")]),
        ([("a", "x\ty")], [(b"a", b"x\ty")]),
    ],
)
def test_l20_all_forms_of_headers_become_pairs_of_bytes(given_headers: Any, expected: object) -> None:
    assert encode_headers(given_headers) == expected


@pytest.mark.parametrize(
    "given_headers",
    [
        "a: b",
        b"a",
        5,
        ["ab"],
        [b"ab"],
        [5],
        [("a",)],
        [("a", "b", "c")],
        {"a": 1},
        [(1, "a")],
        {"a": ["b"]},
        [("a", None)],
    ],
)
def test_l20_what_are_no_headers_is_a_type_error(given_headers: Any) -> None:
    with pytest.raises(TypeError, match="header"):
        encode_headers(given_headers)


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "a\r\nb", "\N{KELVIN SIGN}", "a\0", "(a)"])
def test_l20_header_names_are_tokens(name: str) -> None:
    with pytest.raises(ValueError, match=r"token|ISO-8859-1"):
        encode_headers({name: "x"})


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\0", "\x07", "\x7f", "\u0100"])
def test_l20_header_values_have_no_control_characters(value: str) -> None:
    with pytest.raises(ValueError, match=r"control character|ISO-8859-1"):
        encode_headers([("a", value)])


@given(st.lists(st.tuples(st.from_regex(rb"\A[a-z\-]{1,5}\Z"), st.from_regex(rb"\A[\t\x20-\x7e\x80-\xff]*\Z"))))
def test_l8_what_is_encoded_reads_the_same(pairs: list[tuple[bytes, bytes]]) -> None:
    assert encode_headers(Headers(pairs)) == pairs
