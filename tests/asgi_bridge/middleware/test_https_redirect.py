"""N18: clients without TLS are sent to where there is some."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from tests.asgi_bridge.double import GoneError, Server
from wsserve.asgi_bridge.middleware.https_redirect import HTTPSRedirectMiddleware
from wsserve.asgi_bridge.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "reached"})


async def answer(server: Server, **options: Any) -> tuple[Any, Any]:
    """Return the status, or the type when there is none, and the Location of what goes out first."""
    await HTTPSRedirectMiddleware(app, **options)(server.scope, server.receive, server.send)
    start = server.sent[0]
    return start.get("status", start["type"]), dict(start.get("headers", ())).get(b"location")


@pytest.mark.parametrize(
    ("host", "options", "location"),
    [
        (b"example.com", {}, b"wss://example.com/chat?a=%20"),
        (b"Example.com.:8000", {}, b"wss://example.com/chat?a=%20"),
        (b"example.com:8000", {"port": 443}, b"wss://example.com/chat?a=%20"),
        (b"[0::1]:80", {"port": 8443}, b"wss://[::1]:8443/chat?a=%20"),
    ],
)
async def test_n18_ws_is_redirected_to_wss(host: bytes, options: dict[str, Any], location: bytes) -> None:
    server = Server(headers=[(b"host", host)], query_string=b"a=%20")
    assert await answer(server, **options) == (307, location)


async def test_n18_http_is_redirected_to_https() -> None:
    server = Server(type="http", scheme="http", path="//evil.example/\u00e9", raw_path=b"//evil.example/%C3%A9")
    assert await answer(server) == (307, b"https://example.com//evil.example/%C3%A9")


async def test_n18_where_a_handshake_cannot_be_denied_with_a_response_it_is_closed() -> None:
    assert await answer(Server(extensions={})) == ("websocket.close", None)


async def test_n18_a_client_that_has_left_is_no_error() -> None:
    server = Server()
    server.error = GoneError()
    await HTTPSRedirectMiddleware(app)(server.scope, server.receive, server.send)
    assert server.sent == []


@pytest.mark.parametrize("headers", [[], [(b"host", b"a b")], [(b"host", b"a"), (b"host", b"a")]])
async def test_n18_without_a_valid_host_there_is_nowhere_to_go(headers: Any) -> None:
    assert await answer(Server(headers=headers)) == (400, None)


@pytest.mark.parametrize(
    "scope", [{"scheme": "wss"}, {"type": "http", "scheme": "https"}, {"type": "lifespan", "scheme": "ws"}]
)
async def test_n18_what_is_secure_or_neither_passes(scope: dict[str, Any]) -> None:
    assert await answer(Server(**scope)) == ("reached", None)


@pytest.mark.parametrize("port", [0, 65536, "443"])
async def test_n18_a_port_that_is_none_is_found_at_once(port: Any) -> None:
    with pytest.raises(ValueError, match="from 1 to 65535, not "):
        HTTPSRedirectMiddleware(app, port=port)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("here")
    await websocket.close()


def test_n18_in_front_of_starlette() -> None:
    routes = [WebSocketRoute("/", echo), Route("/", lambda request: PlainTextResponse("page"))]
    with TestClient(HTTPSRedirectMiddleware(Starlette(routes=routes))) as client:
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/"):
            pass
        assert (denied.value.status_code, denied.value.headers["location"]) == (307, "wss://testserver/")
        assert client.get("/").text == "page"  # the client follows
        with client.websocket_connect("wss://testserver/") as websocket:
            assert websocket.receive_text() == "here"
