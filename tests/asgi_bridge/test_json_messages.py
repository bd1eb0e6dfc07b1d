"""Sending JSON; test_receiving.py has the other direction."""

import enum
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.asgi_bridge.double import Server
from wsserve.asgi_bridge.exceptions import WebSocketRuntimeError

pytestmark = pytest.mark.anyio


class Color(enum.Enum):
    RED = "red"


class Point(msgspec.Struct):
    x: int


@dataclass
class Size:
    width: float


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"a": [1, 2.5, True, None]}, '{"a":[1,2.5,true,null]}'),
        ("é\u2028", '"é\u2028"'),
        (datetime(2026, 1, 2, tzinfo=UTC), '"2026-01-02T00:00:00Z"'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        ([Point(1), Size(2.0), Color.RED, {3}, None], '[{"x":1},{"width":2.0},"red",[3],null]'),
        ({1: "null", "a": None}, '{"1":"null","a":null}'),
    ],
)
async def test_l23_send_json(data: object, expected: str) -> None:
    server = Server()
    websocket = await server.accepted()
    await websocket.send_json(data)
    await websocket.send_json(data, "binary")
    assert [message.get("text") for message in server.sent] == [expected, None]
    assert server.sent[1]["bytes"] == expected.encode()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
async def test_l23_nan_and_infinity_are_no_json(number: float) -> None:
    websocket = await Server().accepted()
    with pytest.raises(ValueError, match="JSON"):
        await websocket.send_json({1: [None, Size(number)]})


async def test_l23_other_types_need_a_default() -> None:
    server = Server()
    websocket = await server.accepted()
    with pytest.raises(TypeError, match="complex"):
        await websocket.send_json([1j])
    await websocket.send_json([1j, None], default=str)
    assert server.sent == [{"type": "websocket.send", "text": '["1j",null]'}]


@pytest.mark.parametrize("mode", ["bytes", "", None])
async def test_l23_mode_is_checked_before_the_state(mode: Any) -> None:
    with pytest.raises(WebSocketRuntimeError, match='"text" or "binary", not'):
        await Server().websocket().send_json({}, mode=mode)
