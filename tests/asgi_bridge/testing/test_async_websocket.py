"""The client's end of a WebSocket: messages, errors, time limits (N20, rows 18)."""

import math
from typing import Any

import anyio
import msgspec
import pytest

from tests.asgi_bridge.testing.apps import ACCEPT, echo, sending, sink
from wsserve.asgi_bridge.exceptions import (
    WebSocketDisconnect,
    WebSocketException,
    WebSocketFrameTypeError,
    WebSocketJSONError,
    WebSocketRuntimeError,
)
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
from wsserve.asgi_bridge.testing.async_websocket import AsyncTestWebSocket
from wsserve.asgi_bridge.testing.exceptions import ApplicationEndedError, WebSocketDenialResponse
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app
from wsserve.codec.errors import LocalProtocolError

pytestmark = pytest.mark.anyio


class Point(msgspec.Struct):
    x: int


def connect(app: ASGIApp = echo, **options: Any) -> AsyncTestWebSocket:
    return AsyncTestClient(app, **options).websocket_connect("/chat")


# Messages


async def test_n20_text_bytes_and_json_in_both_modes() -> None:
    async with connect() as ws:
        await ws.send_text("\u20ac")
        assert await ws.receive_text() == "\u20ac"
        for data in (b"\xff", bytearray(b"\xff"), memoryview(b"\xff")):
            await ws.send_bytes(data)
            assert await ws.receive_bytes() == b"\xff"
        await ws.send_json({"x": [1, None]})
        assert await ws.receive() == {"type": "websocket.send", "text": '{"x":[1,null]}'}
        await ws.send_json({"x": 1}, mode="binary")
        assert await ws.receive_json("binary") == {"x": 1}
        await ws.send_json({"x": 1})
        assert await ws.receive_json(type=Point) == Point(1)


async def test_n20_iterating() -> None:
    texts = sending({**ACCEPT}, *({"type": "websocket.send", "text": text} for text in ("1", "2")))
    async with connect(texts) as ws:
        assert [text async for text in ws.iter_text()] == ["1", "2"]
        assert ws.close_code == 1000
    async with connect(texts) as ws:
        assert [value async for value in ws.iter_json(type=int)] == [1, 2]
    both = sending({**ACCEPT}, {"type": "websocket.send", "text": "a"}, {"type": "websocket.send", "bytes": b"b"})
    async with connect(both) as ws:
        assert [message async for message in ws] == ["a", b"b"]
    async with connect(both) as ws:
        iterator = ws.iter_bytes()
        with pytest.raises(WebSocketFrameTypeError):
            await anext(iterator)
        assert await anext(iterator) == b"b"
        with pytest.raises(StopAsyncIteration):
            await anext(iterator)


async def test_n20_trap_a_message_of_the_wrong_type_is_named_and_no_key_error() -> None:
    async with connect() as ws:
        await ws.send_bytes(b"x")
        with pytest.raises(WebSocketFrameTypeError, match="expected a text message, got a binary one"):
            await ws.receive_text()
        await ws.send_text("x")
        with pytest.raises(WebSocketFrameTypeError, match="expected a binary message, got a text one"):
            await ws.receive_bytes()
        await ws.send_text("no JSON")
        with pytest.raises(WebSocketJSONError, match="no well-formed JSON"):
            await ws.receive_json()
        await ws.send_json({"x": "1"})
        with pytest.raises(WebSocketJSONError, match="not what was expected"):
            await ws.receive_json(type=Point)
        with pytest.raises(WebSocketRuntimeError, match="mode"):
            await ws.receive_json("bytes")


async def test_n20_raw_events() -> None:
    async with connect() as ws:
        await ws.send({"type": "websocket.receive", "text": "", "bytes": None})
        assert await ws.receive_text() == ""
        await ws.send({"type": "websocket.receive", "bytes": b"x"})
        assert await ws.receive_bytes() == b"x"
        for content in ({}, {"text": "x", "bytes": b"x"}, {"text": None}):
            with pytest.raises(ValueError, match="exactly one of"):
                await ws.send({"type": "websocket.receive", **content})
        with pytest.raises(ValueError, match=r"'websocket\.send' is no event of a client"):
            await ws.send({"type": "websocket.send", "text": "x"})
        await ws.send({"type": "websocket.disconnect", "code": 4000, "reason": "bye"})
        assert await ws.wait_closed() == 4000
        assert ws.close_reason == "bye"
    for event, code in (({}, 1005), ({"code": 1006}, 1006)):
        async with connect() as ws:
            await ws.send({"type": "websocket.disconnect", **event})
            assert await ws.wait_closed() == code


