"""The scopes that applications get (G10, G11, G13, G14)."""

from dataclasses import replace

import pytest

from tests.asgi_bridge.exchanges import INFO, parse
from tests.codec.http_feeds import KEY, head, upgrade
from wsserve.asgi_bridge.scopes import http_scope, websocket_scope
from wsserve.asgi_bridge.types import Scope


def scope_of(request_head: bytes, **info: object) -> Scope:
    _, request = parse(request_head)
    connection = replace(INFO, **info)  # type: ignore[arg-type]  # names and values are the test's
    return http_scope(request, connection) if request.handshake is None else websocket_scope(request, connection)


def test_g11_websocket_scope() -> None:
    scope = scope_of(upgrade(request_line=b"GET /a%20b/%C3%BC?q=%20&r HTTP/1.1"))
    headers = scope.pop("headers")
    assert dict(headers)[b"host"] == b"example.com"
    assert scope == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/a b/ü",
        "raw_path": b"/a%20b/%C3%BC",
        "query_string": b"q=%20&r",
        "root_path": "",
        "client": ("192.0.2.1", 50000),
        "server": ("192.0.2.2", 8000),
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
        "state": {},
    }


def test_g11_http_scope() -> None:
    scope = scope_of(head(b"X-A: 1", request_line=b"PUT /x HTTP/1.1"))
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": "/x",
        "raw_path": b"/x",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example.com"), (b"x-a", b"1")],
        "client": ("192.0.2.1", 50000),
        "server": ("192.0.2.2", 8000),
        "extensions": {},
        "state": {},
    }


def test_g11_tls_changes_the_scheme() -> None:
    assert scope_of(upgrade(), tls=True)["scheme"] == "wss"
    assert scope_of(head(), tls=True)["scheme"] == "https"


def test_g11_unix_socket() -> None:
    scope = scope_of(upgrade(), client=None, server=("/run/x.sock", None))
    assert scope["client"] is None
    assert scope["server"] == ("/run/x.sock", None)


@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        (b"/", "/", b"/", b""),
        (b"/?", "/", b"/", b""),
        (b"/a?b?c", "/a", b"/a", b"b?c"),
        (b"/%2F%3F", "//?", b"/%2F%3F", b""),
        (b"/%FF", "/\ufffd", b"/%FF", b""),
        (b"/%zz%2", "/%zz%2", b"/%zz%2", b""),
        (b"/%0d%0a", "/\r\n", b"/%0d%0a", b""),
    ],
)
def test_g11_path_is_decoded_and_raw_path_is_not(target: bytes, path: str, raw_path: bytes, query: bytes) -> None:
    scope = scope_of(head(request_line=b"GET " + target + b" HTTP/1.1"))
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)


@pytest.mark.parametrize(
    ("root_path", "raw"), [("/api", b"/api"), ("/ü x", b"/%C3%BC%20x")], ids=["plain", "to-be-quoted"]
)
def test_g11_root_path_stands_before_both_paths(root_path: str, raw: bytes) -> None:
    scope = scope_of(upgrade(request_line=b"GET /chat HTTP/1.1"), root_path=root_path)
    assert scope["root_path"] == root_path
    assert scope["path"] == root_path + "/chat"
    assert scope["raw_path"] == raw + b"/chat"


def test_g10_headers_in_lower_case_with_order_and_duplicates() -> None:
    scope = scope_of(upgrade(b"X-B: 1", b"x-a: 2", b"X-B: 3", b"Sec-WebSocket-Extensions: foo"))
    assert scope["headers"] == [
        (b"host", b"example.com"),
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", KEY.encode()),
        (b"x-b", b"1"),
        (b"x-a", b"2"),
        (b"x-b", b"3"),
        (b"sec-websocket-extensions", b"foo"),
    ]


def test_g10_r2_subprotocols_are_a_list_of_str() -> None:
    scope = scope_of(upgrade(b"Sec-WebSocket-Protocol: b, a", b"Sec-WebSocket-Protocol: c"))
    assert scope["subprotocols"] == ["b", "a", "c"]


def test_g13_state_is_a_shallow_copy() -> None:
    shared: list[int] = []
    state = {"shared": shared}
    scope = scope_of(upgrade(), state=state)
    assert scope["state"] == state
    assert scope["state"]["shared"] is shared
    scope["state"]["mine"] = 1
    assert state == {"shared": shared}


@pytest.mark.parametrize("request_head", [head(), upgrade()], ids=["http", "websocket"])
def test_g14_everything_that_can_be_changed_is_fresh(request_head: bytes) -> None:
    _, request = parse(request_head)
    make = http_scope if request.handshake is None else websocket_scope
    first, second = make(request, INFO), make(request, INFO)
    assert first == second
    assert first is not second
    for key, value in first.items():
        if isinstance(value, (dict, list)):
            assert value is not second[key], key
    first["headers"].clear()
    assert request.headers
