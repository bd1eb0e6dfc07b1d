"""N18: requests for hosts that are not ours."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from tests.asgi_bridge.double import Server
from wsserve.asgi_bridge.middleware.trusted_host import TrustedHostMiddleware
from wsserve.asgi_bridge.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "reached"})


def answer(middleware: TrustedHostMiddleware, *hosts: str, **scope: Any) -> list[Any]:
    """Run the middleware, which waits for nothing here, and return what it sent."""
    sent: list[Any] = []

    async def take(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", host.encode()) for host in hosts]
    with pytest.raises(StopIteration):
        middleware(Server(headers=headers, **scope).scope, Server().receive, take).send(None)
    return sent


def passes(middleware: TrustedHostMiddleware, *hosts: str, **scope: Any) -> bool:
    sent = answer(middleware, *hosts, **scope)
    assert sent[0] == {"type": "reached"} or sent[0]["status"] == 400
    return bool(sent[0] == {"type": "reached"})


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (
            ["example.com", "[::1]", "127.0.0.1"],
            ["example.com", "Example.COM.:8000", "[0:0::1]:80", "127.0.0.1"],
            ["www.example.com", "evilexample.com", "example.com.evil", "example.com@evil", "", "[::2]", "example.com/"],
        ),
        ("*.Example.com", ["a.example.com", "a.b.example.com:1"], ["example.com", "aexample.com", ".example.com"]),
        (["b\u00fccher.example"], ["xn--bcher-kva.example"], ["b\u00fccher.example"]),
        (["example.com", "*"], ["anything", "b\u00fccher", ""], []),
    ],
)
def test_n18_hosts(allowed: Any, inside: list[str], outside: list[str]) -> None:
    middleware = TrustedHostMiddleware(app, allowed)
    assert [passes(middleware, host) for host in inside] == [True] * len(inside)
    assert [passes(middleware, host) for host in outside] == [False] * len(outside)


def test_n18_the_host_is_there_once() -> None:
    middleware = TrustedHostMiddleware(app, "example.com")
    assert not passes(middleware)
    assert not passes(middleware, "example.com", "example.com")


def test_n18_other_scopes_pass() -> None:
    assert passes(TrustedHostMiddleware(app, "example.com"), "evil", type="lifespan")


def test_n18_an_http_request_gets_400() -> None:
    start, body = answer(TrustedHostMiddleware(app, "example.com"), "evil", type="http")
    assert (start["type"], start["status"]) == ("http.response.start", 400)
    assert body == {"type": "http.response.body", "body": b"the Host header names no host of this server\n"}


def test_n18_a_handshake_gets_400_or_where_that_cannot_be_403() -> None:
    start, body = answer(TrustedHostMiddleware(app, "example.com"), "evil")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 400)
    assert body["type"] == "websocket.http.response.body"
    (close,) = answer(TrustedHostMiddleware(app, "example.com"), "evil", extensions={})
    assert close["type"] == "websocket.close"


def test_n18_www_can_be_put_in_front() -> None:
    allowed = TrustedHostMiddleware(app, ["www.example.com"], www_redirect=True)
    start, _ = answer(allowed, "Example.com.:8000", type="http", scheme="http", query_string=b"a=%20")
    assert start["status"] == 307
    assert (b"location", b"http://www.example.com:8000/chat?a=%20") in start["headers"]
    start, _ = answer(allowed, "example.com")
    assert (b"location", b"ws://www.example.com/chat") in start["headers"]
    assert not passes(allowed, "example.org")
    assert not passes(allowed, "[::1]")
    assert not passes(TrustedHostMiddleware(app, ["www.example.com"]), "example.com")


@pytest.mark.parametrize(
    ("allowed", "sentence"),
    [
        ([], "allowed_hosts is empty"),
        (["https://example.com"], "'https://example.com' is no host"),
        ("example.com/", "is no host"),
        ("*example.com", "is no host"),
        ("a.*.com", "is no host"),
        ("", "is no host"),
        ("Example.com:8000", "has a port, which does not matter: write 'example.com'"),
    ],
)
def test_n18_a_mistake_is_found_at_once(allowed: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        TrustedHostMiddleware(app, allowed)
    with pytest.raises(TypeError, match="a str, not bytes"):
        TrustedHostMiddleware(app, [b"example.com"])  # type: ignore[list-item]  # that is the mistake


@given(st.text(max_size=40))
def test_n18_no_host_fails(host: str) -> None:
    assert not passes(TrustedHostMiddleware(app, ["*.example.com", "[::1]"]), host)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("here")
    await websocket.close()


def test_n18_in_front_of_starlette() -> None:
    routes = [WebSocketRoute("/", echo), Route("/", lambda request: PlainTextResponse("page"))]
    with TestClient(TrustedHostMiddleware(Starlette(routes=routes), ["testserver"])) as client:
        with client.websocket_connect("/") as websocket:
            assert websocket.receive_text() == "here"
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/", headers={"host": "evil"}):
            pass
        assert denied.value.status_code == 400
        assert client.get("/").text == "page"
        assert client.get("/", headers={"host": "evil"}).status_code == 400
