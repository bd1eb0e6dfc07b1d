"""The WebSocket class: opening, sending, closing, and its states."""

from typing import Any

import anyio
import pytest
from multidict import CIMultiDict

from tests.asgi_bridge.double import GoneError, Server, disconnect, states, text
from wsserve.asgi_bridge import types
from wsserve.asgi_bridge import websocket as websocket_module
from wsserve.asgi_bridge.exceptions import ClientDisconnected, WebSocketDisconnect, WebSocketRuntimeError
from wsserve.asgi_bridge.websocket import WebSocket, WebSocketClose, WebSocketState
from wsserve.codec.handshake import SERVER_HEADERS

pytestmark = pytest.mark.anyio

CONNECTING, CONNECTED, DISCONNECTED, _ = WebSocketState


def test_l1_names_of_the_page() -> None:
    assert {"Receive", "Scope", "Send"} <= set(vars(types))
    names = {"WebSocket", "WebSocketDisconnect", "WebSocketClose", "WebSocketState", "WebSocketRuntimeError"}
    assert names == set(websocket_module.__all__)


async def test_l3_first_snippet_of_the_page() -> None:
    server = Server()
    websocket = WebSocket(scope=server.scope, receive=server.receive, send=server.send)
    await websocket.accept()
    await websocket.send_json({"message": "Hello, world!"}, mode="binary")
    await websocket.close()
    assert server.sent == [
        {"type": "websocket.accept", "subprotocol": None, "headers": []},
        {"type": "websocket.send", "bytes": b'{"message":"Hello, world!"}'},
        {"type": "websocket.close", "code": 1000, "reason": ""},
    ]


async def test_l20_accept_sends_subprotocol_and_headers_and_changes_the_states() -> None:
    server = Server()
    websocket = server.websocket()
    assert states(websocket) == (CONNECTING, CONNECTING)
    await websocket.accept("chat.v1", [("X-A", "1"), (b"x-b", b"2")])
    assert states(websocket) == (CONNECTED, CONNECTED)
    assert server.sent == [
        {"type": "websocket.accept", "subprotocol": "chat.v1", "headers": [(b"x-a", b"1"), (b"x-b", b"2")]}
    ]


async def test_l20_receive_first_and_then_accept() -> None:
    server = Server()
    websocket = server.websocket()
    assert await websocket.receive() == {"type": "websocket.connect"}
    assert states(websocket) == (CONNECTED, CONNECTING)
    await websocket.accept()
    assert states(websocket) == (CONNECTED, CONNECTED)


@pytest.mark.parametrize("form", [dict, list, iter, tuple, CIMultiDict], ids=lambda form: form.__name__)
async def test_l20_headers_in_any_form(form: Any) -> None:
    server = Server()
    await server.websocket().accept(headers=form([("A", "1")]))
    assert server.sent[0]["headers"] == [(b"a", b"1")]


async def test_l20_headers_that_came_in_can_go_out() -> None:
    server = Server()
    websocket = server.websocket()
    await websocket.accept(headers=websocket.headers)
    assert server.sent[0]["headers"] == server.scope["headers"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"subprotocol": "other"}, ValueError),
        ({"subprotocol": b"chat.v1"}, TypeError),
        ({"subprotocol": "chat.v1\r\nSet-Cookie: a"}, ValueError),
        ({"headers": {"a b": "c"}}, ValueError),
        ({"headers": {"a": "b\r\nc"}}, ValueError),
        ({"headers": ["ab"]}, TypeError),
        *(({"headers": {name: b"13"}}, ValueError) for name in sorted(SERVER_HEADERS)),
        ({"headers": {"Sec-WebSocket-Version": "13"}}, ValueError),
    ],
)
async def test_l20_a_faulty_accept_sends_and_changes_nothing(arguments: Any, error: type[Exception]) -> None:
    server = Server()
    websocket = server.websocket()
    with pytest.raises(error):
        await websocket.accept(**arguments)
    assert server.sent == []
    assert server.left == 1, "websocket.connect was taken"
    assert states(websocket) == (CONNECTING, CONNECTING)
    await websocket.accept()


async def test_l20_subprotocol_error_names_what_was_offered() -> None:
    with pytest.raises(ValueError, match=r"'x' was not offered by the client, which offered \['chat.v2', 'chat.v1'\]"):
        await Server().websocket().accept("x")
    with pytest.raises(ValueError, match=r"which offered \[\]"):
        await Server(subprotocols=None).websocket().accept("x")


async def test_l20_first_message_disconnect() -> None:
    server = Server()
    server.feed(disconnect(1006))
    await server.receive()
    websocket = server.websocket()
    with pytest.raises(WebSocketDisconnect) as caught:
        await websocket.accept()
    assert caught.value.code == 1006
    assert server.sent == []
    assert states(websocket) == (DISCONNECTED, CONNECTING)


async def test_l20_states_change_only_after_a_successful_send() -> None:
    server = Server()
    server.error = RuntimeError("no")
    websocket = server.websocket()
    with pytest.raises(RuntimeError, match="no"):
        await websocket.accept()
    assert states(websocket) == (CONNECTED, CONNECTING)
    server.error = None
    await websocket.accept()


