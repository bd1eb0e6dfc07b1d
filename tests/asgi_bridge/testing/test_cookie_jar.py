"""The cookies of a test client."""

import pytest

from tests.asgi_bridge.testing.apps import ACCEPT, sending
from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
from wsserve.asgi_bridge.testing.client import TestClient
from wsserve.asgi_bridge.testing.cookie_jar import Cookies
from wsserve.asgi_bridge.testing.exceptions import WebSocketDenialResponse
from wsserve.asgi_bridge.types import Receive, Scope, Send

URL = "http://testserver/chat"


def test_it_is_a_mapping() -> None:
    cookies = Cookies({"a": "1"})
    cookies["b"] = "2"
    cookies["a"] = "3"
    assert repr(cookies) in ("Cookies({'b': '2', 'a': '3'})", "Cookies({'a': '3', 'b': '2'})")
    assert len(cookies) == 2
    assert cookies.get("c") is None
    del cookies["b"]
    with pytest.raises(KeyError):
        del cookies["b"]
    assert dict(cookies) == {"a": "3"}
    assert cookies.header("https://other.example:8443/x") == "a=3"


@pytest.mark.parametrize(
    ("set_cookie", "url", "sent"),
    [
        (b"a=1", URL, "a=1"),
        (b"a=1; HttpOnly; SameSite=Lax", "https://testserver/", "a=1"),
        (b"a=1; Path=/chat", "http://testserver/chat/x", "a=1"),
        (b"a=1; Path=/other", URL, None),
        (b"a=1; Secure", URL, None),
        (b"a=1; Max-Age=0", URL, None),
        (b"a=1", "http://other.example/", None),
        (b'a="x y"', URL, 'a="x y"'),
    ],
)
def test_what_the_application_sets_goes_where_it_belongs(set_cookie: bytes, url: str, sent: str | None) -> None:
    cookies = Cookies()
    cookies.keep(
        URL, [(b"x", b"y"), (b"set-cookie", set_cookie + b"" if b"Path" in set_cookie else set_cookie + b"; Path=/")]
    )
    assert cookies.header(url) == sent


def test_cookies_for_one_request_win() -> None:
    cookies = Cookies({"a": "1", "b": "2"})
    assert cookies.header(URL, {"b": "3"}) == "b=3; a=1"
    assert Cookies().header(URL, {"b": "3"}) == "b=3"
    assert Cookies().header(URL) is None


def test_a_cookie_of_the_test_takes_the_place_of_the_applications() -> None:
    cookies = Cookies()
    cookies.keep(URL, [(b"set-cookie", b"a=1; Path=/")])
    cookies["a"] = "2"
    assert cookies.header(URL) == "a=2"


def test_a_cookie_is_deleted() -> None:
    cookies = Cookies()
    cookies.keep(URL, [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2; Path=/")])
    cookies.keep(URL, [(b"set-cookie", b"a=; Path=/; Max-Age=0")])
    assert dict(cookies) == {"b": "2"}


async def login(scope: Scope, receive: Receive, send: Send) -> None:
    """Set a cookie by HTTP, accept and denial; refuse those who have none."""
    cookie = (b"cookie", b"session=1") in scope["headers"]
    headers = [(b"set-cookie", b"%s=1; Path=/" % (b"seen" if cookie else b"session"))]
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})
    elif cookie:
        await send({**ACCEPT, "headers": headers})
    else:
        await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
        await send({"type": "websocket.http.response.body"})


def test_n17_cookies_of_responses_accepts_and_denials_are_kept() -> None:
    client = TestClient(login)
    client.get("/login")
    assert dict(client.cookies) == {"session": "1"}
    with client.websocket_connect("ws://testserver/") as ws:
        assert ws.extra_headers == [(b"set-cookie", b"seen=1; Path=/")]
    assert dict(client.cookies) == {"session": "1", "seen": "1"}
    client = TestClient(login)
    with pytest.raises(WebSocketDenialResponse), client.websocket_connect("/"):
        pass
    assert dict(client.cookies) == {"session": "1"}


@pytest.mark.anyio
async def test_a_connection_without_cookies() -> None:
    async with AsyncTestClient(sending({**ACCEPT})).websocket_connect("/") as ws:
        assert b"cookie" not in dict(ws.scope["headers"])
