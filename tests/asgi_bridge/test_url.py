"""URLs of a scope and of the world."""

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.asgi_bridge.double import websocket_scope
from wsserve.asgi_bridge.url import URL


def url_of(**changes: Any) -> URL:
    return URL.from_scope(websocket_scope(**changes))


def test_l5_url_is_a_real_str_and_hashable() -> None:
    url = url_of(path="/chat", query_string=b"a=1")
    assert isinstance(url, str)
    assert url == "ws://example.com/chat?a=1"
    assert url.startswith("ws://")
    assert url + "&b=2" == "ws://example.com/chat?a=1&b=2"
    assert len(url) == 25
    assert {url, "ws://example.com/chat?a=1"} == {url}
    assert type(str(url)) is str


def test_l5_copies_and_pickles_are_urls() -> None:
    url = URL("ws://example.com/")
    for other in (copy.copy(url), copy.deepcopy(url), pickle.loads(pickle.dumps(url))):
        assert type(other) is URL
        assert other == url


def test_l6_all_parts() -> None:
    url = URL("wss://ann:secret@Example.com:8443/a/b?x=1&y=2#top")
    assert url.scheme == "wss"
    assert url.netloc == "ann:secret@Example.com:8443"
    assert (url.username, url.password) == ("ann", "secret")
    assert (url.hostname, url.port) == ("example.com", 8443)
    assert (url.path, url.query, url.fragment) == ("/a/b", "x=1&y=2", "top")
    assert url.is_secure


def test_l6_parts_that_are_not_there() -> None:
    url = URL("ws://example.com")
    assert (url.username, url.password, url.port) == (None, None, None)
    assert (url.path, url.query, url.fragment) == ("", "", "")
    assert not url.is_secure


def test_l6_repr_masks_the_password() -> None:
    assert repr(URL("ws://ann:secret@example.com:1/")) == "URL('ws://ann:********@example.com:1/')"
    assert repr(URL("ws://ann@example.com/")) == "URL('ws://ann@example.com/')"
    assert repr(URL("ws://[::1]/")) == "URL('ws://[::1]/')"


def test_l6_decoded_path_is_quoted() -> None:
    url = url_of(path="/x y/é?#%", raw_path=None)
    assert url == "ws://example.com/x%20y/%C3%A9%3F%23%25"
    assert (url.path, url.query, url.fragment) == ("/x%20y/%C3%A9%3F%23%25", "", "")


def test_l6_raw_path_is_kept_as_the_client_wrote_it() -> None:
    assert url_of(path="/a/b/c", raw_path=b"/a%2Fb/c").path == "/a%2Fb/c"
    assert url_of(path="/\N{REPLACEMENT CHARACTER}", raw_path=b"/%ff").path == "/%ff"
    assert url_of(path="/a", raw_path=b"/a?not=path").path == "/a"
    assert url_of(path="/a%", raw_path=b"/a%").path == "/a%25"


def test_l6_raw_path_that_a_middleware_outdated_is_not_used() -> None:
    assert url_of(path="/new", raw_path=b"/old").path == "/new"


@pytest.mark.parametrize(
    ("path", "expected"), [("", "/"), ("relative", "/relative"), ("//evil", "//evil"), ("/\ud800", "/%3F")]
)
def test_l6_odd_paths_stay_paths(path: str, expected: str) -> None:
    url = url_of(path=path, raw_path=None)
    assert url.path == expected
    assert url.hostname == "example.com"


def test_l6_query_is_quoted() -> None:
    assert url_of(query_string=b"a=b c&d=\xff#x").query == "a=b%20c&d=%FF%23x"


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (("::1", 8000), "ws://[::1]:8000/chat"),
        (("fe80::1%eth0", 8000), "ws://localhost/chat"),
        (("127.0.0.1", 8000), "ws://127.0.0.1:8000/chat"),
        (["127.0.0.1", 80], "ws://127.0.0.1/chat"),
        (("127.0.0.1", 443), "ws://127.0.0.1:443/chat"),
        (("/run/app.sock", None), "ws://localhost/chat"),
        (None, "ws://localhost/chat"),
    ],
)
def test_l6_without_host_the_server_counts(server: object, expected: str) -> None:
    url = url_of(headers=[], server=server)
    assert url == expected
    assert url.port in (None, 8000, 443)


def test_l6_host_is_found_among_other_headers() -> None:
    assert url_of(headers=[(b"a", b"b"), (b"host", b"c"), (b"host", b"d")]) == "ws://c/chat"
    assert url_of(headers=[(b"a", b"b")]) == "ws://192.0.2.2:8000/chat"


def test_l6_default_port_of_wss_is_left_out() -> None:
    assert url_of(headers=[], scheme="wss", server=("example.org", 443)) == "wss://example.org/chat"


@pytest.mark.parametrize(
    "host", [b"a.example:99", b"a.example:", b"[::1]", b"[::1]:99", b"A.example", b"a.example:80", b"a_b"]
)
def test_l6_host_is_used_as_it_came(host: bytes) -> None:
    url = url_of(headers=[(b"Host", host)])
    assert url == f"ws://{host.decode()}/chat"
    assert url.port in (None, 99, 80)


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"a:b",
        b"a:65536",
        b"a:1e3",
        b"a:-1",
        b"a:\xb2",
        b"a b",
        b"a/b",
        b"a?b",
        b"a#b",
        b"u@a",
        b"\xe9",
        b"[::1",
        b"[:::]",
        b"[1.2.3.4]",
        b"::1",
        b":80",
        b"[v1.a]",
        b"a:" + b"9" * 99,
        b"%zz",
    ],
)
def test_l6_malformed_host_falls_back_to_the_server(host: bytes) -> None:
    url = url_of(headers=[(b"host", host)])
    assert url == "ws://192.0.2.2:8000/chat"
    assert url.port == 8000


