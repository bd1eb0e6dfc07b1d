"""What from-uvicorn.md says of both servers is what a client sees."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
import websockets

import wsserve
from wsserve.asgi_bridge.types import Receive, Scope, Send

SHORT = "a" * 100


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"]
    await receive()
    if path == "/returns-early":
        return
    if path == "/refuses":
        await send({"type": "websocket.close"})
        return
    if path == "/denies":
        await send({"type": "websocket.http.response.start", "status": 418, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
        return
    await send({"type": "websocket.accept"})
    if path == "/raises":
        raise ValueError("a mistake")
    if path == "/closes":
        await send({"type": "websocket.close", "code": 999})
    if path == "/sends":
        await send({"type": "websocket.send", "text": SHORT})
    if path == "/sends-late":
        await receive()
        try:
            await send({"type": "websocket.send", "text": SHORT})
        except OSError as error:
            LATE.append(error)
    if path == "/waits":
        await receive()


LATE: list[OSError] = []


class UvicornServer(uvicorn.Server):
    """Tells when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@asynccontextmanager
async def on_uvicorn() -> AsyncIterator[str]:
    server = UvicornServer(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    task = asyncio.create_task(server._serve())
    await server.listening.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"ws://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def on_wsserve() -> AsyncIterator[str]:
    async with wsserve.serve(app, port=0, lifespan="off") as server:
        yield server.urls[0].replace("http", "ws")


SERVERS: list[Any] = [on_uvicorn, on_wsserve]


def ask(server: Any, question: Callable[[str], Awaitable[Any]]) -> Any:
    """Return the answer of a client to whom a server is at the URL that it is given."""

    async def main() -> Any:
        async with server() as url:
            return await question(url)

    return asyncio.run(main())


async def end(url: str) -> int:
    """Return the close code that a client sees, or the status of the response in place of a WebSocket."""
    try:
        async with websockets.connect(url) as websocket:
            await websocket.wait_closed()
            assert websocket.close_code is not None
            return websocket.close_code
    except websockets.InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize(
    ("path", "from_uvicorn", "from_wsserve"),
    [
        ("/returns", 1006, 1000),
        ("/raises", 1006, 1011),
        ("/returns-early", 500, 500),
        ("/refuses", 403, 403),
        ("/denies", 418, 418),
        ("/closes", 1006, 1011),
    ],
)
def test_ends(path: str, from_uvicorn: int, from_wsserve: int) -> None:
    assert [ask(server, lambda url: end(url + path)) for server in SERVERS] == [from_uvicorn, from_wsserve]


HANDSHAKE = (
    b"GET /sends HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


async def is_compressed(url: str) -> bool:
    """Tell whether the first frame that a server sends is compressed (RFC 7692, section 6)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(HANDSHAKE)
    assert b"permessage-deflate" in await reader.readuntil(b"\r\n\r\n")
    compressed = bool((await reader.readexactly(1))[0] & 0x40)
    writer.close()
    return compressed


def test_compression_of_a_short_message() -> None:
    assert [ask(server, is_compressed) for server in SERVERS] == [True, False]


def test_a_send_after_the_end() -> None:
    async def leave(url: str) -> None:
        async with websockets.connect(f"{url}/sends-late"):
            pass

    for server in SERVERS:
        ask(server, leave)
    theirs, ours = LATE
    assert not hasattr(theirs, "code")
    assert isinstance(ours, wsserve.ClientDisconnected)
    assert ours.code == 1000


def test_a_stop() -> None:
    async def stopped(server: Any) -> int:
        async with server() as url:
            websocket = await websockets.connect(f"{url}/waits")
        await websocket.wait_closed()
        return websocket.close_code or 0

    assert [asyncio.run(stopped(server)) for server in SERVERS] == [1012, 1012]
