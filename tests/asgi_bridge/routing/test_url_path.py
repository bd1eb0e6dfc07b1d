"""Paths that become URLs: L12."""

import pytest

from wsserve.asgi_bridge.routing.url_path import URLPath


@pytest.mark.parametrize(
    ("kind", "host", "base", "url"),
    [
        ("websocket", "", "http://example.com/", "ws://example.com/a"),
        ("websocket", "", "https://example.com:444/api/", "wss://example.com:444/api/a"),
        ("websocket", "", "ws://example.com", "ws://example.com/a"),
        ("http", "", "wss://example.com/api?x=1#y", "https://example.com/api/a"),
        ("http", "", "ws://[::1]:8000/", "http://[::1]:8000/a"),
        ("websocket", "b.example.com", "ws://a.example.com:8000/", "ws://b.example.com:8000/a"),
        ("http", "[::2]", "ws://[::1]:8000/", "http://[::2]:8000/a"),
    ],
)
def test_l12_the_scheme_is_that_of_the_routes_kind(kind: str, host: str, base: str, url: str) -> None:
    assert URLPath("/a", protocol=kind, host=host).make_absolute_url(base) == url


def test_l12_a_path_below_a_prefix() -> None:
    path = URLPath("/a", protocol="websocket", host="example.com").behind("/b/")
    assert (path, path.protocol, path.host) == ("/b/a", "websocket", "example.com")
    assert URLPath("/a").behind("/") == "/a"
