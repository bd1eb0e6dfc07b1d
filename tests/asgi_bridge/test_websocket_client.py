"""N22: the WebSocket client, with a real server and with one that says exactly what it is told."""

import itertools
import ssl
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream
from hypothesis import given
from hypothesis import strategies as st
from wsproto.events import AcceptConnection

from tests.asgi_bridge.scripted_server import Script, options_of, plain, scripted, url_of
from tests.end_to_end.raw_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from tests.server.live import KINDS, live, use_directory
from wsserve.asgi_bridge.client_frames import ClientConnection
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app
from wsserve.asgi_bridge.websocket_client import WebSocketClient, connect_websocket

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path) -> None:
    use_directory(tmp_path)


@websocket_app
async def echo(websocket: WebSocket) -> None:
    offered = websocket.scope["subprotocols"]
    await websocket.accept(offered[-1] if offered else None, {"x-path": str(websocket.url.path)})
    async for message in websocket:
        if message == "close":
            await websocket.close(4000, "as you say")
        elif isinstance(message, str):
            await websocket.send_text(message)
        else:
            await websocket.send_bytes(message)


async def ended(client: WebSocketClient) -> tuple[int | None, str]:
    with pytest.raises(WebSocketDisconnect) as error:
        await client.receive()
    assert (error.value.code, error.value.reason) == (client.close_code, client.close_reason)
    return client.close_code, client.close_reason


# With a real server


@pytest.mark.parametrize("kind", KINDS)
async def test_n22_messages_go_both_ways(kind: str) -> None:
    async with (
        live(echo, kind=kind) as server,
        connect_websocket(**options_of(server), subprotocols=("a", "b")) as client,
    ):
        assert client.subprotocol == "b"
        assert (b"x-path", b"/") in client.headers
        for message in ("text \u00e9", "", b"\x00\xff", b"", "x" * 300_000, b"y" * 300_000):
            await client.send(message)
            assert await client.receive() == message
        await client.send(bytearray(b"1"))
        assert await client.receive() == b"1"
    assert (client.close_code, client.close_reason) == (1000, "")


async def test_n22_the_server_closes() -> None:
    async with live(echo) as server, connect_websocket(url_of(server)) as client:
        for message in ("a", "b", "close"):
            await client.send(message)
        assert [message async for message in client] == ["a", "b"]
        assert await ended(client) == (4000, "as you say")
        with pytest.raises(WebSocketDisconnect) as error:
            await client.send("more")
        assert error.value.code == 4000
        await client.close()  # nothing more to do
        assert client.close_code == 4000


async def test_n22_an_exception_closes_with_1011_and_a_cancellation_drops() -> None:
    codes: list[int] = []

    @websocket_app
    async def look(websocket: WebSocket) -> None:
        await websocket.accept()
        codes.append(await websocket.wait_closed())

    async with live(look) as server:
        with pytest.raises(ZeroDivisionError):
            async with connect_websocket(url_of(server)):
                raise ZeroDivisionError
        with anyio.CancelScope() as scope:
            async with connect_websocket(url_of(server)):
                scope.cancel()
                await anyio.sleep_forever()
        assert scope.cancelled_caught
    assert codes == [1011, 1006]


async def test_n22_many_tasks_may_send_and_one_receive() -> None:
    async with live(echo) as server, connect_websocket(url_of(server)) as client:
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(client.send, str(number) * 5000)
        assert sorted([await client.receive() for _ in range(20)], key=str) == sorted(
            [str(number) * 5000 for number in range(20)]
        )


async def test_n22_closing_while_another_task_receives() -> None:
    async with live(echo) as server, connect_websocket(url_of(server)) as client:
        seen: list[str | bytes] = []

        async def collect() -> None:
            async for message in client:
                seen.append(message)

        async with anyio.create_task_group() as group:
            group.start_soon(collect)
            await client.send("a")
            await anyio.wait_all_tasks_blocked()
            await client.close(4001, "\u00e9" * 100)
        assert client.close_code == 4001
        assert client.close_reason == "\u00e9" * 61


# With a scripted one


