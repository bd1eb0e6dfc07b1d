"""Sending JSON, and typed messages; test_receiving.py has receiving without a type."""

import enum
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import pytest

from tests.asgi_bridge.double import Server, binary, disconnect, text
from wsserve.asgi_bridge.exceptions import WebSocketJSONError, WebSocketRuntimeError

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


async def test_l23_subclasses_of_what_json_has() -> None:
    class Name(str):
        __slots__ = ()

    class Number(int):
        pass

    class Ratio(float):
        pass

    server = Server()
    websocket = await server.accepted()
    await websocket.send_json([Name("a"), Number(1), Ratio(0.5), {Name("k"): websocket.url}])
    assert server.sent[-1]["text"] == '["a",1,0.5,{"k":"ws://example.com/chat"}]'


async def test_l23_other_types_need_a_default() -> None:
    server = Server()
    websocket = await server.accepted()
    with pytest.raises(TypeError, match=r"type complex is no JSON: give send_json\(\) a default"):
        await websocket.send_json([1j])
    await websocket.send_json([1j, None], default=str)
    assert server.sent == [{"type": "websocket.send", "text": '["1j",null]'}]


@pytest.mark.parametrize("mode", ["bytes", "", None])
async def test_l23_mode_is_checked_before_the_state(mode: Any) -> None:
    with pytest.raises(WebSocketRuntimeError, match='"text" or "binary", not'):
        await Server().websocket().send_json({}, mode=mode)


class Say(msgspec.Struct, tag="say"):
    text: Annotated[str, msgspec.Meta(max_length=5)]


class Leave(msgspec.Struct, tag="leave"):
    pass


SAY = '{"type":"say","text":"hello"}'


async def test_typed_messages() -> None:
    websocket = await Server(text(SAY), binary(SAY.encode()), text("[1,2]"), text("5")).accepted()
    said = await websocket.receive_json(type=Say)
    assert said == Say("hello")
    assert await websocket.receive_json(mode="binary", type=Say | Leave) == said
    assert await websocket.receive_json(type=list[int]) == [1, 2]
    assert await websocket.receive_json(type=Size | int) == 5


async def test_typed_iteration_goes_on_after_a_fault() -> None:
    messages = [text(SAY), text('{"type":"leave"}'), text('{"type":"shout"}'), text("{"), text(SAY), disconnect()]
    websocket = await Server(*messages).accepted()
    iterator = websocket.iter_json(type=Say | Leave)
    assert [await anext(iterator), await anext(iterator)] == [Say("hello"), Leave()]
    with pytest.raises(WebSocketJSONError, match="is not what was expected: Invalid value 'shout'"):
        await anext(iterator)
    with pytest.raises(WebSocketJSONError, match="no well-formed JSON"):
        await anext(iterator)
    assert [message async for message in iterator] == [Say("hello")]


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ('{"type":"say","text":"too long"}', r"length <= 5 - at `\$.text`"),
        ('{"type":"say"}', "missing required field `text`"),
        ("[]", "Expected `object`, got `array`"),
    ],
)
async def test_a_value_of_another_type_is_a_message_error(payload: str, fault: str) -> None:
    websocket = await Server(text(payload)).accepted()
    with pytest.raises(WebSocketJSONError, match=fault) as caught:
        await websocket.receive_json(type=Say | Leave)
    assert caught.value.close_code == 1007


async def test_a_type_that_msgspec_does_not_know() -> None:
    websocket = await Server(text("1")).accepted()
    with pytest.raises(TypeError, match=r"no JSON can be decoded to <class 'complex'>: take a msgspec\.Struct"):
        await websocket.receive_json(type=complex)
    with pytest.raises(TypeError, match="more than one"):
        await websocket.receive_json(type=list[int] | set[int])
