"""Headers that a server's owner adds."""

import pytest

from wsserve.server.custom_headers import check_headers
from wsserve.server.errors import ConfigError


def test_pairs_become_bytes_with_lower_case_names_in_order() -> None:
    given = [("X-One", " 1 "), (b"x-TWO", b"\xff"), ("X-One", "é")]
    assert check_headers(given) == ((b"x-one", b"1"), (b"x-two", b"\xff"), (b"x-one", b"\xe9"))


@pytest.mark.parametrize(
    ("headers", "part"),
    [
        ("x: y", "must be pairs"),
        (b"x: y", "must be pairs"),
        (5, "must be pairs"),
        (["x: y"], "must be a pair"),
        ([("x", 1)], "must be a pair"),
        ([("x", "y", "z")], "must be a pair"),
        ([("x y", "z")], "header name 'x y'"),
        ([("", "z")], "header name ''"),
        ([("x\n", "z")], "header name"),
        ([("x", "a\r\nset-cookie: b")], "header x has the value"),
        ([("x", "a\n")], "header x has the value"),
        ([("x", "\x00")], "header x has the value"),
        ([("x", "日")], "not Latin-1"),
        ([("日", "x")], "not Latin-1"),
        ([("Connection", "close")], "header connection is the server's own"),
        ([("Content-Length", "1")], "header content-length is the server's own"),
        ([("Sec-WebSocket-Accept", "x")], "header sec-websocket-accept is the server's own"),
    ],
)
def test_what_is_no_header_is_refused(headers: object, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_headers(headers)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