async def test_n22_frames_with_the_handshake_and_fragments() -> None:
    async def play(script: Script) -> None:
        await script.accept(then=plain(TEXT, b"early") + plain(TEXT, b"\xc3", fin=False))
        await script.send(plain(PING, b"1"), plain(CONTINUATION, b"", fin=False), plain(PING, b"2"), plain(PONG))
        assert await script.read() == (PONG, b"1")
        assert await script.read() == (PONG, b"2")
        await script.send(plain(CONTINUATION, b"\xa9"), plain(BINARY, b"b"), plain(CLOSE))
        assert await script.read() == (CLOSE, b"")

    async with scripted(play) as url, connect_websocket(url) as client:
        assert [message async for message in client] == ["early", "\u00e9", b"b"]
        assert await ended(client) == (1005, "")


@pytest.mark.parametrize("code", [1000, 1003, 1012, 1013, 1014, 3000, 4999])
async def test_n22_every_close_code_is_taken_and_answered(code: int) -> None:
    async def play(script: Script) -> None:
        await script.accept(then=plain(CLOSE, code.to_bytes(2, "big") + b"why"))
        assert await script.read() == (CLOSE, code.to_bytes(2, "big") + b"why")

    async with scripted(play) as url, connect_websocket(url) as client:
        assert await ended(client) == (code, "why")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (plain(TEXT, b"\xff"), 1007),
        (plain(0x3), 1002),
        (plain(CONTINUATION), 1002),
        (frame(TEXT, b"masked"), 1002),
        (plain(CLOSE, b"\x03"), 1002),
        (plain(CLOSE, (1005).to_bytes(2, "big")), 1002),
        (plain(TEXT, b"12345") + plain(TEXT, b"123456"), 1009),
        (plain(TEXT, "\u00e9\u00e9\u00e9".encode()), 1009),
        (plain(BINARY, b"123", fin=False) + plain(CONTINUATION, b"456"), 1009),
    ],
)
async def test_n22_a_fault_ends_the_connection(frames: bytes, code: int) -> None:
    async def play(script: Script) -> None:
        await script.accept(then=frames)
        opcode, payload = await script.read()
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)
        assert await script.rest() == b""

    async with scripted(play) as url, connect_websocket(url, max_size=5) as client:
        async for _ in client:
            pass
        assert (await ended(client))[0] == code


async def test_n22_a_lost_connection_is_1006() -> None:
    async def play(script: Script) -> None:
        await script.accept(then=plain(TEXT, b"last") + b"\x81")

    async with scripted(play) as url, connect_websocket(url) as client:
        assert await client.receive() == "last"
        assert await ended(client) == (1006, "")


async def test_n22_what_came_before_a_loss_is_received_though_sending_fails() -> None:
    async def play(script: Script) -> None:
        await script.accept(then=plain(TEXT, b"last"))
        await sent.wait()

    async def send_until_it_fails(client: WebSocketClient) -> None:
        while True:
            await client.send(b"x" * 65536)

    sent = anyio.Event()
    async with scripted(play) as url, connect_websocket(url) as client:
        assert await client.receive() == "last"
        sent.set()
        with pytest.raises(WebSocketDisconnect) as error:
            await send_until_it_fails(client)
        assert error.value.code == 1006
        assert client.close_code is None  # only receiving tells how it ended
        with pytest.raises(WebSocketDisconnect):
            await client.send("more")
        assert await ended(client) == (1006, "")


async def test_n22_a_server_that_does_not_close_is_dropped() -> None:
    async def play(script: Script) -> None:
        await script.accept()
        assert (await script.read())[0] == CLOSE
        await script.rest()

    async with scripted(play) as url, connect_websocket(url, close_timeout=0.05) as client:
        await client.close(None)
        assert client.close_code == 1006
        assert await ended(client) == (1006, "")


async def test_n22_messages_until_the_close_are_dropped() -> None:
    async def play(script: Script) -> None:
        await script.accept(then=plain(TEXT, b"a"))
        assert await script.read() == (CLOSE, b"")
        await script.send(plain(TEXT, b"b"), plain(CLOSE, b"\x0f\xa0why"))

    async with scripted(play) as url, connect_websocket(url) as client:
        await client.close(None)
        assert (client.close_code, client.close_reason) == (4000, "why")


