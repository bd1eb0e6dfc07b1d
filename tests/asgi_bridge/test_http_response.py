"""The HTTP response of a page's or a health check's handler."""

from typing import Any

import msgspec
import pytest
from starlette.responses import JSONResponse

from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.types import ASGIApp, Message

pytestmark = pytest.mark.anyio


class Point(msgspec.Struct):
    x: int


async def sent(response: ASGIApp, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        raise AssertionError

    await response({"type": "http", "method": method}, receive, send)
    start, body = messages
    return start["status"], dict(start["headers"]), body["body"]


PLAIN = b"text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("é", (200, {b"content-type": PLAIN, b"content-length": b"2"}, "é".encode())),
        (b"\x00", (200, {b"content-length": b"1"}, b"\x00")),
        (None, (204, {}, b"")),
        ({"a": [1]}, (200, {b"content-type": b"application/json", b"content-length": b"9"}, b'{"a":[1]}')),
        (Point(1), (200, {b"content-type": b"application/json", b"content-length": b"7"}, b'{"x":1}')),
        (
            Response("<p>", 404, {"x-a": "b"}, "text/html"),
            (404, {b"x-a": b"b", b"content-type": b"text/html; charset=utf-8", b"content-length": b"3"}, b"<p>"),
        ),
        (
            Response("x", headers=[("Content-Type", "a/b"), ("Content-Length", "1")]),
            (200, {b"content-type": b"a/b", b"content-length": b"1"}, b"x"),
        ),
        (Response(status_code=304), (304, {}, b"")),
        (
            JSONResponse([1], 201),
            (201, {b"content-type": b"application/json", b"content-length": b"3"}, b"[1]"),
        ),
    ],
    ids=ascii,
)
async def test_results_of_handlers(result: Any, expected: tuple[int, dict[bytes, bytes], bytes]) -> None:
    assert await sent(Response.of(result)) == expected


async def test_head_has_no_body() -> None:
    status, headers, body = await sent(Response("page"), "HEAD")
    assert (status, headers[b"content-length"], body) == (200, b"4", b"")


@pytest.mark.parametrize("status", [99, 101, 600, "200"])
async def test_a_status_is_a_final_one(status: int) -> None:
    with pytest.raises(ValueError, match=f"a final status from 200 to 599, not {status!r}"):
        Response(status_code=status)


async def test_content_is_text_or_bytes() -> None:
    with pytest.raises(TypeError, match="is bytes or str, not list"):
        Response([])  # type: ignore[arg-type]  # wrong on purpose
