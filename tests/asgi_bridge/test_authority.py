"""Hosts and ports: one form for whatever means the same, None for whatever is malformed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserve.asgi_bridge.authority import (
    Authority,
    HostPattern,
    host_of,
    parse_authority,
    parse_host_pattern,
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.com", "example.com", None),
        ("EXAMPLE.com.", "example.com", None),
        ("example.com:", "example.com", None),
        ("example.com.:8080", "example.com", 8080),
        ("my_host", "my_host", None),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
        ("[::1]", "[::1]", None),
        ("[2001:DB8:0::1]:443", "[2001:db8::1]", 443),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
    ],
)
def test_hosts_have_one_form(text: str, host: str, port: int | None) -> None:
    authority = parse_authority(text)
    assert authority == (host, port)
    assert str(authority) == (host if port is None else f"{host}:{port}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        ".example.com",
        "example..com",
        "example.com..",
        "example.com:0",
        "example.com:65536",
        "example.com:080808",
        "example.com:\u0661",
        "example.com:80:80",
        "user@example.com",
        "example.com/",
        "example.com\n",
        " example.com",
        "b\u00fccher.example",
        "::1",
        "[::1",
        "[]",
        "[1.2.3.4]",
        "[:::1]",
        "[fe80::1%eth0]",
        "[::1]x",
        "a" * 301,
    ],
)
def test_what_is_no_host_is_none(text: str) -> None:
    assert parse_authority(text) is None


@given(st.one_of(st.text(max_size=40), st.text("[]:.%a1-*@/\\ ", max_size=20)))
def test_no_text_fails_and_the_form_is_stable(text: str) -> None:
    authority = parse_authority(text)
    assert authority is None or parse_authority(str(authority)) == authority


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ([(b"host", b"example.com:80")], Authority("example.com", 80)),
        ([(b"Host", b"example.com")], Authority("example.com", None)),
        ([], None),
        ([(b"host", b"\xff")], None),
        ([(b"host", b"example.com"), (b"host", b"example.com")], None),
    ],
)
def test_the_host_header_is_there_once(headers: Any, host: Authority | None) -> None:
    assert host_of({"headers": headers}) == host
    assert host_of({}) is None


def test_a_host_pattern_is_a_host_or_all_below_it() -> None:
    assert parse_host_pattern("Example.com.:80") == (HostPattern("example.com", False), 80)
    assert parse_host_pattern("b\u00fccher.example:80") == (HostPattern("xn--bcher-kva.example", False), 80)
    below, port = parse_host_pattern("*.example.com")
    assert port is None
    assert below.matches("a.example.com")
    assert below.matches("a.b.example.com")
    assert not below.matches("example.com")
    assert not below.matches("evilexample.com")


@pytest.mark.parametrize("text", ["", "*", "*.", "*.*.com", "a.*.com", "*example.com", "*.[::1]", "\u00fc..de", "a b"])
def test_other_patterns_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"host|[Ll]abel|domain|Codepoint"):
        parse_host_pattern(text)