async def test_n22_a_sender_that_was_interrupted_sends_nothing_more() -> None:
    go_on = anyio.Event()

    async def play(script: Script) -> None:
        await script.accept()
        await go_on.wait()
        await script.rest()

    async with scripted(play) as url, connect_websocket(url) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.send, b"x" * (16 << 20))
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        with pytest.raises(WebSocketDisconnect):
            await client.send("more")
        go_on.set()
        await client.close()
        assert client.close_code == 1006


async def test_n22_a_ping_is_answered_by_whoever_sends() -> None:
    seen: list[tuple[int, int]] = []

    async def play(script: Script) -> None:
        await script.accept()
        await blocked.wait()
        await script.send(plain(PING, b"old"), plain(PING, b"new"), plain(TEXT, b"read on"))
        await received.wait()
        for _ in range(2):
            opcode, payload = await script.read()
            seen.append((opcode, len(payload)))
        await script.send(plain(CLOSE))

    blocked, received = anyio.Event(), anyio.Event()
    async with scripted(play) as url, connect_websocket(url) as client, anyio.create_task_group() as group:
        group.start_soon(client.send, b"x" * (16 << 20))
        await anyio.wait_all_tasks_blocked()
        blocked.set()
        assert await client.receive() == "read on"  # though nothing can be sent
        received.set()
        assert await ended(client) == (1005, "")
    assert seen == [(BINARY, 16 << 20), (PONG, 3)]


async def test_n22_faulty_messages_and_codes_change_nothing() -> None:
    async with live(echo) as server, connect_websocket(url_of(server)) as client:
        wrong: Any = 1
        with pytest.raises(TypeError):
            await client.send(wrong)
        with pytest.raises(ValueError, match="surrogates"):
            await client.send("\ud800")
        with pytest.raises(ValueError, match="close code 1005"):
            await client.close(1005)
        await client.send("still here")
        assert await client.receive() == "still here"


# In memory


class Bytes(ByteStream):
    """A stream that delivers these chunks and takes everything."""

    def __init__(self, chunks: list[bytes], error: Exception | None = None) -> None:
        self.chunks = chunks
        self.error = error or anyio.EndOfStream()
        self.sent = b""

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if not self.chunks:
            raise self.error
        return self.chunks.pop(0)

    async def send(self, item: bytes) -> None:
        self.sent += item

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


def client_of(stream: ByteStream) -> WebSocketClient:
    return WebSocketClient(stream, ClientConnection(), AcceptConnection(), max_size=1000, close_timeout=1.0)


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


CUTS = st.lists(st.integers(0, 500), max_size=8)


@given(st.lists(st.tuples(st.one_of(st.text(max_size=40), st.binary(max_size=40)), CUTS), max_size=5), CUTS)
async def test_n22_messages_survive_any_fragmentation(
    sent: list[tuple[str | bytes, list[int]]], cuts: list[int]
) -> None:
    frames = b""
    for message, places in sent:
        parts = split(message.encode() if isinstance(message, str) else message, places) or [b""]
        opcodes = [TEXT if isinstance(message, str) else BINARY] + [CONTINUATION] * (len(parts) - 1)
        for number, (opcode, part) in enumerate(zip(opcodes, parts, strict=True), 1):
            frames += plain(opcode, part, fin=number == len(parts)) + plain(PING)
    client = client_of(Bytes(split(frames + plain(CLOSE, b"\x0f\xa0"), cuts)))
    assert [message async for message in client] == [message for message, _ in sent]
    assert client.close_code == 4000


@given(st.binary(max_size=200), CUTS)
async def test_n22_no_bytes_make_a_client_fail(data: bytes, cuts: list[int]) -> None:
    client = client_of(Bytes(split(data, cuts)))
    async for message in client:
        assert isinstance(message, (str, bytes))
    assert client.close_code is not None
    await client.close()


async def test_n22_an_error_of_tls_is_a_loss() -> None:
    client = client_of(Bytes([plain(TEXT, b"last")], ssl.SSLError("bad record mac")))
    assert await client.receive() == "last"
    assert await ended(client) == (1006, "")