def test_l6_scheme_has_a_default_and_may_be_unknown() -> None:
    assert URL.from_scope({"type": "websocket", "path": "/"}) == "ws://localhost/"
    assert URL.from_scope({"type": "http", "path": "/"}) == "http://localhost/"
    assert url_of(scheme="other", headers=[]) == "other://192.0.2.2:8000/chat"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "ws://example.com/"),
        ({"root_path": "/api"}, "ws://example.com/api/"),
        ({"root_path": "/api/", "app_root_path": "/x y"}, "ws://example.com/x%20y/"),
        ({"root_path": "/ws", "app_root_path": ""}, "ws://example.com/"),
    ],
)
def test_l7_base_url(changes: dict[str, Any], expected: str) -> None:
    assert URL.base_from_scope(websocket_scope(query_string=b"a=1", **changes)) == expected


@pytest.mark.parametrize(
    "text",
    ["ws://a b/", "ws://a\n/", " ws://a/", "ws://a/\x7f", "ws://a:b/", "ws://a:65536/", "ws://[::1/", "ws://[x]/"],
)
def test_l6_what_is_no_url_is_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match="is no URL"):
        URL(text)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"scheme": "wss"}, "wss://ann:pw@example.com:1/a?q=1#f"),
        ({"port": None}, "ws://ann:pw@example.com/a?q=1#f"),
        ({"port": 2}, "ws://ann:pw@example.com:2/a?q=1#f"),
        ({"hostname": "::1"}, "ws://ann:pw@[::1]:1/a?q=1#f"),
        ({"hostname": "[::1]", "port": None}, "ws://ann:pw@[::1]/a?q=1#f"),
        ({"hostname": "fe80::1%eth0"}, "ws://ann:pw@[fe80::1%25eth0]:1/a?q=1#f"),
        ({"username": "b@b"}, "ws://b%40b:pw@example.com:1/a?q=1#f"),
        ({"password": "p:/"}, "ws://ann:p%3A%2F@example.com:1/a?q=1#f"),
        ({"password": None}, "ws://ann@example.com:1/a?q=1#f"),
        ({"username": None}, "ws://:pw@example.com:1/a?q=1#f"),
        ({"username": None, "password": None}, "ws://example.com:1/a?q=1#f"),
        ({"netloc": "b.example"}, "ws://b.example/a?q=1#f"),
        ({"netloc": "b.example", "port": 9}, "ws://b.example:9/a?q=1#f"),
        ({"path": "/x y?#%20%"}, "ws://ann:pw@example.com:1/x%20y%3F%23%20%25?q=1#f"),
        ({"path": "b"}, "ws://ann:pw@example.com:1/b?q=1#f"),
        ({"path": ""}, "ws://ann:pw@example.com:1?q=1#f"),
        ({"query": "a=b c#"}, "ws://ann:pw@example.com:1/a?a=b%20c%23#f"),
        ({"query": "", "fragment": ""}, "ws://ann:pw@example.com:1/a"),
    ],
)
def test_l6_replace(parts: dict[str, Any], expected: str) -> None:
    url = URL("ws://ann:pw@example.com:1/a?q=1#f").replace(**parts)
    assert url == expected
    assert type(url) is URL


def test_l6_replace_of_a_url_without_host() -> None:
    assert URL("/a").replace(path="b") == "b"
    assert URL("/a").replace(port=1).port == 1


def test_l6_replace_with_what_is_no_part() -> None:
    parts: dict[str, Any] = {"pth": "/"}
    with pytest.raises((TypeError, ValueError), match="pth"):
        URL("ws://a/").replace(**parts)


def test_l5_replace_of_strings_is_that_of_str() -> None:
    url = URL("ws://a/a/a")
    assert url.replace("a", "b") == "ws://b/b/b"
    assert url.replace("a", "b", 1) == "ws://b/a/a"
    assert type(url.replace("a", "b")) is str


def test_l6_query_parameters() -> None:
    url = URL("ws://a/?x=1&y=2&x=3&z=")
    assert url.include_query_params(y="n w", n=[1, 2]) == "ws://a/?x=1&x=3&z=&y=n+w&n=1&n=2"
    assert url.include_query_params({"a-b": 1}) == "ws://a/?x=1&y=2&x=3&z=&a-b=1"
    assert url.replace_query_params(q=None, r="&") == "ws://a/?q=None&r=%26"
    assert url.replace_query_params() == "ws://a/"
    assert url.remove_query_params("x") == "ws://a/?y=2&z="
    assert url.remove_query_params(["x", "y"]) == "ws://a/?z="
    assert URL("ws://a/?x=%FF").include_query_params(y=1) == "ws://a/?x=%FF&y=1"


@given(st.text())
def test_l6_any_path_is_a_path_and_nothing_else(path: str) -> None:
    url = url_of(path="/" + path, raw_path=None)
    assert (url.hostname, url.port, url.query, url.fragment) == ("example.com", None, "", "")
    assert url.replace(path=url.path) == url


@given(st.binary(), st.binary(), st.binary())
def test_l6_no_scope_makes_url_raise(host: bytes, raw_path: bytes, query: bytes) -> None:
    url = url_of(headers=[(b"host", host)], raw_path=raw_path, query_string=query)
    assert url.isascii()
    assert url.hostname
    assert url.path.startswith("/")
