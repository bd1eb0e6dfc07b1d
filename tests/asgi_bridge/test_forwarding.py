"""N22: what a gateway passes on."""

from typing import Any

import pytest

from tests.asgi_bridge.double import websocket_scope
from wsserve.asgi_bridge.client_handshake import check_url
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.forwarding import (
    close_for_client,
    close_for_target,
    request_headers,
    response_headers,
    target_url,
)


@pytest.mark.parametrize(
    ("target", "scope", "url"),
    [
        ("ws://t", {"path": "/"}, "ws://t/"),
        ("ws://t", {"path": "/a", "query_string": b"x=%20"}, "ws://t/a?x=%20"),
        ("ws://t/base", {"path": "/a"}, "ws://t/base/a"),
        ("ws://t/base/", {"path": "/a/"}, "ws://t/base/a/"),
        ("ws://t/base", {"path": "/"}, "ws://t/base/"),
        ("ws://t/base", {"path": "/app/a", "root_path": "/app"}, "ws://t/base/a"),
        ("ws://t", {"path": "/app/a/b", "raw_path": b"/app/a%2Fb", "root_path": "/app/"}, "ws://t/a%2Fb"),
        ("ws://t", {"path": "/app/a", "raw_path": b"/%61pp/a", "root_path": "/app"}, "ws://t/a"),
        ("ws://t", {"path": "/\u00e9?#", "raw_path": None}, "ws://t/%C3%A9%3F%23"),
        ("ws://t", {"path": "//evil/a"}, "ws://t/evil/a"),
        ("ws://t", {"path": "/a..b/..c"}, "ws://t/a..b/..c"),
        ("ws://t", {"path": "/a/../b"}, None),
        ("ws://t", {"path": "/..", "raw_path": b"/%2E%2e"}, None),
        ("ws://t", {"path": "/a\\..\\b"}, None),
    ],
)
def test_n22_the_path_goes_along(target: str, scope: dict[str, Any], url: str | None) -> None:
    connection = ConnectionData(websocket_scope(**{"raw_path": None, **scope}))
    assert target_url(connection, check_url(target)) == url


def test_n22_what_connection_names_is_dropped() -> None:
    headers = [
        (b"connection", b"Upgrade, X-Hop"),
        (b"x-hop", b"1"),
        (b"x-end", b"2"),
        (b"sec-websocket-extensions", b"permessage-deflate"),
        (b"content-length", b"0"),
        (b"date", b"today"),
    ]
    assert response_headers(headers) == [(b"x-end", b"2")]


def test_n22_a_client_without_address_and_host_has_no_headers_for_them() -> None:
    connection = ConnectionData(websocket_scope(scheme="wss", client=None, headers=[(b"x-forwarded-for", b"forged")]))
    assert request_headers(connection, []) == [(b"x-forwarded-proto", b"https")]


@pytest.mark.parametrize(
    ("code", "for_client", "for_target"),
    [
        (1000, (1000, "why"), (1000, "why")),
        (4999, (4999, "why"), (4999, "why")),
        (1005, (1000, ""), (None, "")),
        (1006, (1014, "the server behind this one was lost"), (1001, "")),
        (1004, (1014, "the server behind this one was lost"), (1001, "")),
    ],
)
def test_n22_close_codes(code: int, for_client: tuple[int, str], for_target: tuple[int | None, str]) -> None:
    assert close_for_client(code, "why") == for_client
    assert close_for_target(code, "why") == for_target
    assert close_for_target(None, "") == (1001, "")