async def test_l20_client_gone_at_accept() -> None:
    server = Server()
    server.error = ClientDisconnected("gone", code=1001, reason="away")
    with pytest.raises(WebSocketDisconnect, match=r"1001 and reason 'away'") as caught:
        await server.websocket().accept()
    assert caught.value.__cause__ is server.error


async def test_l21_double_accept() -> None:
    server = Server()
    websocket = await server.accepted()
    with pytest.raises(WebSocketRuntimeError, match=r"'websocket.accept' cannot be sent in the state CONNECTED, only"):
        await websocket.accept()
    assert states(websocket) == (CONNECTED, CONNECTED)
    await websocket.close()
    with pytest.raises(WebSocketRuntimeError, match="the application has closed the WebSocket before"):
        await websocket.accept()


async def test_l22_send_text_and_bytes() -> None:
    server = Server()
    websocket = await server.accepted()
    await websocket.send_text("é")
    for data in (b"ab", bytearray(b"ab"), memoryview(b"ab")):
        await websocket.send_bytes(data)
    assert server.sent[0] == {"type": "websocket.send", "text": "é"}
    assert server.sent[1:] == [{"type": "websocket.send", "bytes": b"ab"}] * 3
    assert {type(message["bytes"]) for message in server.sent[1:]} == {bytes}


async def test_l22_subclasses_of_str_and_bytes_are_sent() -> None:
    class Text(str):
        __slots__ = ()

    class Data(bytes):
        __slots__ = ()

    server = Server()
    websocket = await server.accepted()
    await websocket.send_text(Text("a"))
    await websocket.send_bytes(Data(b"b"))
    assert server.sent == [{"type": "websocket.send", "text": "a"}, {"type": "websocket.send", "bytes": b"b"}]


@pytest.mark.parametrize(
    ("method", "data"),
    [("send_text", b"x"), ("send_text", 5), ("send_text", None), ("send_bytes", "x"), ("send_bytes", [1])],
)
async def test_l22_wrong_types_are_refused(method: str, data: object) -> None:
    server = Server()
    websocket = await server.accepted()
    with pytest.raises(TypeError, match=rf"{method}\(\) takes .*, not {type(data).__name__}"):
        await getattr(websocket, method)(data)
    assert server.sent == []


async def test_l24_send_before_accept() -> None:
    websocket = Server().websocket()
    for coroutine in (websocket.send_text("a"), websocket.send_bytes(b"a"), websocket.send_json(1)):
        with pytest.raises(WebSocketRuntimeError, match=r"in the state CONNECTING, only 'websocket.accept' or"):
            await coroutine


async def test_l25_send_after_close() -> None:
    websocket = await Server().accepted()
    await websocket.close()
    for coroutine in (websocket.send_text("a"), websocket.send_bytes(b"a"), websocket.send({"type": "websocket.send"})):
        with pytest.raises(WebSocketRuntimeError, match="the application has closed the WebSocket before"):
            await coroutine


async def test_l26_send_after_the_client_has_gone() -> None:
    server = Server(disconnect(4000, "bye"))
    websocket = await server.accepted()
    with pytest.raises(WebSocketDisconnect):
        await websocket.receive_text()
    message = {"type": "websocket.send", "text": "a"}
    for coroutine in (websocket.send_text("a"), websocket.send_bytes(b"a"), websocket.send(message)):
        with pytest.raises(WebSocketDisconnect, match="4000 and reason 'bye'"):
            await coroutine
    assert server.sent == []


@pytest.mark.parametrize("method", ["send_text", "send_bytes", "send"])
async def test_l26_send_that_finds_the_client_gone(method: str) -> None:
    server = Server(text("still here"), disconnect(1001))
    websocket = await server.accepted()
    server.error = GoneError("peer")
    data: Any = {"send_text": "a", "send_bytes": b"a", "send": {"type": "websocket.send", "text": "a"}}[method]
    with pytest.raises(WebSocketDisconnect) as caught:
        await getattr(websocket, method)(data)
    assert caught.value.__cause__ is server.error
    assert caught.value.code == websocket.close_code == 1006
    assert states(websocket) == (DISCONNECTED, CONNECTED)
    # What the client sent before it left is still there, and then how it really left.
    assert await websocket.receive_text() == "still here"
    with pytest.raises(WebSocketDisconnect, match="1001"):
        await websocket.receive_text()
    assert websocket.close_code == 1001


async def test_l26_two_sends_that_find_the_client_gone() -> None:
    server = Server()
    websocket = await server.accepted()
    server.error = ClientDisconnected(code=1001)
    gate = server.hold()

    async def send() -> None:
        with pytest.raises(WebSocketDisconnect, match="1001"):
            await websocket.send_text("a")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        tasks.start_soon(send)
        await anyio.wait_all_tasks_blocked()
        gate.set()
    assert websocket.close_code == 1001


async def test_l26_an_error_of_the_server_is_left_alone() -> None:
    server = Server()
    websocket = await server.accepted()
    server.error = RuntimeError("no")
    with pytest.raises(RuntimeError, match="no"):
        await websocket.send_text("a")
    assert states(websocket) == (CONNECTED, CONNECTED)


