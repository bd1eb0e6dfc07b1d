"""Receiving and iterating through a WebSocket."""

import uuid
from typing import Any

import anyio
import pytest

from tests.asgi_bridge.double import GoneError, Server, binary, disconnect, states, text
from wsserve.asgi_bridge.exceptions import (
    WebSocketDisconnect,
    WebSocketFrameTypeError,
    WebSocketJSONError,
    WebSocketRuntimeError,
)
from wsserve.asgi_bridge.websocket import WebSocket, WebSocketState

pytestmark = pytest.mark.anyio

CONNECTED, DISCONNECTED = WebSocketState.CONNECTED, WebSocketState.DISCONNECTED


async def test_l27_receive_text_and_bytes() -> None:
    websocket = await Server(text("é"), binary(b"a"), text(""), binary(b"")).accepted()
    assert await websocket.receive_text() == "é"
    assert await websocket.receive_bytes() == b"a"
    assert await websocket.receive_text() == ""
    assert await websocket.receive_bytes() == b""


async def test_l27_receive_before_accept() -> None:
    websocket = Server().websocket()
    for receive in (websocket.receive_text, websocket.receive_bytes, websocket.receive_json):
        with pytest.raises(WebSocketRuntimeError, match=r"call accept\(\) first"):
            await receive()


@pytest.mark.parametrize("extra", [{}, {"bytes": None}], ids=["key absent", "key None"])
async def test_l27_text_asked_binary_got(extra: dict[str, None]) -> None:
    websocket = await Server(binary(b"a"), text("next")).accepted()
    with pytest.raises(WebSocketFrameTypeError, match="expected a text message, got a binary one"):
        await websocket.receive_text()
    assert await websocket.receive_text() == "next"


@pytest.mark.parametrize("extra", [{}, {"bytes": None}], ids=["key absent", "key None"])
async def test_l27_binary_asked_text_got(extra: dict[str, None]) -> None:
    websocket = await Server({**text("a"), **extra}, binary(b"next")).accepted()
    with pytest.raises(WebSocketFrameTypeError, match="expected a binary message, got a text one"):
        await websocket.receive_bytes()
    assert await websocket.receive_bytes() == b"next"


async def test_l27_a_message_without_data_is_the_servers_fault() -> None:
    websocket = await Server({"type": "websocket.receive", "text": None}, text("next")).accepted()
    with pytest.raises(WebSocketRuntimeError, match=r"'websocket.receive' without text or bytes"):
        await websocket.receive_text()
    assert await websocket.receive_text() == "next"


async def test_l27_after_the_own_close_the_disconnect_comes() -> None:
    websocket = await Server().accepted()
    await websocket.close(4000, "bye")
    with pytest.raises(WebSocketDisconnect, match="4000 and reason 'bye'"):
        await websocket.receive_text()


async def test_l36_raw_receive_after_the_own_close() -> None:
    websocket = await Server().accepted()
    await websocket.close(4000)
    assert await websocket.receive() == disconnect(4000)


@pytest.mark.parametrize(
    "call",
    [
        lambda websocket, data: websocket.receive_json(),
        lambda websocket, data: websocket.receive_json(mode="text"),
        lambda websocket, data: websocket.receive_json("text"),
        lambda websocket, data: websocket.receive_json(data),
    ],
)
async def test_l28_receive_json_in_text(call: Any) -> None:
    websocket = await Server(text('{"a":[1,2.5,null,"\\u00e9"]}')).accepted()
    assert await call(websocket, {"some": "data"}) == {"a": [1, 2.5, None, "é"]}


@pytest.mark.parametrize(
    "call",
    [
        lambda websocket, data: websocket.receive_json(mode="binary"),
        lambda websocket, data: websocket.receive_json("binary"),
        lambda websocket, data: websocket.receive_json(data, mode="binary"),
        lambda websocket, data: websocket.receive_json("any str", mode="binary"),
        lambda websocket, data: websocket.receive_json(data=data, mode="binary"),
    ],
)
async def test_l28_receive_json_in_binary(call: Any) -> None:
    websocket = await Server(binary(b'{"a":1}')).accepted()
    assert await call(websocket, {"some": "data"}) == {"a": 1}


@pytest.mark.parametrize("arguments", [{"mode": "bytes"}, {"data": "bytes"}, {"mode": ""}])
async def test_l28_mode_is_checked_first(arguments: dict[str, str]) -> None:
    with pytest.raises(WebSocketRuntimeError, match='"text" or "binary", not'):
        await Server().websocket().receive_json(**arguments)


