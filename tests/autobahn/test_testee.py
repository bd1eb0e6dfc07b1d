"""The echo application that the suite talks to."""

from collections.abc import Callable
from typing import Any

import pytest

from wsserve.asgi_bridge.types import Message
from wsserve.autobahn.testee import app

CONNECT: Message = {"type": "websocket.connect"}
DISCONNECT: Message = {"type": "websocket.disconnect", "code": 1000, "reason": ""}


def scope() -> Message:
    return {"type": "websocket", "path": "/", "query_string": b"", "headers": [], "subprotocols": [], "extensions": {}}


def script(*messages: Message) -> Callable[[], Any]:
    coming = iter(messages)

    async def receive() -> Message:
        return next(coming)

    return receive


@pytest.mark.anyio
async def test_each_message_comes_back_with_its_type_and_empty_ones_too() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    messages: list[Message] = [
        {"type": "websocket.receive", "text": "hello", "bytes": None},
        {"type": "websocket.receive", "bytes": b"\x00\xff"},
        {"type": "websocket.receive", "text": ""},
        {"type": "websocket.receive", "bytes": b""},
    ]
    await app(scope(), script(CONNECT, *messages, DISCONNECT), send)
    assert [message["type"] for message in sent] == ["websocket.accept", *["websocket.send"] * 4]
    assert [message.get("text") for message in sent[1:]] == ["hello", None, "", None]
    assert [message.get("bytes") for message in sent[1:]] == [None, b"\x00\xff", None, b""]


@pytest.mark.anyio
async def test_a_client_that_leaves_before_its_echo_is_no_error() -> None:
    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            raise OSError("the client is gone")

    await app(scope(), script(CONNECT, {"type": "websocket.receive", "text": "hello"}), send)
