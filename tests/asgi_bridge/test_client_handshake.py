"""N22: the client's opening handshake, and every answer that opens nothing."""

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.asgi_bridge.scripted_server import Script, plain, scripted, url_of
from tests.end_to_end.raw_client import CLOSE
from tests.server.live import live, use_directory
from wsserve.asgi_bridge.client_handshake import WebSocketHandshakeError
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app
from wsserve.asgi_bridge.websocket_client import connect_websocket

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path) -> None:
    use_directory(tmp_path)


@websocket_app
async def silent(websocket: WebSocket) -> None:
    await websocket.accept()


async def test_n22_path_query_and_headers() -> None:
    seen: list[Any] = []

    @websocket_app
    async def look(websocket: WebSocket) -> None:
        seen.extend([str(websocket.url), websocket.headers["x-token"]])
        await websocket.accept()

    async with (
        live(look) as server,
        connect_websocket(url_of(server, "/\u00e9 x?a=\u00e9&b=%20".replace(" ", "%20")), headers={"X-Token": "1"}),
    ):
        pass
    assert seen == [url_of(server, "/%C3%A9%20x?a=%C3%A9&b=%20"), "1"]


async def test_n22_a_denial_is_an_error_with_the_response() -> None:
    @websocket_app
    async def deny(websocket: WebSocket) -> None:
        await websocket.send_denial_response(401, "who are you?", {"X-Why": "because"})

    async with live(deny) as server:
        with pytest.raises(WebSocketHandshakeError, match="status 401") as error:
            async with connect_websocket(url_of(server)):
                pass
    assert (error.value.status, error.value.body) == (401, b"who are you?")
    assert (b"x-why", b"because") in error.value.headers


async def test_n22_a_certificate_that_is_not_trusted_is_an_os_error() -> None:
    async with live(silent, kind="tls") as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            async with connect_websocket(url_of(server)):
                pass


async def test_n22_nobody_listens() -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0) as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
    with pytest.raises(OSError, match=r"refused|failed"):
        async with connect_websocket(f"ws://127.0.0.1:{port}/"):
            pass


async def test_n22_what_the_request_says() -> None:
    async def play(script: Script) -> None:
        lines.extend(await script.accept("Sec-WebSocket-Protocol: a"))
        assert await script.read() == (CLOSE, b"\x03\xe8")
        await script.send(plain(CLOSE, b"\x03\xe8"))

    lines: list[str] = []
    async with scripted(play) as url, connect_websocket(f"{url}chat?x=1", subprotocols=("a", "b")) as client:
        assert client.subprotocol == "a"
    assert lines[0] == "GET /chat?x=1 HTTP/1.1"
    assert f"Host: {url[5:-1]}" in lines
    assert "Sec-WebSocket-Protocol: a, b" in lines
    assert "Sec-WebSocket-Version: 13" in lines
    assert not [line for line in lines if "Extensions" in line]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"", None),
        (b"HTTP/1.1 101 Switching", None),
        (b"garbage\r\n\r\n", None),
        (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n", None),
        (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Protocol: \xff\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, None),
        (b"HTTP/1.1 103 Early\r\n\r\n", 103),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage", 200),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\npa", 500),
        (b"HTTP/1.1 500 Oh\r\n\r\npage", 500),
        (b"HTTP/1.1 500 Oh\r\n\r\n" + b"p" * 300_000, 500),
    ],
)
async def test_n22_an_answer_that_opens_nothing(answer: bytes, status: int | None) -> None:
    async def play(script: Script) -> None:
        await script.head()
        with suppress(anyio.BrokenResourceError):
            await script.send(answer)

    async with scripted(play) as url:
        with pytest.raises(WebSocketHandshakeError) as error:
            async with connect_websocket(url):
                pass
    assert error.value.status == status
    assert len(error.value.body) <= 65536
    assert status is None or bool(error.value.body) == (status != 103)


@pytest.mark.parametrize("secure", [False, True])
async def test_n22_a_server_that_says_nothing_times_out(secure: bool) -> None:
    async def play(script: Script) -> None:
        await script.rest()

    async with scripted(play) as url:
        with pytest.raises(TimeoutError, match=r"has opened no WebSocket within 0\.05 seconds"):
            async with connect_websocket(url.replace("ws:", "wss:") if secure else url, open_timeout=0.05):
                pass


async def test_n22_a_server_without_tls_is_an_os_error() -> None:
    async def play(script: Script) -> None:
        await script.stream.receive()

    async with scripted(play) as url:
        with pytest.raises(OSError, match="during the TLS handshake"):
            async with connect_websocket(url.replace("ws:", "wss:")):
                pass


@pytest.mark.parametrize(
    ("url", "options", "sentence"),
    [
        ("http://host/", {}, "is no WebSocket's URL"),
        ("ws:///path", {}, "is no WebSocket's URL"),
        ("host", {}, "is no WebSocket's URL"),
        ("ws://host/ x", {}, "is no URL"),
        ("ws://host/#x", {}, "has a fragment or a user name"),
        ("ws://me:secret@host/", {}, r"'ws://me:\*+@host/'\) has a fragment or a user name"),
        ("ws://host/", {"subprotocols": "chat"}, "a list of tokens"),
        ("ws://host/", {"subprotocols": ["a b"]}, "a list of tokens"),
        ("ws://host/", {"subprotocols": ["\u20ac "]}, "a list of tokens"),
        ("ws://host/", {"headers": {"Host": "x"}}, "'host' is set by the handshake itself"),
        ("ws://host/", {"headers": {"X": "\n"}}, "control character"),
    ],
)
async def test_n22_faulty_arguments(url: str, options: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        async with connect_websocket(url, **options):
            pass