@pytest.mark.parametrize(("message", "mode"), [(binary(b"1"), "text"), (text("1"), "binary")])
async def test_l28_wrong_frame_type(message: dict[str, Any], mode: str) -> None:
    websocket = await Server(message).accepted()
    with pytest.raises(WebSocketFrameTypeError):
        await websocket.receive_json(mode=mode)


@pytest.mark.parametrize(
    "payload", ["", "{", "nothing", "NaN", "Infinity", "1 2", "'a'", '"\\ud800"', "[" * 100_000, "9" * 5_000, "1e999"]
)
async def test_l28_malformed_json_is_one_error(payload: str) -> None:
    websocket = await Server(text(payload), binary(payload.encode()), text("1")).accepted()
    for mode in ("text", "binary"):
        with pytest.raises(WebSocketJSONError, match="the message is no well-formed JSON"):
            await websocket.receive_json(mode=mode)
    assert await websocket.receive_json() == 1


@pytest.mark.parametrize(
    ("payload", "fault"), [("{'a'}", "object keys must be strings (byte 1)"), ("{", "Input data was truncated")]
)
async def test_l28_the_error_says_once_that_it_is_no_json(payload: str, fault: str) -> None:
    websocket = await Server(text(payload)).accepted()
    with pytest.raises(WebSocketJSONError) as caught:
        await websocket.receive_json()
    assert str(caught.value) == f"the message is no well-formed JSON: {fault}"


async def test_l28_bad_utf8_is_malformed_json() -> None:
    websocket = await Server(binary(b'"\xff"')).accepted()
    with pytest.raises(WebSocketJSONError):
        await websocket.receive_json(mode="binary")


async def test_l29_disconnect() -> None:
    websocket = await Server(disconnect(4001, "bye")).accepted()
    with pytest.raises(WebSocketDisconnect) as caught:
        await websocket.receive_json()
    assert (caught.value.code, caught.value.reason) == (4001, "bye")
    assert (websocket.close_code, websocket.close_reason) == (4001, "bye")
    assert websocket.closed
    assert states(websocket) == (DISCONNECTED, CONNECTED)


@pytest.mark.parametrize("method", ["receive_text", "receive_bytes", "receive_json"])
async def test_l29_disconnect_for_each_kind_of_receive(method: str) -> None:
    websocket = await Server(disconnect(4001, "bye")).accepted()
    with pytest.raises(WebSocketDisconnect, match="close code 4001 and reason 'bye'"):
        await getattr(websocket, method)()
    with pytest.raises(WebSocketRuntimeError, match="the disconnect was received before"):
        await getattr(websocket, method)()


@pytest.mark.parametrize("method", ["receive_text", "receive_bytes", "receive_json"])
async def test_l27_a_cancelled_receive_takes_nothing(method: str) -> None:
    server = Server()
    websocket = await server.accepted()
    with anyio.move_on_after(0):
        await getattr(websocket, method)()
    server.feed(text("a"))
    assert await websocket.receive_text() == "a"


@pytest.mark.parametrize("keys", [{}, {"code": None, "reason": None}])
async def test_l29_disconnect_without_a_code(keys: dict[str, None]) -> None:
    websocket = await Server({"type": "websocket.disconnect", **keys}).accepted()
    with pytest.raises(WebSocketDisconnect) as caught:
        await websocket.receive_text()
    assert (caught.value.code, caught.value.reason) == (1005, "")


async def test_l30_receive_after_the_disconnect() -> None:
    websocket = await Server(disconnect()).accepted()
    await websocket.receive()
    for receive in (websocket.receive_text, websocket.receive_bytes, websocket.receive_json, websocket.receive):
        with pytest.raises(WebSocketRuntimeError, match="the disconnect was received before"):
            await receive()


async def test_l31_iterators_end_silently_and_code_and_reason_stay() -> None:
    websocket = await Server(text("a"), text("b"), disconnect(4001, "bye")).accepted()
    assert [message async for message in websocket.iter_text()] == ["a", "b"]
    assert (websocket.close_code, websocket.close_reason) == (4001, "bye")
    assert [message async for message in websocket.iter_text()] == []


async def test_l31_each_kind_of_iterator() -> None:
    server = Server(binary(b"a"), text("1"), binary(b"2"), text("b"), binary(b"c"))
    websocket = await server.accepted()
    assert await anext(websocket.iter_bytes()) == b"a"
    assert await anext(websocket.iter_json()) == 1
    assert await anext(websocket.iter_json(mode="binary")) == 2
    messages = aiter(websocket)
    assert [await anext(messages), await anext(messages)] == ["b", b"c"]
    server.feed(disconnect())
    with pytest.raises(StopAsyncIteration):
        await anext(messages)


