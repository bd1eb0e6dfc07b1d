"""What an error means for the connection: Close, denial, or neither."""

import pytest
from starlette.exceptions import HTTPException as StarletteHTTPException

from wsserve.asgi_bridge.endings import close_for, denial_for, is_answer, leaves
from wsserve.asgi_bridge.exceptions import (
    ClientDisconnected,
    HTTPException,
    WebSocketDisconnect,
    WebSocketException,
    WebSocketFrameTypeError,
    WebSocketJSONError,
)

GONE = WebSocketDisconnect(1001)
TEXT = WebSocketFrameTypeError("binary", "text")
JSON = WebSocketJSONError("no JSON")
CRASH = ZeroDivisionError("no detail for the client")


class Problem(HTTPException):
    body = b'{"title": "Bad"}'
    media_type = "application/problem+json"


class Page(HTTPException):
    body = "<p>no"
    media_type = None


class ClientError(Exception):
    """As of a library for HTTP clients: what another server said is not for one's own client."""

    status_code = 404


class BaseWithStatus(BaseException):
    status_code = 403


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (GONE, None),
        (ExceptionGroup("", [GONE, ExceptionGroup("", [GONE])]), None),
        (TEXT, (1003, "expected a binary message, got a text one")),
        (JSON, (1007, "no JSON")),
        (WebSocketJSONError("\ud800"), (1007, "?")),
        (ClientDisconnected(), None),
        (ExceptionGroup("", [GONE, JSON]), (1007, "no JSON")),
        (CRASH, (1011, "")),
        (ExceptionGroup("", [GONE, TEXT, CRASH]), (1011, "")),
        (WebSocketException(4000, "bye"), (4000, "bye")),
        (HTTPException(403), (1008, "Forbidden")),
        (HTTPException(503, "later"), (1011, "later")),
        (StarletteHTTPException(401, "log in"), (1008, "log in")),
        (BaseWithStatus(), (1011, "")),
        (ClientError(), (1011, "")),
    ],
    ids=ascii,
)
def test_g8_n9_close_for_an_error(error: BaseException, expected: tuple[int, str] | None) -> None:
    assert close_for(error) == expected
    assert is_answer(error) is (expected != (1011, ""))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (GONE, None),
        (CRASH, None),
        (WebSocketException(4000), None),
        (BaseWithStatus(), None),
        (ClientError(), None),
        (HTTPException(400, "\ud800"), (400, "?\n", [])),
        (HTTPException(404), (404, "Not Found\n", [])),
        (HTTPException(401, "log in", {"a": "b"}), (401, "log in\n", [("a", "b")])),
        (StarletteHTTPException(418, headers={"a": "b"}), (418, "I'm a Teapot\n", [("a", "b")])),
        (Problem(422), (422, b'{"title": "Bad"}', [("content-type", "application/problem+json")])),
        (Page(400), (400, "<p>no", [])),
        (Page(304), (304, b"", [])),
        (HTTPException(304, headers={"etag": '"a"'}), (304, b"", [("etag", '"a"')])),
        (ExceptionGroup("", [GONE, HTTPException(400, "x")]), (400, "x\n", [])),
        (ExceptionGroup("", [HTTPException(400, "x"), CRASH]), None),
    ],
    ids=ascii,
)
def test_n9_denial_for_an_error(error: BaseException, expected: tuple[int, str | bytes, list[object]] | None) -> None:
    assert denial_for(error) == expected


def test_a_detail_that_is_no_text() -> None:
    error = HTTPException(400)
    error.detail = {"a": 1}  # type: ignore[assignment]  # as FastAPI's may be
    assert denial_for(error) == (400, "400 {'a': 1}\n", [])


def test_leaves() -> None:
    assert leaves(ExceptionGroup("", [GONE, ExceptionGroup("", [CRASH])])) == [GONE, CRASH]
    assert leaves(CRASH) == [CRASH]
