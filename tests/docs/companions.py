"""What shows that programs of a page do what the page says, where it would disturb the reader there."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import anyio
import anyio.lowlevel

from tests.docs.pages import ROOT, programs_of
from wsserve import (
    AsyncTestClient,
    Include,
    Relay,
    Router,
    TestClient,
    WebSocket,
    WebSocketDenialResponse,
    connect_websocket,
    serve,
    websocket_app,
)

Names = dict[str, Any]

COMPANIONS: Final[dict[tuple[str, str], Callable[[Names], None]]] = {}


def companion(page: str, *programs: str) -> Callable[[Callable[[Names], None]], Callable[[Names], None]]:
    """Register what is called with the names of each of these programs of a page after it has run."""

    def register(check: Callable[[Names], None]) -> Callable[[Names], None]:
        for program in programs:
            COMPANIONS[page, program] = check
        return check

    return register


def refusal(client: TestClient, url: str, **options: Any) -> int:
    """Return the status that a handshake is refused with."""
    try:
        with client.websocket_connect(url, **options):
            return 101
    except WebSocketDenialResponse as denied:
        return denied.status_code


@companion("README.md", "")
def the_readme(names: Names) -> None:
    first: Names = {}  # whose application has another one behind it
    exec(programs_of(ROOT / "README.md")[0].blocks[0].text, first)
    with TestClient(first["app"]) as client, client.websocket_connect("/") as websocket:
        websocket.send_json([1])
        assert websocket.receive_json() == {"you said": [1]}
    names["print"] = lambda urls: None
    anyio.run(names["main"])


@companion("from-uvicorn.md", "uvicorn in a loop", "wsserve in a loop")
def main_in_a_loop(names: Names) -> None:
    names["do_something_else"] = anyio.lowlevel.checkpoint
    names["print"] = lambda urls: None
    anyio.run(names["main"])


@companion("from-starlette.md", "echo before", "echo after")
def echo(names: Names) -> None:
    with TestClient(names["app"]) as client, client.websocket_connect("/echo") as websocket:
        websocket.send_json({"a": 1})
        assert websocket.receive_json() == {"a": 1}


@companion("from-starlette.md", "items before", "items after")
def items(names: Names) -> None:
    with TestClient(names["app"]) as client:
        with client.websocket_connect("/items/5?limit=3", cookies={"session": "ada"}) as websocket:
            assert websocket.receive_json() == [5, "ada", 3]
        assert refusal(client, "/items/5") == 403
        assert refusal(client, "/items/5?limit=0", cookies={"session": "ada"}) in (403, 422)


@companion("from-starlette.md", "manager before")
def manager(names: Names) -> None:
    client = TestClient(names["app"])
    with client, client.websocket_connect("/ws") as ada, client.websocket_connect("/ws") as bob:
        ada.send_text("hello")
        assert ada.receive_text() == bob.receive_text() == "hello"


@companion("from-starlette.md", "endpoint before", "endpoint after")
@companion("from-lilya.md", "controller before", "controller after")
def shout(names: Names) -> None:
    with TestClient(names["app"]) as client, client.websocket_connect("/shout") as websocket:
        websocket.send_text("hello")
        assert websocket.receive_text() == "HELLO"


@companion("from-lilya.md", "page before", "page after")
def lilyas_page(names: Names) -> None:
    with TestClient(names["app"], lifespan="off") as client, client.websocket_connect("/") as websocket:
        websocket.send_json("hello")
        assert websocket.receive_json(mode="binary") == {"message": "Message text was: hello"}


@companion("from-lilya.md", "routes before", "routes after")
def lilyas_routes(names: Names) -> None:
    with TestClient(names["app"]) as client, client.websocket_connect("/api/chat/lobby?limit=3") as websocket:
        assert websocket.receive_json() == ["hello", "lobby", 3]


@companion("from-lilya.md", "lihil before", "lihil after")
def lihils_page(names: Names) -> None:
    client = TestClient(names["app"])
    with client, client.websocket_connect("/web_socket/session123?max_users=5") as websocket:
        assert websocket.receive_text() == "Hello, world!"
        assert websocket.wait_closed() == 1000


@companion("routing.md", "relay")
def relay(names: Names) -> None:
    @websocket_app
    async def where(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.url.path)

    async def main() -> None:
        async with serve(where, port=0, access_log=False) as behind:
            target = Relay(f"{behind.urls[0].replace('http', 'ws')}/feed")
            app = Router([Include("/prices", app=target)])
            async with AsyncTestClient(app) as client, client.websocket_connect("/prices/gold") as websocket:
                assert await websocket.receive_text() == "/feed/gold"

    anyio.run(main)
    with TestClient(names["app"]) as client:
        assert refusal(client, "/prices") == 502


@companion("from-uvicorn.md", "workers")
def workers(names: Names) -> None:
    Path("module.py").write_text(ECHO)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with patch.dict(os.environ, PATH=path), socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        started = names["start"](listener, 2)

    async def main() -> None:
        async with connect_websocket(f"ws://127.0.0.1:{port}/") as client:
            await client.send("hello")
            assert await client.receive() == "hello"

    try:
        anyio.run(main)
    finally:
        for worker in started:
            worker.terminate()
        codes = [worker.wait() for worker in started]
    assert set(codes) <= {0, -signal.SIGTERM}  # the other one may not have been ready for the signal


ECHO = """
from wsserve import websocket_app

@websocket_app
async def app(websocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
"""
