"""The HTTP request of a page's or a health check's handler."""

from collections.abc import Iterator

import msgspec
import pytest

from tests.asgi_bridge.double import websocket_scope
from wsserve.asgi_bridge.exceptions import HTTPException
from wsserve.asgi_bridge.request import MAX_BODY_SIZE, Request
from wsserve.asgi_bridge.types import Message

pytestmark = pytest.mark.anyio


class Order(msgspec.Struct):
    amount: int


def request(*chunks: bytes, cut: bool = False) -> Request:
    messages: Iterator[Message] = iter(
        [
            *(
                {"type": "http.request", "body": chunk, "more_body": cut or number < len(chunks)}
                for number, chunk in enumerate(chunks, 1)
            ),
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Message:
        return next(messages)

    scope = websocket_scope(type="http", method="POST", query_string=b"a=1")
    return Request(scope, receive)


async def test_connection_data() -> None:
    asked = request()
    assert (asked.method, asked.query_params["a"], asked["path"]) == ("POST", "1", "/chat")
    assert repr(asked) == "<Request POST '/chat'>"


async def test_another_scope() -> None:
    with pytest.raises(ValueError, match="needs a scope of type 'http', not 'websocket'"):
        Request(websocket_scope(), request().body)  # type: ignore[arg-type]  # wrong on purpose


async def test_body_is_read_once_and_kept() -> None:
    asked = request(b"ab", b"", b"c")
    assert [await asked.body(), await asked.body()] == [b"abc", b"abc"]


async def test_a_body_is_bounded() -> None:
    assert len(await request(bytes(MAX_BODY_SIZE)).body()) == MAX_BODY_SIZE
    for body in (request(bytes(MAX_BODY_SIZE), b"x").body(), request(b"abc").body(max_size=2)):
        with pytest.raises(HTTPException, match="413 the body has more than"):
            await body


async def test_a_body_that_ends_too_early() -> None:
    with pytest.raises(HTTPException, match="400 the request ended before its body did"):
        await request(b"ab", cut=True).body()


async def test_json() -> None:
    assert await request(b'{"amount": 2}').json() == {"amount": 2}
    assert await request(b'{"amount": 2}').json(type=Order) == Order(2)
    with pytest.raises(HTTPException, match="400 the body is not what was expected: Expected `int`"):
        await request(b'{"amount": "x"}').json(type=Order)
    with pytest.raises(HTTPException, match="400 the body is no well-formed JSON"):
        await request(b"{").json()
