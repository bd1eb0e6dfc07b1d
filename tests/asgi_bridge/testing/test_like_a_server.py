"""The test clients hold an application to what wsserve holds it to, with the same errors (G5, G6, G9, G12)."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.asgi_bridge.exchanges import open_websocket
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send

ACCEPT = "websocket.accept"
SEND = "websocket.send"
CLOSE = "websocket.close"
START = "websocket.http.response.start"
BODY = "websocket.http.response.body"

CONTENT: list[tuple[object, dict[str, Any]]] = [
    (ACCEPT, {}),
    (ACCEPT, {"subprotocol": "a", "headers": [[b"x", b"y"]]}),
    (ACCEPT, {"subprotocol": "b"}),
    (ACCEPT, {"subprotocol": b"a"}),
    (ACCEPT, {"headers": [(b"x\r", b"")]}),
    (ACCEPT, {"headers": [(b"x", b"\r\n")]}),
    (ACCEPT, {"headers": [(b"Upgrade", b"x")]}),
    (ACCEPT, {"headers": [("x", "y")]}),
    (ACCEPT, {"headers": 1}),
    (SEND, {"text": "x"}),
    (SEND, {"bytes": b"x", "text": None}),
    (SEND, {}),
    (SEND, {"text": "x", "bytes": b""}),
    (SEND, {"text": 1}),
    (SEND, {"text": "x\ud800"}),
    (SEND, {"bytes": []}),
    (CLOSE, {}),
    (CLOSE, {"code": 3000, "reason": "x" * 200}),
    (CLOSE, {"code": 1005}),
    (CLOSE, {"code": "1000"}),
    (CLOSE, {"reason": 1}),
    (CLOSE, {"reason": "\udfff"}),
    (START, {"status": 200}),
    (START, {"status": 404, "headers": [(b"x", b"y")]}),
    (START, {"status": 100}),
    (START, {"status": 200, "headers": [(b" ", b"")]}),
    (START, {"status": 200, "headers": "x"}),
    (BODY, {}),
    (BODY, {"body": b"x", "more_body": True}),
    (BODY, {"body": "x"}),
    ("websocket.receive", {"text": "x"}),
    ("http.response.start", {"status": 200}),
    (None, {}),
]

Outcomes = list[tuple[type[Exception], str] | None]


def trying(messages: Sequence[tuple[object, dict[str, Any]]], outcomes: Outcomes) -> ASGIApp:
    """Return an application that sends each message and notes what became of it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for kind, content in messages:
            try:
                await send({"type": kind, **content})
            except Exception as error:
                outcomes.append((type(error), str(error)))
            else:
                outcomes.append(None)

    return app


async def on_the_session(messages: Sequence[tuple[object, dict[str, Any]]]) -> Outcomes:
    outcomes: Outcomes = []
    async with open_websocket(b"Sec-WebSocket-Protocol: a", app=trying(messages, outcomes), accept=False):
        pass
    return outcomes


async def on_the_test_client(messages: Sequence[tuple[object, dict[str, Any]]]) -> Outcomes:
    outcomes: Outcomes = []
    client = AsyncTestClient(trying(messages, outcomes), raise_app_exceptions=False)
    with suppress(WebSocketDisconnect):
        async with client.websocket_connect("/", ["a"]) as ws:
            await ws.wait_closed()
    return outcomes


@settings(max_examples=300)
@given(st.lists(st.sampled_from(CONTENT), min_size=1, max_size=5))
def test_g5_g6_the_same_errors_as_on_a_network(messages: list[tuple[object, dict[str, Any]]]) -> None:
    expected = anyio.run(partial(on_the_session, messages))
    assert anyio.run(partial(on_the_test_client, messages)) == expected
    assert len(expected) == len(messages)