async def test_what_no_client_can_send() -> None:
    async with connect() as ws:
        with pytest.raises(TypeError, match="takes a str, not bytes"):
            await ws.send_text(b"x")  # type: ignore[arg-type]  # the mistake under test
        with pytest.raises(TypeError, match="not str"):
            await ws.send_bytes("x")  # type: ignore[arg-type]  # the mistake under test
        with pytest.raises(LocalProtocolError, match="lone surrogate"):
            await ws.send_text("\udfff")
        with pytest.raises(ValueError, match="1006"):
            await ws.close(1006)
        await ws.close()
        with pytest.raises(WebSocketRuntimeError, match="closed the WebSocket before"):
            await ws.send_text("x")
        assert await ws.wait_closed() == 1000


# The end


async def test_n20_the_applications_close_is_raised() -> None:
    async with connect() as ws:
        await ws.send_text("close")
        with pytest.raises(WebSocketDisconnect) as caught:
            await ws.receive_bytes()
        assert (caught.value.code, caught.value.reason) == (4001, "as asked")
        for call in (ws.receive_text, ws.receive, lambda: ws.send_text("x")):
            with pytest.raises(WebSocketDisconnect, match="4001"):
                await call()
        assert await ws.wait_closed() == 4001
        assert (ws.close_code, ws.close_reason) == (4001, "as asked")


async def test_a_disconnect_that_nobody_catches_leaves_the_block() -> None:
    async def conversation() -> None:
        async with connect() as ws:
            await ws.send_text("close")
            await ws.receive_text()

    with pytest.raises(WebSocketDisconnect, match="4001"):
        await conversation()


async def test_n20_nothing_can_be_done_outside_of_the_block_or_twice() -> None:
    ws = connect()
    with pytest.raises(WebSocketRuntimeError, match="not open"):
        await ws.receive_text()
    async with ws:
        assert repr(ws) == "<AsyncTestWebSocket '/chat'>"
    with pytest.raises(WebSocketRuntimeError, match="used once"):
        await ws.__aenter__()


# What the application raises


@pytest.mark.parametrize("waiting", ["receive", "receive_text", "wait_closed", "iterate", "send", "leave"])
async def test_n20_the_applications_exception_is_raised_once_where_it_was_waited_for(waiting: str) -> None:
    ended: list[str] = []

    async def conversation() -> None:
        async with connect() as ws:
            await ws.send_text("fail")
            if waiting == "iterate":
                assert [message async for message in ws] == []
            elif waiting == "send":
                await anyio.wait_all_tasks_blocked()
                await ws.send_text("x")
            elif waiting == "receive":
                assert (await ws.receive())["code"] == 1011
                await ws.receive()
            elif waiting != "leave":
                await getattr(ws, waiting)()
            ended.append(waiting)

    with pytest.raises(ValueError, match="as asked") as caught:
        await conversation()
    assert ended == (["leave"] if waiting == "leave" else [])
    assert not hasattr(caught.value, "__notes__")


async def test_an_exception_that_was_caught_in_the_block_is_not_raised_again() -> None:
    async with connect() as ws:
        await ws.send_text("fail")
        with pytest.raises(ValueError, match="as asked"):
            await ws.receive_text()
        with pytest.raises(WebSocketDisconnect, match="1011"):
            await ws.receive_text()


async def test_the_cause_of_a_disconnect_takes_its_place() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**ACCEPT})
        await send({"type": "websocket.close", "code": 1011})
        await receive()
        await receive()
        await anyio.wait_all_tasks_blocked()
        raise LookupError("late")

    with pytest.raises(LookupError, match="late") as caught:
        async with connect(app) as ws:
            await ws.receive_text()
    assert isinstance(caught.value.__context__, WebSocketDisconnect)