async def test_l33_close_with_code_and_reason() -> None:
    server = Server()
    websocket = await server.accepted()
    await websocket.close(4001, "é" * 100)
    assert server.sent == [{"type": "websocket.close", "code": 4001, "reason": "é" * 61}]
    assert websocket.application_state is DISCONNECTED
    assert websocket.closed
    assert (websocket.close_code, websocket.close_reason) == (4001, "é" * 61)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, "1000", None, True, 1000.0])
async def test_l33_faulty_codes_are_refused(code: Any) -> None:
    server = Server()
    websocket = await server.accepted()
    with pytest.raises(ValueError, match=r"close code .* cannot be sent"):
        await websocket.close(code)
    assert server.sent == []
    assert states(websocket) == (CONNECTED, CONNECTED)


@pytest.mark.parametrize(("reason", "error"), [(b"bye", TypeError), (5, TypeError), ("\ud800", ValueError)])
async def test_l33_faulty_reasons_are_refused(reason: Any, error: type[Exception]) -> None:
    websocket = await Server().accepted()
    with pytest.raises(error, match="close reason"):
        await websocket.close(1000, reason)
    assert not websocket.closed


async def test_l34_close_before_accept() -> None:
    server = Server()
    websocket = server.websocket()
    await websocket.close(1008)
    assert server.sent_types == ["close"]
    assert states(websocket) == (CONNECTING, DISCONNECTED)
    with pytest.raises(WebSocketRuntimeError):
        await websocket.accept()


async def test_l35_close_twice_is_no_error() -> None:
    server = Server()
    websocket = await server.accepted()
    await websocket.close(4000)
    await websocket.close(4001)
    assert server.sent_types == ["close"]
    assert websocket.close_code == 4000


async def test_l32_close_after_the_client_has_left_is_harmless() -> None:
    server = Server(disconnect(1001))
    websocket = await server.accepted()
    assert [message async for message in websocket.iter_json()] == []
    await websocket.close()
    assert server.sent == []
    assert states(websocket) == (DISCONNECTED, DISCONNECTED)
    assert websocket.close_code == 1001


async def test_l32_close_that_finds_the_client_gone_is_harmless() -> None:
    server = Server()
    websocket = await server.accepted()
    server.error = GoneError()
    await websocket.close()
    assert states(websocket) == (DISCONNECTED, DISCONNECTED)
    assert websocket.close_code == 1006


async def test_l33_close_that_fails_may_be_tried_again() -> None:
    server = Server()
    websocket = await server.accepted()
    server.error = RuntimeError("no")
    with pytest.raises(RuntimeError, match="no"):
        await websocket.close()
    assert not websocket.closed
    server.error = None
    await websocket.close()
    assert websocket.closed


async def test_l37_states_are_those_of_the_connection_not_of_the_object() -> None:
    server = Server()
    middleware = server.websocket()
    handler = WebSocket(dict(server.scope), server.receive, server.send)
    await middleware.accept()
    assert states(handler) == (CONNECTED, CONNECTED)
    await handler.send_text("a")
    await handler.close(4000)
    assert states(middleware) == (CONNECTED, DISCONNECTED)
    assert middleware.close_code == 4000
    assert [int(state) for state in WebSocketState] == [0, 1, 2, 3]


async def test_l37_a_websocket_on_top_of_another() -> None:
    server = Server(text("a"), disconnect(1001))
    outer = server.websocket()
    inner = WebSocket(dict(server.scope), outer.receive, outer.send)
    await inner.accept()
    assert await inner.receive_text() == "a"
    await inner.send_text("b")
    with pytest.raises(WebSocketDisconnect):
        await inner.receive_text()
    await inner.close()
    assert server.sent_types == ["accept", "send"]
    assert states(outer) == states(inner) == (DISCONNECTED, DISCONNECTED)


async def test_l37_own_close_through_another() -> None:
    server = Server()
    outer = server.websocket()
    inner = WebSocket(server.scope, outer.receive, outer.send)
    await inner.accept()
    await inner.close(4000)
    assert server.sent_types == ["accept", "close"]
    assert (await inner.receive())["code"] == 4000


async def test_l40_websocket_close() -> None:
    server = Server()
    app = WebSocketClose(code=4000, reason="done")
    assert (app.code, app.reason, WebSocketClose().code, WebSocketClose().reason) == (4000, "done", 1000, "")
    await app(server.scope, server.receive, server.send)
    assert server.sent == [{"type": "websocket.close", "code": 4000, "reason": "done"}]


async def test_l40_websocket_close_checks_scope_and_code() -> None:
    with pytest.raises(ValueError, match="needs a scope of type 'websocket', not 'http'"):
        await WebSocketClose()({"type": "http"}, Server().receive, Server().send)
    with pytest.raises(ValueError, match="close code 500 cannot be sent"):
        WebSocketClose(500)


async def test_repr() -> None:
    assert repr(await Server().accepted()) == "<WebSocket '/chat' CONNECTED>"
