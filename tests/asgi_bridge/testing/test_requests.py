"""The scopes that the test clients make (G10, G11, G14)."""

import base64
from typing import Any

import pytest

from tests.asgi_bridge.testing.apps import ACCEPT, echo, sending
from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
from wsserve.asgi_bridge.types import Scope


def scope_of(url: str = "/", *arguments: Any, client: dict[str, Any] | None = None, **options: Any) -> Scope:
    return AsyncTestClient(echo, **(client or {})).websocket_connect(url, *arguments, **options).scope


def test_g10_g11_the_whole_scope() -> None:
    scope = scope_of("/a%2Fb/\u00e4%C3%A4?x=%20&y=\u00e4", ["b", "a", "b"])
    headers = dict(scope.pop("headers"))
    assert len(base64.b64decode(headers.pop(b"sec-websocket-key"))) == 16
    assert headers == {
        b"host": b"testserver",
        b"accept": b"*/*",
        b"user-agent": b"testclient",
        b"connection": b"Upgrade",
        b"upgrade": b"websocket",
        b"sec-websocket-version": b"13",
        b"sec-websocket-extensions": b"permessage-deflate; client_max_window_bits",
        b"sec-websocket-protocol": b"b, a, b",
    }
    assert scope == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "client": ("testclient", 50000),
        "server": ("testserver", 80),
        "path": "/a/b/\u00e4\u00e4",
        "raw_path": b"/a%2Fb/%C3%A4%C3%A4",
        "query_string": b"x=%20&y=%C3%A4",
        "root_path": "",
        "state": {},
        "subprotocols": ["b", "a"],
        "extensions": {"websocket.http.response": {}},
    }


def test_g10_without_subprotocols() -> None:
    for scope in (scope_of("/"), scope_of("/", None), scope_of("/", [])):
        assert scope["subprotocols"] == []
        assert b"sec-websocket-protocol" not in dict(scope["headers"])


def test_g14_each_scope_is_fresh() -> None:
    client = AsyncTestClient(echo)
    one, two = (client.websocket_connect("/").scope for _ in range(2))
    for key in ("headers", "asgi", "state", "subprotocols", "extensions"):
        assert one[key] is not two[key]
    assert dict(one["headers"])[b"sec-websocket-key"] != dict(two["headers"])[b"sec-websocket-key"]


@pytest.mark.parametrize(
    ("url", "base_url", "expected"),
    [
        ("/x", "https://a.example:8443", ("wss", ("a.example", 8443), b"a.example:8443", b"/x", b"")),
        ("/x", "wss://a.example", ("wss", ("a.example", 443), b"a.example", b"/x", b"")),
        ("/x", "http://a.example:80/app/", ("ws", ("a.example", 80), b"a.example", b"/app/x", b"")),
        ("x?y", "http://[::1]:8000", ("ws", ("::1", 8000), b"[::1]:8000", b"/x", b"y")),
        ("", "http://h", ("ws", ("h", 80), b"h", b"/", b"")),
        ("?y", "http://h", ("ws", ("h", 80), b"h", b"/", b"y")),
        ("//x//", "http://h", ("ws", ("h", 80), b"h", b"//x//", b"")),
        ("/x/http://y", "http://h", ("ws", ("h", 80), b"h", b"/x/http://y", b"")),
        ("WSS://Other.example/x?y=/", "http://h", ("wss", ("other.example", 443), b"other.example", b"/x", b"y=/")),
        ("http://other.example:81?y", "http://h", ("ws", ("other.example", 81), b"other.example:81", b"/", b"y")),
    ],
)
def test_g11_urls(url: str, base_url: str, expected: tuple[object, ...]) -> None:
    scope = scope_of(url, client={"base_url": base_url})
    host = dict(scope["headers"])[b"host"]
    assert (scope["scheme"], scope["server"], host, scope["raw_path"], scope["query_string"]) == expected


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("/a b", "spaces"),
        ("/a\n", "control characters"),
        ("/a#b", "fragment"),
        ("ftp://h/", "must begin with ws://"),
        ("ws:///x", "no host"),
        ("ws://h:99999/", "Port"),
        ("ws://[::1/", "Invalid IPv6"),
        ("/\ud800", "surrogates"),
    ],
)
def test_g11_a_bad_url_is_a_clear_error(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        scope_of(url)


def test_g11_a_bad_base_url_is_told_at_once() -> None:
    for base_url, fault in (("testserver", "must begin"), ("http://", "no host"), ("http://h/?x", "has a query")):
        with pytest.raises(ValueError, match=fault):
            AsyncTestClient(echo, base_url=base_url)
    with pytest.raises(TypeError, match="a URL is a str, not bytes"):
        scope_of(b"/")  # type: ignore[arg-type]  # the mistake under test


def test_g11_options_of_the_client() -> None:
    scope = scope_of("/x", client={"root_path": "/\u00e4", "client": None, "extensions": ("a", "b")})
    assert (scope["path"], scope["raw_path"], scope["root_path"]) == ("/\u00e4/x", b"/%C3%A4/x", "/\u00e4")
    assert scope["client"] is None
    assert scope["extensions"] == {"a": {}, "b": {}}
    for options in ({"lifespan": "maybe"}, {"max_queue": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            scope_of(client=options)


def test_g10_headers_of_the_client_and_of_the_connection() -> None:
    options = {"headers": {"X-A": "1", "X-B": "2"}, "cookies": {"a": "1", "b": "2"}}
    scope = scope_of("/", (), [("x-b", "3"), ("X-B", b"\xff"), ("user-agent", "me")], {"b": "3"}, client=options)
    values = [(name, value) for name, value in scope["headers"] if name in (b"x-a", b"x-b", b"user-agent", b"cookie")]
    assert values == [
        (b"x-a", b"1"),
        (b"cookie", b"b=3; a=1"),
        (b"x-b", b"3"),
        (b"x-b", b"\xff"),
        (b"user-agent", b"me"),
    ]
    assert (b"cookie", b"own") in scope_of("/", headers={"cookie": "own"}, client=options)["headers"]
    with pytest.raises(ValueError, match="control character"):
        scope_of("/", headers={"x": "a\r\nb: c"})


def test_g10_a_handshake_that_no_application_is_shown() -> None:
    for subprotocols in (["a b"], ["a", "\n"], ["\u00e4"]):
        with pytest.raises(ValueError, match=r"token|control|ASCII"):
            scope_of("/", subprotocols)
    with pytest.raises(TypeError, match=r"use \['chat'\]"):
        scope_of("/", "chat")
    with pytest.raises(ValueError, match="a server refuses it: the only WebSocket version here is 13"):
        scope_of("/", headers={"sec-websocket-version": "8"})
    with pytest.raises(ValueError, match="a server refuses it: it asks for no upgrade"):
        scope_of("/", headers={"connection": "close"})


@pytest.mark.anyio
async def test_n20_the_subprotocol_that_was_chosen() -> None:
    client = AsyncTestClient(sending({**ACCEPT, "subprotocol": "b"}))
    async with client.websocket_connect("/", ["a", "b"]) as ws:
        assert ws.accepted_subprotocol == "b"