async def test_the_tests_own_failure_is_not_masked() -> None:
    async def conversation() -> None:
        async with connect() as ws:
            await ws.send_text("fail")
            await anyio.wait_all_tasks_blocked()
            raise AssertionError("the test's")

    with pytest.raises(AssertionError, match="the test's") as caught:
        await conversation()
    [note] = caught.value.__notes__
    assert note.startswith("Besides, in the application:\nTraceback")
    assert note.endswith("ValueError: as asked")


async def test_a_group_with_the_applications_exception_gets_no_note() -> None:
    async def conversation() -> None:
        async with connect() as ws, anyio.create_task_group() as tasks:
            await ws.send_text("fail")
            tasks.start_soon(ws.receive_text)

    with pytest.raises(ExceptionGroup) as caught:
        await conversation()
    assert not hasattr(caught.value, "__notes__")


async def test_raise_app_exceptions_false_shows_what_the_client_sees() -> None:
    async with connect(raise_app_exceptions=False) as ws:
        await ws.send_text("fail")
        with pytest.raises(WebSocketDisconnect, match="1011"):
            await ws.receive_text()

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("secret")

    for app in (fails, sending()):
        with pytest.raises(WebSocketDenialResponse, match="500") as caught:
            async with connect(app, raise_app_exceptions=False):
                pass
        assert caught.value.body == b""


async def test_what_is_no_exception_is_the_cause_of_one() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise SystemExit(3)

    with pytest.raises(ApplicationEndedError, match=r"the application raised SystemExit\(3\)") as caught:
        async with connect(app):
            pass
    assert isinstance(caught.value.__cause__, SystemExit)
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("hosted", [True, False])
async def test_an_error_that_says_how_the_connection_ends_is_no_failure(hosted: bool) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise WebSocketException(4003, "so")

    async def bare(scope: Scope, receive: Receive, send: Send) -> None:
        await handler(WebSocket(scope, receive, send))

    async with connect(websocket_app(handler) if hosted else bare) as ws:
        assert await ws.wait_closed() == 4003
        assert ws.close_reason == "so"


async def test_a_disconnect_error_is_a_failure_only_where_the_client_is_there() -> None:
    class Foreign(Exception):  # noqa: N818  # as Starlette names its own
        pass

    Foreign.__name__ = "WebSocketDisconnect"

    def raising(error: type[Exception], *, early: bool) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({**ACCEPT})
            if not early:
                await receive()
                await receive()
            raise error

        return app

    for error in (Foreign, WebSocketDisconnect):
        async with connect(raising(error, early=False)):
            pass
        with pytest.raises(error):
            async with connect(raising(error, early=True)):
                pass


async def test_u_cleanups_have_run_when_the_block_is_left() -> None:
    ran: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket({**scope}, receive, send)
        websocket.add_cleanup(lambda: ran.append("cleanup"))
        await websocket.accept()

    async with connect(app):
        pass
    assert ran == ["cleanup"]


# Applications that do not answer


async def test_n20_trap_an_application_that_returns_without_an_answer() -> None:
    with pytest.raises(ApplicationEndedError, match="returned before it had answered the handshake on '/chat'"):
        async with connect(sending()):
            pass


async def test_n20_trap_an_application_that_breaks_off_its_denial() -> None:
    app = sending(
        {"type": "websocket.http.response.start", "status": 401, "headers": [(b"set-cookie", b"a=1")]},
        {"type": "websocket.http.response.body", "body": b"x", "more_body": True},
    )
    client = AsyncTestClient(app)
    with pytest.raises(ApplicationEndedError, match="returned before"):
        async with client.websocket_connect("/"):
            pass
    assert dict(client.cookies) == {}


async def test_n20_a_failure_before_the_answer_is_raised() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise WebSocketDisconnect(1000)

    with pytest.raises(WebSocketDisconnect) as caught:
        async with connect(app):
            pass
    assert type(caught.value) is WebSocketDisconnect


