"""U16, N18: the Origin of a handshake, over the wire on every event loop, and every form it may have."""

import re
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
from tests.end_to_end.raw_client import upgrade_head
from tests.server.live import accept, get, live, respond
from wsserve.asgi_bridge.middleware.origin import OriginMiddleware
from wsserve.asgi_bridge.types import Receive, Scope, Send

SITE = ["https://App.example.com/"]
HOST = "example.com"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await accept(receive, send)
    else:
        await respond(send, b"page")


def admits(
    middleware: OriginMiddleware, *origins: str | bytes, host: str | None = HOST, scheme: str | None = "ws"
) -> bool:
    """Run the middleware, which waits for nothing here, up to its answer."""
    headers = [(b"origin", origin if isinstance(origin, bytes) else origin.encode()) for origin in origins]
    headers += [] if host is None else [(b"host", host.encode())]
    reached = []

    async def reach(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope)

    async def take(message: Any) -> None:
        sent.append(message)

    middleware._app = reach
    sent: list[Any] = []
    scope = {**Server(headers=headers).scope, "scheme": scheme}
    with pytest.raises(StopIteration):
        middleware(scope, Server().receive, take).send(None)
    assert bool(reached) == (not sent)
    assert not sent or sent[0]["status"] == 403
    return bool(reached)


def middleware(allowed: Any = None, **options: bool) -> OriginMiddleware:
    return OriginMiddleware(app, allowed, **options)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("allowed", "headers", "status"),
    [
        (None, [], 101),
        (None, ["Origin: http://{host}"], 101),
        (None, ["Origin: https://{HOST}"], 101),
        (None, ["Origin: https://evil.example"], 403),
        (None, ["Origin: null"], 403),
        (None, ["Origin: http://{host}.evil.example"], 403),
        (None, ["Origin: http://{host}", "Origin: http://{host}"], 403),
        (SITE, ["Origin: https://app.example.com"], 101),
        (SITE, ["Origin: http://{host}"], 403),
        ([], [], 101),
    ],
)
async def test_u16_an_origin_that_is_not_allowed_gets_403(
    allowed: list[str] | None, headers: list[str], status: int
) -> None:
    request = upgrade_head("/")
    host = next(line.partition(b":")[2].strip().decode() for line in request.split(b"\r\n") if b"host:" in line.lower())
    lines = "".join(f"{line.format(host=host, HOST=host.upper())}\r\n" for line in headers).encode()
    async with live(OriginMiddleware(app, allowed), lifespan="off") as server, server.peer() as peer:
        await peer.send(request[:-2] + lines + b"\r\n")
        assert (await peer.response()).status == status


@pytest.mark.anyio
async def test_u16_plain_requests_pass() -> None:
    async with live(OriginMiddleware(app), lifespan="off") as server, server.peer() as peer:
        await peer.send(get("/", "Origin: https://evil.example"))
        assert (await peer.response()).body == b"page"


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "admitted"),
    [
        ("http://example.com", "example.com", "ws", True),
        ("https://example.com", "example.com", "ws", True),  # a proxy ended TLS
        ("https://example.com", "example.com", "wss", True),
        ("http://example.com", "example.com", "wss", False),  # anybody on the way could have written that page
        ("https://example.com:443", "example.com", "wss", True),
        ("https://example.com", "example.com:443", "wss", True),
        ("http://example.com", "example.com:443", "ws", False),
        ("http://example.com:80", "example.com:80", "ws", True),
        ("HTTP://EXAMPLE.com", "Example.COM.", "ws", True),
        ("http://example.com:8000", "example.com:8000", "ws", True),
        ("http://example.com:8000", "example.com", "ws", False),
        ("http://example.com", "example.com:8000", "ws", False),
        ("http://[::1]:8000", "[0:0::1]:8000", "ws", True),
        ("http://[::1]", "[::2]", "ws", False),
        ("http://xn--bcher-kva.example", "xn--bcher-kva.example", "ws", True),
        ("http://sub.example.com", "example.com", "ws", False),
        ("http://example.com.evil.example", "example.com", "ws", False),
        ("http://evilexample.com", "example.com", "ws", False),
        ("http://example.com@evil.example", "example.com", "ws", False),
        ("http://example.com/", "example.com", "ws", False),
        ("http://example.com#", "example.com", "ws", False),
        ("chrome-extension://example.com", "example.com", "ws", False),
        ("//example.com", "example.com", "ws", False),
        ("example.com", "example.com", "ws", False),
        ("", "example.com", "ws", False),
        ("://", "example.com", "ws", False),
        ("http://", "", "ws", False),
        ("http://example.com", None, "ws", False),
        ("null", "null", "ws", False),
        ("file://", "", "ws", False),
    ],
)
def test_n18_the_same_host(origin: str, host: str | None, scheme: str, admitted: bool) -> None:
    assert admits(middleware(), origin, host=host, scheme=scheme) is admitted


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (
            ["https://example.com", "http://localhost:3000"],
            ["https://example.com", "https://example.com:443", "HTTPS://EXAMPLE.COM", "http://localhost:3000"],
            ["http://example.com", "https://example.com:444", "https://sub.example.com", "http://localhost", "null"],
        ),
        (
            "https://*.Example.com/",
            ["https://a.example.com", "https://a.b.example.com", "https://a.example.com:443"],
            ["https://example.com", "https://evilexample.com", "http://a.example.com", "https://a.example.com:8443"],
        ),
        (
            "https://*.example.com:8443",
            ["https://a.example.com:8443"],
            ["https://a.example.com", "https://.example.com:8443"],
        ),
        ("https://b\u00fccher.example", ["https://xn--bcher-kva.example"], ["https://b\u00fccher.example"]),
        ("http://[0::1]:8080", ["http://[::1]:8080"], ["http://[::1]"]),
        ("chrome-extension://abcdef", ["chrome-extension://abcdef"], ["chrome-extension://abcdefg"]),
        ("capacitor://localhost:1", ["capacitor://localhost:1"], ["capacitor://localhost"]),
        ("NULL", ["null"], ["file://", "https://null"]),
        ("file://", ["file://"], ["null", "file://x"]),
        ("*", ["null", "https://any.example", "garbage \xff"], []),
        (
            re.compile(r"https://(.*\.)?example\.com(:\d+)?"),
            ["https://example.com", "https://a.b.example.com", "https://EXAMPLE.com:8443"],
            ["https://evilexample.com", "https://example.com.evil", "xhttps://example.com", "https://a/.example.com"],
        ),
        (
            [re.compile("https://.*"), re.compile(r"http://localhost(:.*)?")],
            ["https://a", "http://localhost:5173"],
            ["null", "http://a"],
        ),
        ([], [], ["https://example.com", "null"]),
    ],
)
def test_n18_origins_and_patterns(allowed: Any, inside: list[str], outside: list[str]) -> None:
    check = middleware(allowed)
    assert [admits(check, origin) for origin in inside] == [True] * len(inside)
    assert [admits(check, origin) for origin in outside] == [False] * len(outside)


