"""Handlers as classes (N14)."""

import logging
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from tests.asgi_bridge.double import Server, binary, disconnect, text
from wsserve.asgi_bridge.controller import WebSocketController
from wsserve.asgi_bridge.exceptions import (
    HTTPException,
    WebSocketDisconnect,
    WebSocketException,
    WebSocketFrameTypeError,
    WebSocketJSONError,
    WebSocketRuntimeError,
)
from wsserve.asgi_bridge.types import Message
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio


class Recording(WebSocketController):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        self.seen.append(data)

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        self.seen.append(close_code)


class Text(Recording):
    encoding = "text"


class Bytes(Recording):
    encoding = "bytes"


class JSON(Recording):
    encoding = "json"


class Say(msgspec.Struct):
    text: str


class Typed(JSON):
    message_type = Say


LEFT = disconnect(1001)


@pytest.mark.parametrize(
    ("controller", "messages", "seen"),
    [
        (Recording, [text(""), binary(b""), LEFT], ["", b"", 1001]),
        (Text, [text("a"), text(""), LEFT], ["a", "", 1001]),
        (Bytes, [binary(b"a"), LEFT], [b"a", 1001]),
        (JSON, [text('{"a":1}'), binary(b"[]"), LEFT], [{"a": 1}, [], 1001]),
        (Typed, [text('{"text":"a"}'), LEFT], [Say("a"), 1001]),
    ],
)
async def test_n14_encodings(controller: type[Recording], messages: list[Message], seen: list[Any]) -> None:
    handler = controller()
    server = Server(*messages)
    await handler.serve(server.websocket())
    assert handler.seen == seen
    assert [message["type"] for message in server.sent] == ["websocket.accept"]


@pytest.mark.parametrize(
    ("controller", "message", "error", "code"),
    [
        (Text, binary(b"a"), WebSocketFrameTypeError, 1003),
        (Text, {"type": "websocket.receive", "bytes": b"a", "text": None}, WebSocketFrameTypeError, 1003),
        (Bytes, text("a"), WebSocketFrameTypeError, 1003),
        (JSON, text("{"), WebSocketJSONError, 1007),
        (Typed, text("[]"), WebSocketJSONError, 1007),
    ],
)
async def test_n14_a_message_of_another_kind(
    controller: type[Recording], message: Message, error: type[Exception], code: int
) -> None:
    handler = controller()
    with pytest.raises(error):
        await handler.serve(Server(message).websocket())
    assert handler.seen == [code]


class Refusing(Recording):
    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self.error = error

    async def on_connect(self, websocket: WebSocket) -> None:
        if self.error is not None:
            raise self.error
        await websocket.close()


@pytest.mark.parametrize(
    ("error", "code"),
    [(HTTPException(401), 1008), (WebSocketException(4001), 4001), (ZeroDivisionError(), 1011), (None, 1000)],
    ids=ascii,
)
async def test_n14_on_disconnect_is_called_also_when_on_connect_refuses(error: Exception | None, code: int) -> None:
    handler = Refusing(error)
    try:
        await handler.serve(Server().websocket())
    except (HTTPException, WebSocketException, ZeroDivisionError) as caught:
        assert caught is error  # noqa: PT017  # not each of them raises
    assert handler.seen == [code]


async def test_n14_a_handshake_that_on_connect_does_not_answer() -> None:
    class Silent(Recording):
        async def on_connect(self, websocket: WebSocket) -> None:
            """Forget to accept."""

    handler = Silent()
    with pytest.raises(WebSocketRuntimeError, match=r"call accept\(\) first"):
        await handler.serve(Server().websocket())
    assert handler.seen == [1011]


async def test_n14_the_client_leaves_while_it_is_answered() -> None:
    class Echo(Recording):
        async def on_receive(self, websocket: WebSocket, data: Any) -> None:
            assert await websocket.wait_closed() == 4005
            await websocket.send_text(data)

    handler = Echo()
    with pytest.raises(WebSocketDisconnect):
        await handler.serve(Server(text("a"), disconnect(4005)).websocket())
    assert handler.seen == [4005]


async def test_n14_on_disconnect_is_called_after_cancellation() -> None:
    class Slow(Recording):
        async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
            await anyio.lowlevel.checkpoint()
            await super().on_disconnect(websocket, close_code)

    handler = Slow()
    with anyio.move_on_after(0.01):
        await handler.serve(Server().websocket())
    assert handler.seen == [1006]


async def test_n14_on_disconnect_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(WebSocketController):
        disconnect_timeout = 0.01

        async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
            await anyio.sleep_forever()

    with anyio.fail_after(5), caplog.at_level(logging.ERROR):
        await Stuck().serve(Server(LEFT).websocket())
    assert "Stuck.on_disconnect took over 0.01 s" in caplog.text


async def test_n14_the_defaults_accept_and_discard() -> None:
    server = Server(text("a"), binary(b"b"), LEFT)
    await WebSocketController().serve(server.websocket())
    assert [message["type"] for message in server.sent] == ["websocket.accept"]


def test_n14_faults_of_a_class() -> None:
    class Faulty(WebSocketController):
        encoding = "xml"  # type: ignore[assignment]  # wrong on purpose
        message_type = int

        def on_receive(self, websocket: WebSocket, data: Any) -> None:  # type: ignore[override]  # wrong on purpose
            """Block."""

        async def on_recieve(self) -> None:
            """Be misspelt."""

    assert Faulty.faults() == [
        "encoding is one of None, 'text', 'bytes', 'json', not 'xml'",
        "message_type needs the encoding \"json\", not 'xml'",
        "on_receive has to be an async function",
        "on_recieve is none of on_connect, on_receive, on_disconnect: nothing calls it",
    ]
    assert WebSocketController.faults() == []
