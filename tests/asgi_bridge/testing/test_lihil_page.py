"""The test on lihil's page about WebSockets, with a handler that needs no injection (H16)."""

from typing import Any

import pytest

from wsserve import websocket_app
from wsserve.asgi_bridge.websocket import WebSocket

PAGE = """
client = TestClient(lhl)
with client:
    with client.websocket_connect(
        "/web_socket/session123?max_users=5"
    ) as websocket:
        data = websocket.receive_text()
        assert data == "Hello, world!"
"""


@websocket_app
async def hello(websocket: WebSocket) -> None:
    assert websocket.scope["path"] == "/web_socket/session123"
    assert websocket.query_params["max_users"] == "5"
    await websocket.accept()
    await websocket.send_text("Hello, world!")
    await websocket.close()


async def another(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "Good night"})


def test_h16_the_page_runs_as_printed() -> None:
    exec("from wsserve import TestClient\n" + PAGE, {"lhl": hello})
    with pytest.raises(AssertionError):
        exec("from wsserve import TestClient\n" + PAGE, {"lhl": another})