async def test_n20_a_failure_after_the_denial_takes_its_place() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close"})
        await anyio.wait_all_tasks_blocked()
        raise LookupError

    with pytest.raises(LookupError) as caught:
        async with connect(app):
            pass
    assert isinstance(caught.value.__context__, WebSocketDenialResponse)


# Time limits


async def test_n20_trap_an_application_that_does_not_answer_the_handshake() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await receive()

    with pytest.raises(
        TimeoutError, match=r"not answered within 0.01 s on '/chat': .* waits in receive\(\), at .*py:\d+ in .*app"
    ):
        async with connect(app, timeout=0.01):
            pass


async def test_n20_trap_a_wait_for_a_message_says_where_the_application_is() -> None:
    never = anyio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**ACCEPT})
        with anyio.CancelScope() as scope_:
            await receive()
            await receive()
            await never.wait()
        assert scope_

    async with connect(app) as ws:
        with pytest.raises(
            TimeoutError, match=r"^nothing came within 0.01 s on '/chat': the application waits in receive"
        ):
            await ws.receive_text(timeout=0.01)
        await ws.send_text("x")
        with pytest.raises(
            TimeoutError, match=r"^nothing came .*, neither in receive\(\) nor in send\(\), at .* in .*app$"
        ):
            await ws.receive_json(timeout=0.01)
        with pytest.raises(TimeoutError, match=r"the connection did not end within 0\.01 s"):
            await ws.wait_closed(timeout=0.01)
        never.set()


async def test_n20_a_queue_that_is_full_is_waited_for_with_a_limit() -> None:
    taken = anyio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**ACCEPT})
        await taken.wait()
        for _ in range(4):
            await receive()
        for text in ("1", "2", "3"):
            await send({"type": "websocket.send", "text": text})

    async with connect(app, max_queue=2) as ws:
        await ws.send_text("1")
        await ws.send_text("2")
        with pytest.raises(TimeoutError, match=r"took none of the 2 messages that wait within 0\.01 s"):
            await ws.send_text("3", timeout=0.01)
        taken.set()
        await ws.send_text("3", timeout=math.inf)
        with pytest.raises(
            TimeoutError, match=r"did not end .* waits in send\(\), since 2 messages were not received, at"
        ):
            await ws.wait_closed(timeout=0.01)
        assert [text async for text in ws] == ["1", "2", "3"]


@pytest.mark.parametrize("own_failure", [False, True])
async def test_n20_an_application_that_does_not_end_is_cancelled_and_reported(own_failure: bool) -> None:
    cancelled: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**ACCEPT})
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append(True)

    async def conversation() -> None:
        async with connect(app, timeout=0.01):
            if own_failure:
                raise KeyError

    expected: type[Exception] = KeyError if own_failure else TimeoutError
    with pytest.raises(expected) as caught:
        await conversation()
    assert cancelled == [True]
    shown = "".join(caught.value.__notes__) if own_failure else str(caught.value)
    assert "the application did not end within 0.01 s and was cancelled: the application waits, at" in shown
    assert "test_async_websocket.py" in shown


async def test_n20_an_error_while_it_is_cancelled_is_what_counts() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**ACCEPT})
        try:
            await anyio.sleep_forever()
        finally:
            raise LookupError("in the cleanup")

    with pytest.raises(LookupError, match="in the cleanup") as caught:
        async with connect(app, timeout=0.05):
            pass
    [note] = caught.value.__notes__
    assert "did not end within 0.05 s and was cancelled" in note


async def test_g3_a_cancelled_test_lets_the_application_end() -> None:
    ended: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**ACCEPT})
        await receive()
        ended.append((await receive())["code"])
        await anyio.wait_all_tasks_blocked()
        ended.append(0)

    with anyio.move_on_after(0.01) as limit:
        async with connect(app) as ws:
            await ws.receive_text()
    assert limit.cancelled_caught
    assert ended == [1006, 0]


async def test_messages_that_nobody_receives_do_not_matter() -> None:
    async with connect(sink) as ws:
        await ws.send_text("x")
    with pytest.raises(InvalidMessageError):
        async with connect(sending({**ACCEPT}, {"type": "websocket.send"})):
            pass