async def test_l31_mode_of_iter_json_is_checked_at_once() -> None:
    websocket = await Server().accepted()
    with pytest.raises(WebSocketRuntimeError, match='"text" or "binary", not'):
        websocket.iter_json("other")


async def test_l31_an_error_does_not_finish_the_iterator() -> None:
    websocket = await Server(binary(b"a"), text("{"), text("3"), disconnect()).accepted()
    values = websocket.iter_json()
    with pytest.raises(WebSocketFrameTypeError):
        await anext(values)
    with pytest.raises(WebSocketJSONError):
        await anext(values)
    assert [value async for value in values] == [3]


async def test_l31_own_close_in_the_loop_ends_it() -> None:
    websocket = await Server(text("a"), text("b")).accepted()
    seen = []
    async for message in websocket.iter_text():
        seen.append(message)
        await websocket.close(4000)
    assert seen == ["a"]
    assert websocket.close_code == 4000


async def test_l31_own_close_by_another_task_ends_the_loop() -> None:
    websocket = await Server().accepted()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(websocket.close, 4000)
        assert [message async for message in websocket] == []


async def test_l31_messages_before_an_own_close_are_left_to_single_receives() -> None:
    websocket = await Server(text("a"), text("b")).accepted()
    await websocket.close(4000)
    assert [message async for message in websocket] == []
    assert [await websocket.receive_text(), await websocket.receive_text()] == ["a", "b"]
    with pytest.raises(WebSocketDisconnect):
        await websocket.receive_bytes()


async def test_l31_before_accept() -> None:
    with pytest.raises(WebSocketRuntimeError, match=r"call accept\(\) first"):
        await anext(Server().websocket().iter_text())


async def test_l31_leaving_a_loop_leaves_nothing_behind() -> None:
    websocket = await Server(text("a"), text("b")).accepted()
    async for _ in websocket.iter_text():
        break
    assert await websocket.receive_text() == "b"


async def test_l32_second_snippet_of_the_page() -> None:
    server = Server(text('"hi"'), disconnect(1001))
    websocket = WebSocket(scope=server.scope, receive=server.receive, send=server.send)
    await websocket.accept()
    async for message in websocket.iter_json():
        data = {"message": f"Message text was: {message}"}
        await websocket.send_json(data, mode="binary")
    await websocket.close()
    assert server.sent[1:] == [{"type": "websocket.send", "bytes": b'{"message":"Message text was: hi"}'}]


@pytest.mark.parametrize("kind", ["websocket.connect", "http.disconnect"])
async def test_l36_what_a_server_must_not_deliver(kind: str) -> None:
    websocket = await Server({"type": kind}, {"type": kind}).accepted()
    with pytest.raises(WebSocketRuntimeError, match=f"the server delivered '{kind}' while the client was CONNECTED"):
        await websocket.receive()
    with pytest.raises(WebSocketRuntimeError, match=f"the server delivered '{kind}' while the client was CONNECTED"):
        await websocket.receive_text()


async def test_l36_disconnect_before_accept_by_raw_receive() -> None:
    server = Server(disconnect(1006))
    websocket = server.websocket()
    await websocket.receive()
    assert await websocket.receive() == disconnect(1006)
    with pytest.raises(WebSocketDisconnect):
        await websocket.accept()


async def test_l36_connect_after_a_send_that_found_the_client_gone() -> None:
    server = Server(disconnect(1006))
    websocket = server.websocket()
    server.error = GoneError()
    with pytest.raises(WebSocketDisconnect):
        await websocket.send({"type": "websocket.accept"})
    assert await websocket.receive() == {"type": "websocket.connect"}
    assert websocket.client_state is DISCONNECTED
    assert await websocket.receive() == disconnect(1006)


async def test_n13_messages_are_received_once_by_whichever_object() -> None:
    server = Server(*(text(str(uuid.UUID(int=number))) for number in range(20)), disconnect())
    first = await server.accepted()
    second = WebSocket(dict(server.scope), server.receive, server.send)
    seen: list[str] = []

    async def collect(websocket: WebSocket) -> None:
        async for message in websocket.iter_text():
            seen.append(message)  # in the order of arrival, from both
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, first)
            tasks.start_soon(collect, second)
            tasks.start_soon(collect, first)
    assert seen == [str(uuid.UUID(int=number)) for number in range(20)]
