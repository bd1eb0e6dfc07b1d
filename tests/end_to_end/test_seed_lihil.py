"""The code of lihil's page on WebSockets: as printed, and over a real socket (rows H1 to H16)."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Servers
from tests.end_to_end.server_process import WSSERVE, ServerProcess
from tests.end_to_end.steps import Client, close, receive, send_text, wait_closed

PRINTED = """
from lihil import WebSocketRoute, WebSocket, Ignore, use

ws_route = WebSocketRoute("web_socket/{session_id}")

async def ws_factory(ws: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
    await ws.accept()
    yield ws
    await ws.close()

@ws_route.ws_handler
async def ws_handler(
    ws: Annotated[WebSocket, use(ws_factory, reuse=False)],
    session_id: str,
    max_users: int,
):
    assert session_id == "session123" and max_users == 5
    await ws.send_text("Hello, world!")

lhl = Lihil[None]()
lhl.include_routes(ws_route)

from lihil.vendors import TestClient # require httpx installed

client = TestClient(lhl)
with client:
    with client.websocket_connect(
        "/web_socket/session123?max_users=5"
    ) as websocket:
        data = websocket.receive_text()
        assert data == "Hello, world!"
"""
"""The page's code with the indentation that it has lost there."""

IMPORTS = "from wsserve import WebSocketRoute, WebSocket, Router, Ignore, AsyncResource, use, TestClient"


def test_1_h1_to_h16_the_page_as_printed(tmp_path: Path) -> None:
    code = PRINTED.replace("from lihil import WebSocketRoute, WebSocket, Ignore, use", IMPORTS)
    code = code.replace("from lihil.vendors import TestClient # require httpx installed\n", "")
    program = tmp_path / "page.py"
    program.write_text("from typing import Annotated\n" + code.replace("Lihil[None]()", "Router()"))
    names: dict[str, Any] = runpy.run_path(str(program))
    assert names["data"] == "Hello, world!"


@pytest.fixture(scope="session")
def examples(servers: Servers) -> dict[str, ServerProcess]:
    """A server for each of the two pages' examples."""
    named = {"lihil": "examples.lihil_page:lhl", "lilya": "examples.lilya_page:app"}
    return {name: servers.get_named(WSSERVE[1], app) for name, app in named.items()}


def test_h5_h6_the_page_over_a_socket(examples: dict[str, ServerProcess], client: Client) -> None:
    seen = client.run_steps(examples["lihil"].ws("/web_socket/session123", max_users=5), [wait_closed()])
    assert (seen.messages, seen.close) == (["Hello, world!"], (1000, ""))


def test_h6_a_bad_value_is_a_denial(examples: dict[str, ServerProcess], telling_client: Client) -> None:
    seen = telling_client.run_steps(examples["lihil"].ws("/web_socket/session123", max_users="many"), [])
    assert (seen.opened, seen.status) == (False, 422)


def test_h19_an_unknown_path_is_a_denial(examples: dict[str, ServerProcess], telling_client: Client) -> None:
    seen = telling_client.run_steps(examples["lihil"].ws("/web_socket"), [])
    assert (seen.opened, seen.status) == (False, 404)


def test_l3_to_l40_the_lilya_example(examples: dict[str, ServerProcess], client: Client) -> None:
    server = examples["lilya"]
    seen = client.run_steps(server.ws("/hello"), [wait_closed()])
    assert (seen.messages, seen.close) == ([b'{"message":"Hello, world!"}'], (1000, ""))
    seen = client.run_steps(server.ws("/iterate"), [send_text("[1]"), receive(), close(1000)])
    assert [json.loads(message) for message in seen.messages] == [{"message": "Message text was: [1]"}]
    seen = client.run_steps(server.ws("/users/ada", search="x"), [wait_closed()])
    assert json.loads(seen.messages[0]) == {
        "path": "/users/ada",
        "scheme": "ws",
        "port": server.port,
        "version": "13",
        "search": "x",
        "username": "ada",
        "reversed": server.ws("/users/grace"),
    }
    assert not client.run_steps(server.ws("/close"), []).opened
