"""N22: a WebSocket relayed from one real server to another, and everything that can go wrong on the way."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.asgi_bridge.double import Server, binary, disconnect, text
from tests.asgi_bridge.scripted_server import Script, options_of, plain, scripted, url_of
from tests.end_to_end.raw_client import CLOSE, TEXT
from tests.server.live import KINDS, get, live, until, use_directory
from wsserve.asgi_bridge.client_handshake import WebSocketHandshakeError
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.relay import Relay, _to_target
from wsserve.asgi_bridge.types import ASGIApp, Message
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app
from wsserve.asgi_bridge.websocket_client import WebSocketClient, connect_websocket

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path) -> None:
    use_directory(tmp_path)


@websocket_app
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        if isinstance(message, str):
            await websocket.send_text(message)
        else:
            await websocket.send_bytes(message)


@asynccontextmanager
async def relayed(
    target: ASGIApp, kind: str = "tcp", client: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[WebSocketClient]:
    """Connect to a relay in front of a server for `target`."""
    async with live(target, kind=kind) as behind:
        reach = options_of(behind)
        relay = Relay(reach.pop("url"), **reach, **options)
        async with (
            live(relay, proxy_headers=False) as server,
            connect_websocket(url_of(server), **(client or {})) as found,
        ):
            yield found


async def denial(relay: ASGIApp, path: str = "/") -> WebSocketHandshakeError:
    async with live(relay) as server:
        with pytest.raises(WebSocketHandshakeError) as error:
            async with connect_websocket(url_of(server, path)):
                pass
    return error.value


# Messages


@pytest.mark.parametrize("kind", KINDS)
async def test_n22_text_and_binary_go_both_ways(kind: str) -> None:
    async with relayed(echo, kind) as client:
        for message in ("text \u00e9", "", b"\x00\xff", b"", "x" * 100_000, b"y" * 100_000):
            await client.send(message)
            assert await client.receive() == message


async def settled(measure: Callable[[], int]) -> int:
    """Return what is measured once it does not change any more: nothing on the way takes more."""
    before = -1
    while before != measure():  # there is no event for it
        before = measure()
        await anyio.sleep(0.05)
    return before


COUNT = 200
LARGE = b"x" * (1 << 17)  # 25 MiB in all: more than the system holds for two sockets


async def test_n22_a_slow_client_holds_the_target_back() -> None:
    sent = 0

    @websocket_app
    async def flood(websocket: WebSocket) -> None:
        nonlocal sent
        await websocket.accept()
        for _ in range(COUNT):
            await websocket.send_bytes(LARGE)
            sent += 1

    async with live(flood) as target, anyio.create_task_group() as group:
        server = Server()

        async def send(message: Message) -> None:
            await server.send(message)
            if message["type"] == "websocket.accept":
                gates.append(server.hold())

        gates: list[anyio.Event] = []
        group.start_soon(Relay(url_of(target)), server.scope, server.receive, send)
        await until(lambda: sent)
        assert await settled(lambda: sent) < COUNT
        gates[0].set()
    assert server.sent_types == ["accept", *["send"] * COUNT, "close"]


async def test_n22_a_slow_target_holds_the_client_back() -> None:
    go_on = anyio.Event()
    taken = 0

    @websocket_app
    async def slow(websocket: WebSocket) -> None:
        nonlocal taken
        await websocket.accept()
        await go_on.wait()
        async for _ in websocket:
            taken += 1

    async with live(slow) as target, anyio.create_task_group() as group:
        server = Server(*[binary(LARGE)] * COUNT, disconnect())
        group.start_soon(Relay(url_of(target)), server.scope, server.receive, server.send)
        await until(lambda: server.left < COUNT)
        assert await settled(lambda: server.left) > 1
        go_on.set()
    assert taken == COUNT


# Ends


@pytest.mark.parametrize(
    ("closing", "seen"),
    [((1000, ""), (1000, "")), ((4001, "why \u00e9"), (4001, "why \u00e9")), ((None, ""), (1005, ""))],
)
async def test_n22_the_clients_close_goes_to_the_target(closing: tuple[int | None, str], seen: tuple[int, str]) -> None:
    ends: list[tuple[int | None, str]] = []

    @websocket_app
    async def look(websocket: WebSocket) -> None:
        await websocket.accept()
        assert await websocket.receive_text() == "last"
        await websocket.wait_closed()
        ends.append((websocket.close_code, websocket.close_reason))

    async with relayed(look) as client:
        await client.send("last")
        await client.close(*closing)
        assert client.close_code == seen[0]
    assert ends == [seen]


@pytest.mark.parametrize(
    ("frame", "seen"),
    [
        (plain(CLOSE, b"\x03\xe8"), (1000, "")),
        (plain(CLOSE, b"\x0f\xa1why"), (4001, "why")),
        (plain(CLOSE), (1000, "")),
        (plain(TEXT, b"\xff"), (1007, None)),
        (b"", (1014, "the server behind this one was lost")),
    ],
)
async def test_n22_the_targets_end_goes_to_the_client(frame: bytes, seen: tuple[int, str | None]) -> None:
    async def play(script: Script) -> None:
        await script.accept(then=plain(TEXT, b"last") + frame)
        if frame:
            await script.rest()

    async with scripted(play) as target, live(Relay(target)) as server, connect_websocket(url_of(server)) as client:
        assert [message async for message in client] == ["last"]
        assert client.close_code == seen[0]
        assert seen[1] in (client.close_reason, None)


async def test_n22_a_client_that_is_lost_is_1001_for_the_target() -> None:
    ends: list[int] = []

    @websocket_app
    async def look(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("open")
        ends.append(await websocket.wait_closed())

    async with live(look) as behind, live(Relay(url_of(behind))) as server:
        async with server.websocket() as peer:
            await peer.frame()
        await until(lambda: ends)
    assert ends == [1001]


async def test_n22_what_a_client_sent_before_it_left_reaches_a_target_that_keeps_sending() -> None:
    seen: list[Any] = []

    async def play(script: Script) -> None:
        await script.accept()
        await left.wait()
        for number in range(50):
            await script.send(plain(TEXT, b"%d" % number))
        while not seen or seen[-1][0] != CLOSE:
            seen.append(await script.read())
        await script.send(plain(CLOSE))

    left = anyio.Event()
    async with scripted(play) as target:
        relay = Relay(target)
        server = Server(text("a"), text("b"))

        async def send(message: Message) -> None:
            await server.send(message)
            if message["type"] == "websocket.accept":
                server.error = OSError("the client has gone")
                left.set()
                server.feed(disconnect(4000))

        await relay(server.scope, server.receive, send)
    assert seen == [(TEXT, b"a"), (TEXT, b"b"), (CLOSE, b"\x0f\xa0")]


async def test_n22_a_client_that_left_during_the_handshake() -> None:
    async def play(script: Script) -> None:
        await script.accept()
        assert await script.read() == (CLOSE, b"\x03\xe9")

    async with scripted(play) as target:
        server = Server()
        server.error = OSError("the client has gone")
        await Relay(target, close_timeout=0.05)(server.scope, server.receive, server.send)
    assert server.sent == []


async def test_n22_a_target_that_takes_nothing_more_may_still_have_something_to_say() -> None:
    class Lost:
        async def send(self, data: str) -> None:
            raise WebSocketDisconnect(1006)

    server = Server(text("a"))
    lost: Any = Lost()
    with anyio.CancelScope() as scope:
        await _to_target(await server.accepted(), lost, scope)
    assert not scope.cancel_called


async def test_n22_the_target_is_lost_while_the_client_sends() -> None:
    async def play(script: Script) -> None:
        await script.accept()
        await script.read()

    async with scripted(play) as target, live(Relay(target)) as server, connect_websocket(url_of(server)) as client:
        await client.send("a")
        assert [message async for message in client] == []
        assert client.close_code == 1014


# The handshake


async def test_n22_the_target_chooses_the_subprotocol_and_sends_headers() -> None:
    @websocket_app
    async def choose(websocket: WebSocket) -> None:
        assert websocket.scope["subprotocols"] == ["a", "b"]
        await websocket.accept("b", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Server", "target")])

    async with relayed(choose, client={"subprotocols": ["a", "b"]}) as client:
        assert client.subprotocol == "b"
        assert [value for name, value in client.headers if name == b"set-cookie"] == [b"a=1", b"b=2"]
        assert (b"server", b"target") not in client.headers


async def test_n22_headers_tell_the_target_who_the_client_is() -> None:
    seen: list[Any] = []

    @websocket_app
    async def look(websocket: WebSocket) -> None:
        seen.append(websocket.headers.dict())
        await websocket.accept()

    sent = {
        "Cookie": "a=1",
        "Origin": "https://example.com",
        "X-Token": "the client's",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Host": "evil",
        "Forwarded": "for=10.0.0.1",
        "Keep-Alive": "timeout=5",
        "Proxy-Authorization": "secret",
        "TE": "trailers",
    }
    async with relayed(look, client={"headers": sent}, headers={"X-Token": "the relay's", "X-More": "1"}):
        pass
    (headers,) = seen
    assert headers["cookie"] == ["a=1"]
    assert headers["origin"] == ["https://example.com"]
    assert headers["x-token"] == ["the relay's"]
    assert headers["x-more"] == ["1"]
    assert headers["x-forwarded-for"] == ["127.0.0.1"]
    assert headers["x-forwarded-proto"] == ["http"]
    assert headers["x-forwarded-host"] != headers["host"]
    assert not {"forwarded", "keep-alive", "proxy-authorization", "te"} & set(headers)
    assert len(headers["sec-websocket-key"]) == 1


async def test_n22_a_denial_is_passed_on() -> None:
    @websocket_app
    async def deny(websocket: WebSocket) -> None:
        await websocket.send_denial_response(401, "who are you?", {"WWW-Authenticate": "Basic"})

    async with live(deny) as behind:
        error = await denial(Relay(url_of(behind)))
    assert (error.status, error.body) == (401, b"who are you?")
    assert (b"www-authenticate", b"Basic") in error.headers


async def test_n22_a_target_that_cannot_be_reached_is_502() -> None:
    async with live(echo) as behind:
        url = url_of(behind)
    error = await denial(Relay(url))
    assert (error.status, error.body) == (502, b"the server behind this one cannot be reached\n")


async def test_n22_a_certificate_that_is_not_trusted_is_502() -> None:
    async with live(echo, kind="tls") as behind:
        error = await denial(Relay(url_of(behind), ssl_context=ssl.create_default_context()))
    assert error.status == 502


async def test_n22_a_target_that_is_no_websocket_server_is_502() -> None:
    async def play(script: Script) -> None:
        await script.send(b"SSH-2.0-OpenSSH\r\n\r\n")

    async with scripted(play) as target:
        assert (await denial(Relay(target))).status == 502


async def test_n22_an_answer_that_is_none_is_502() -> None:
    async def play(script: Script) -> None:
        await script.head()
        await script.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    async with scripted(play) as target:
        assert (await denial(Relay(target))).status == 502


async def test_n22_a_target_that_does_not_answer_is_504() -> None:
    async def play(script: Script) -> None:
        await script.rest()

    async with scripted(play) as target:
        assert (await denial(Relay(target, open_timeout=0.05))).status == 504


async def test_n22_a_path_that_climbs_is_400() -> None:
    assert (await denial(Relay("ws://127.0.0.1:1/public"), "/%2e%2e/admin")).status == 400


async def test_n22_a_plain_request_needs_an_upgrade() -> None:
    async with live(Relay("ws://127.0.0.1:1")) as server, server.peer() as peer:
        await peer.send(get("/"))
        assert (await peer.response()).status == 426


@pytest.mark.parametrize(
    ("url", "options", "sentence"),
    [
        ("http://host", {}, "is no WebSocket's URL"),
        ("ws://host/?a=1", {}, "has a query"),
        ("ws://host", {"headers": {"a b": "c"}}, "is no token"),
    ],
)
async def test_n22_faulty_arguments_are_found_at_once(url: str, options: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Relay(url, **options)
