"""What a test sees of a response."""

import msgspec
import pytest

from wsserve.asgi_bridge.headers import Headers
from wsserve.asgi_bridge.testing.response import TestResponse


def response(content: bytes, content_type: bytes | None = None) -> TestResponse:
    return TestResponse(200, Headers([] if content_type is None else [(b"content-type", content_type)]), content)


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        (b"\xc3\xa4", None, "\u00e4"),
        (b"\xc3\xa4", b"text/plain; x=y", "\u00e4"),
        (b"\xe4", b'text/plain; x=y; Charset="ISO-8859-1"', "\u00e4"),
        (b"\xc3\xa4", b"text/plain; charset=unheard-of", "\u00e4"),
        (b"\xff", b"text/plain; charset=utf-8", "\ufffd"),
    ],
)
def test_text(content: bytes, content_type: bytes | None, text: str) -> None:
    assert response(content, content_type).text == text


def test_json() -> None:
    assert response(b'{"a":[1]}').json() == {"a": [1]}
    assert response(b"[1]").json(type=set[int]) == {1}
    with pytest.raises(ValueError, match="malformed"):
        response(b"<html>").json()
    with pytest.raises(msgspec.ValidationError):
        response(b'["1"]').json(type=set[int])
