import pytest

from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.refusal import Refusal, render_refusal


def test_a_refusal_is_a_complete_response() -> None:
    assert render_refusal(Refusal(405, "no \u20ac here", [(b"allow", b"GET"), (b"x-a", b"b")])) == (
        b"HTTP/1.1 405 Method Not Allowed\r\n"
        b"Connection: close\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 11\r\n"
        b"allow: GET\r\n"
        b"x-a: b\r\n"
        b"\r\n"
        b"no \xe2\x82\xac here"
    )


def test_the_answer_to_head_has_no_body() -> None:
    response = render_refusal(Refusal(400, "bad"), head_only=True)
    assert b"\r\nContent-Length: 3\r\n" in response
    assert response.endswith(b"\r\n\r\n")


def test_a_status_without_a_phrase_of_its_own_and_a_reason_that_is_no_utf_8() -> None:
    response = render_refusal(Refusal(499, "\ud800"))
    assert response.startswith(b"HTTP/1.1 499 \r\n")
    assert response.endswith(b"\r\n\r\n?")


def test_u17_headers_of_a_refusal_are_checked() -> None:
    with pytest.raises(LocalProtocolError, match="control character"):
        render_refusal(Refusal(400, "bad", [(b"a", b"b\r\nc: d")]))