def test_n18_no_origin_passes_unless_that_is_not_allowed() -> None:
    assert admits(middleware())
    assert not admits(middleware(allow_missing=False))
    assert admits(middleware(allow_missing=False), "http://example.com")
    assert admits(middleware("*", allow_missing=False))


def test_n18_two_origins_are_refused() -> None:
    assert not admits(middleware("https://example.com"), "https://example.com", "https://example.com")


@pytest.mark.parametrize(
    ("allowed", "sentence"),
    [
        ("example.com", r"'example\.com' has no scheme: write 'https://example\.com'"),
        ("//example.com", "write 'https://example.com'"),
        ("1://example.com", "has no scheme"),
        ("wss://example.com", "a WebSocket's address: .* begins with 'https://'"),
        ("ws://example.com", "begins with 'http://'"),
        ("https://example.com/chat", "more than a scheme, host and port: write 'https://example.com'"),
        ("https://example.com?x", "more than a scheme, host and port"),
        ("https://*", "no valid host"),
        ("https://*example.com", "no valid host"),
        ("https://a.*.com", "no valid host"),
        ("https://.*\\.example\\.com", r"no valid host: .* made with re\.compile"),
        ("https://user@example.com", "no valid host"),
        ("", "has no scheme"),
        (re.compile("https://.*\\.example.com"), "'.' that stands for any character"),
        (re.compile("https://.*example\\.com"), "'evilexample.com' for one"),
        (re.compile("https://(.*)example\\.com"), "'evilexample.com' for one"),
        (re.compile("https://example\\.com.*"), "'example.com.evil.com' for one"),
        (re.compile("https://(a|b).+$"), "begins like that"),
    ],
)
def test_n18_a_mistake_is_found_at_once(allowed: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        middleware([allowed])


def test_n18_what_is_no_origin_at_all_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="a str or a compiled pattern, not int: 1"):
        middleware([1])
    with pytest.raises(TypeError, match="is of bytes"):
        middleware(re.compile(b"https://.*"))


@given(st.one_of(st.binary(max_size=60), st.text("htps:/[].*@1a\\#?", max_size=30).map(str.encode)))
def test_n18_no_origin_fails(origin: bytes) -> None:
    for check in (middleware(), middleware("https://*.example.com"), middleware(re.compile(r"https://a\.b"))):
        assert not admits(check, origin)


LABEL = st.text("abcxyz0129-", min_size=1, max_size=8)


@given(st.lists(LABEL, min_size=1, max_size=4).map(".".join), st.one_of(st.none(), st.integers(1, 65535)))
def test_n18_each_host_admits_its_own_pages_and_no_others(name: str, port: int | None) -> None:
    host = name if port is None else f"{name}:{port}"
    assert admits(middleware(), f"http://{host}", host=host)
    assert admits(middleware(f"https://{host}"), f"https://{host.upper()}")
    assert not admits(middleware(), f"http://x{host}", host=host)
    assert not admits(middleware(f"https://{host}"), f"https://x{host}")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("here")
    await websocket.close()


def test_n18_in_front_of_starlette() -> None:
    routes = [WebSocketRoute("/", echo), Route("/", lambda request: PlainTextResponse("page"))]
    with TestClient(OriginMiddleware(Starlette(routes=routes))) as client:
        with client.websocket_connect("/", headers={"origin": "http://testserver"}) as websocket:
            assert websocket.receive_text() == "here"
        with (
            pytest.raises(WebSocketDenialResponse) as denied,
            client.websocket_connect("/", headers={"origin": "http://evil.example"}),
        ):
            pass
        assert denied.value.status_code == 403
        assert client.get("/", headers={"origin": "http://evil.example"}).text == "page"
