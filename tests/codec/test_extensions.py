"""R16: the grammar of Sec-WebSocket-Extensions (RFC 6455, section 9.1)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserve.codec.extensions import ExtensionOffer, parse_extensions

FOO = ExtensionOffer("foo")
BAR = ExtensionOffer("bar")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], [], id="no header"),
        pytest.param([b""], [], id="empty value"),
        pytest.param([b"foo"], [FOO], id="one"),
        pytest.param([b"foo, bar"], [FOO, BAR], id="two"),
        pytest.param([b"foo", b"bar"], [FOO, BAR], id="two lines"),
        pytest.param([b"bar,foo", b"foo"], [BAR, FOO, FOO], id="order and repetition kept"),
        pytest.param([b" ,\tfoo , , bar\t,"], [FOO, BAR], id="empty elements and whitespace"),
        pytest.param([b"foo; a"], [ExtensionOffer("foo", (("a", None),))], id="parameter without value"),
        pytest.param([b"foo;a=1"], [ExtensionOffer("foo", (("a", "1"),))], id="parameter with value"),
        pytest.param([b"foo ; a = 1\t;b"], [ExtensionOffer("foo", (("a", "1"), ("b", None)))], id="whitespace around"),
        pytest.param([b"foo;a;a=1"], [ExtensionOffer("foo", (("a", None), ("a", "1")))], id="duplicates kept"),
        pytest.param([b'foo;a="10"'], [ExtensionOffer("foo", (("a", "10"),))], id="quoted value"),
        pytest.param([b'foo;a="\\1\\0", bar'], [ExtensionOffer("foo", (("a", "10"),)), BAR], id="quoted pairs"),
        pytest.param([b"Foo!#$%&'*+-.^_`|~9"], [ExtensionOffer("Foo!#$%&'*+-.^_`|~9")], id="every token character"),
    ],
)
def test_r16_offers_are_parsed(values: list[bytes], expected: list[ExtensionOffer]) -> None:
    assert parse_extensions(values) == expected


@pytest.mark.parametrize(
    "malformed",
    [
        b";",
        b"foo;",
        b"foo;;a",
        b";a",
        b"foo a",
        b"foo=1",
        b"=",
        b"=abc",
        b"foo;=",
        b"foo;=1",
        b"foo;a=",
        b"foo;a==1",
        b"foo;a=1=2",
        b"foo;a b",
        b"foo;a=1 2",
        b'"foo"',
        b'foo;"a"',
        b'foo;a=""',
        b'foo;a="b c"',
        b'foo;a="b,c"',
        b'foo;a="b;c"',
        b'foo;a="b""c"',
        b'foo;a="\\""',
        b'foo;a="\xe9"',
        b"foo;a=(1)",
        b"f\xc3\xb6o",
        b"foo\x00",
        b"foo\x0b",
        b"foo\r\n;a",
    ],
    ids=repr,
)
def test_r16_a_malformed_offer_is_left_out_and_the_others_stay(malformed: bytes) -> None:
    assert parse_extensions([malformed]) == []
    assert parse_extensions([b"foo," + malformed + b",bar"]) == [FOO, BAR]
    assert parse_extensions([malformed, b"bar"]) == [BAR]


@pytest.mark.parametrize("unclosed", [b'foo;a="', b'foo;a="b', b'foo;a="b\\"', b'foo;a="b\\', b'"'], ids=repr)
def test_r16_an_unclosed_quote_takes_the_rest_of_its_line_only(unclosed: bytes) -> None:
    assert parse_extensions([b"foo, " + unclosed + b", bar", b"bar"]) == [FOO, BAR]


@given(st.lists(st.binary() | st.text('foo,;="\\ \t\r\n').map(str.encode)))
def test_r16_nothing_raises(values: list[bytes]) -> None:
    for offer in parse_extensions(values):
        assert offer.name


@pytest.mark.parametrize(
    "unit",
    [
        b",",
        b";",
        b"=",
        b'"',
        b"\\",
        b" ",
        b"a",
        b"a ",
        b"a,",
        b"a;",
        b";a=1",
        b'"a',
        b'"\\',
        b'\\"',
        b'""',
        b'a="',
        b"\xff",
    ],
    ids=repr,
)
@pytest.mark.parametrize("start", [b"", b'foo;a="', b"foo;a=", b"foo"], ids=repr)
def test_r16_64_kib_of_anything_parse_in_linear_time(start: bytes, unit: bytes) -> None:
    value = (start + unit * (65536 // len(unit)))[:65536]
    begin = time.process_time()
    parse_extensions([value])
    # A quadratic path takes minutes; this is some fifty times what the linear one takes.
    assert time.process_time() - begin < 2
