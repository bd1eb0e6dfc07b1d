"""Requests to paths that have other routes: N6, H20."""

import pytest

from tests.asgi_bridge.routing.routes import BOTH, Noting, http
from wsserve.asgi_bridge.exceptions import HTTPException
from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.routing.unmatched import refuse_request


def refusal(*routes: BaseRoute, http_version: str = "1.1") -> tuple[int, dict[str, str]]:
    with pytest.raises(HTTPException) as caught:
        refuse_request(http("/", http_version=http_version), routes)
    return caught.value.status_code, caught.value.headers


def test_405_names_the_methods() -> None:
    get = Noting("/", kinds=["http"], methods=["GET", "HEAD"])
    post = Noting("/", kinds=BOTH, methods=["POST"])
    assert refusal(post, Noting("/"), get) == (405, {"allow": "GET, HEAD, POST"})


def test_h20_trap_a_request_to_a_websocket_is_told_so() -> None:
    assert refusal(Noting("/")) == (426, {"upgrade": "websocket", "connection": "upgrade"})
    assert refusal(Noting("/"), http_version="1.0")[1] != {}
    assert refusal(Noting("/"), http_version="2") == (426, {})


def test_nothing_there() -> None:
    refuse_request(http("/"), [])
