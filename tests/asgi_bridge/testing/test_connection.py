"""The rules of ASGI that the test clients hold an application to, as a server does (G1 to G9, G12)."""

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.asgi_bridge.testing.apps import ACCEPT, sending
from wsserve.asgi_bridge.exceptions import ClientDisconnected, WebSocketDisconnect
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
from wsserve.asgi_bridge.testing.changes import Changes
from wsserve.asgi_bridge.testing.connection import Connection
from wsserve.asgi_bridge.testing.exceptions import WebSocketDenialResponse
from wsserve.asgi_bridge.testing.response import MAX_BODY_BYTES
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.handshake import Handshake

pytestmark = pytest.mark.anyio

START = "websocket.http.response.start"
BODY = "websocket.http.response.body"
SEND = "websocket.send"
CLOSE = "websocket.close"
CONNECT = {"type": "websocket.connect"}

Script = Callable[[Receive, Send], Awaitable[None]]


def scripted(script: Script) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await script(receive, send)

    return app


def accepting(script: Script) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == CONNECT
        await send({**ACCEPT})
        await script(receive, send)

    return app


def disconnect(code: int, reason: str = "") -> Message:
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


# G1, G3: the disconnect


@pytest.mark.parametrize(
    ("close", "expected"),
    [((4000, "bye"), (4000, "bye")), ((1000, ""), (1000, "")), ((None, ""), (1005, "")), ((1005, ""), (1005, ""))],
)
async def test_g1_the_clients_close_reaches_the_application_once(
    close: tuple[int | None, str], expected: tuple[int, str]
) -> None:
    async def script(receive: Receive, send: Send) -> None:
        assert await receive() == disconnect(*expected)
        for _ in range(3):
            with pytest.raises(ClientDisconnected) as caught:
                await receive()
            assert (caught.value.code, caught.value.reason) == expected

    async with AsyncTestClient(accepting(script)).websocket_connect("/") as ws:
        seen: list[object] = [ws.close_code, ws.close_reason]
        await ws.close(*close)
        assert await ws.wait_closed() == expected[0]
        seen += [ws.close_code, ws.close_reason]
        assert seen == [None, "", *expected]
        await ws.close(4999)


async def test_g1_the_first_of_two_closes_counts() -> None:
    connection = Connection(Handshake("x"), (), Changes(), 100, math.inf)
    await connection.receive()
    await connection.send({**ACCEPT})
    connection.client_closes(4000, "first")
    connection.client_closes(4001, "second")
    assert await connection.receive() == disconnect(4000, "first")


async def test_g1_leaving_the_block_is_1000_and_failing_in_it_1006() -> None:
    seen: list[Message] = []

    async def script(receive: Receive, send: Send) -> None:
        seen.append(await receive())

    client = AsyncTestClient(accepting(script))
    async with client.websocket_connect("/"):
        pass
    with pytest.raises(KeyError):
        async with client.websocket_connect("/"):
            raise KeyError
    async with client.websocket_connect("/") as ws:
        await ws.abort()
        assert await ws.wait_closed() == 1006
    assert seen == [disconnect(1000), disconnect(1006), disconnect(1006)]


async def test_g1_messages_before_the_close_come_first_and_are_answered() -> None:
    async def script(receive: Receive, send: Send) -> None:
        for text in ("one", "two"):
            assert await receive() == {"type": "websocket.receive", "text": text}
            await anyio.lowlevel.checkpoint()
            await send({"type": SEND, "text": text})
        assert await receive() == disconnect(4000)

    async with AsyncTestClient(accepting(script)).websocket_connect("/") as ws:
        await ws.send_text("one")
        await ws.send_text("two")
        await ws.close(4000)
        assert [message async for message in ws] == ["one", "two"]
        assert ws.close_code == 4000


async def test_g1_messages_before_a_loss_still_come() -> None:
    lost = anyio.Event()

    async def script(receive: Receive, send: Send) -> None:
        await lost.wait()
        with pytest.raises(ClientDisconnected):
            await send({"type": SEND, "text": "x"})
        assert await receive() == {"type": "websocket.receive", "text": "one"}
        assert await receive() == disconnect(1006)

    async with AsyncTestClient(accepting(script)).websocket_connect("/") as ws:
        await ws.send_text("one")
        await ws.abort()
        lost.set()


async def test_g3_after_its_own_close_the_application_gets_the_code_of_it() -> None:
    async def script(receive: Receive, send: Send) -> None:
        await send({"type": CLOSE, "code": 4001, "reason": "\u20ac" * 50})
        assert await receive() == disconnect(4001, "\u20ac" * 41)
        with pytest.raises(ClientDisconnected):
            await receive()

    async with AsyncTestClient(accepting(script)).websocket_connect("/") as ws:
        with pytest.raises(WebSocketDisconnect) as caught:
            await ws.receive_text()
        assert (caught.value.code, caught.value.reason) == (4001, "\u20ac" * 41)


async def test_g3_what_nobody_took_is_dropped_at_the_applications_close() -> None:
    sent = anyio.Event()

    async def script(receive: Receive, send: Send) -> None:
        await sent.wait()
        await send({"type": CLOSE})
        assert await receive() == disconnect(1000)

    async with AsyncTestClient(accepting(script)).websocket_connect("/") as ws:
        await ws.send_text("x")
        sent.set()
        assert await ws.wait_closed() == 1000


async def test_g3_a_close_on_both_sides() -> None:
    async def script(receive: Receive, send: Send) -> None:
        assert (await receive())["text"] == "x"
        await anyio.lowlevel.checkpoint()
        await send({"type": CLOSE, "code": 4001})
        assert await receive() == disconnect(4000)

    async with AsyncTestClient(accepting(script)).websocket_connect("/") as ws:
        await ws.send_text("x")
        await ws.close(4000)
        assert await ws.wait_closed() == 4001


# G4: sending to a client that has gone


async def test_g4_send_after_the_disconnect_raises_an_oserror() -> None:
    async def script(receive: Receive, send: Send) -> None:
        await receive()
        for _ in range(2):
            with pytest.raises(OSError, match="4000") as caught:
                await send({"type": SEND, "text": "x"})
            assert isinstance(caught.value, ClientDisconnected)
            assert (caught.value.code, caught.value.reason) == (4000, "bye")
        await send({"type": CLOSE})
        with pytest.raises(InvalidMessageError, match="neither"):
            await send({"type": SEND})
        raise caught.value

    async with AsyncTestClient(accepting(script)).websocket_connect("/") as ws:
        await ws.close(4000, "bye")
        assert await ws.wait_closed() == 4000


async def test_g4_an_application_that_only_sends_learns_that_the_client_left() -> None:
    async def script(receive: Receive, send: Send) -> None:
        while True:
            await send({"type": SEND, "text": "tick"})

    async with AsyncTestClient(accepting(script), max_queue=2).websocket_connect("/") as ws:
        for _ in range(5):
            assert await ws.receive_text() == "tick"


async def test_g4_an_application_that_answers_for_ever_learns_it_too() -> None:
    async def script(receive: Receive, send: Send) -> None:
        await receive()
        while True:
            await send({"type": SEND, "text": "tick"})

    async with AsyncTestClient(accepting(script), max_queue=2).websocket_connect("/") as ws:
        await ws.send_text("go")
        assert await ws.receive_text() == "tick"


@pytest.mark.parametrize("seconds_to_answer", [math.inf, -1.0])
async def test_g4_an_answer_to_the_last_message_has_its_time_and_no_more(seconds_to_answer: float) -> None:
    connection = Connection(Handshake("x"), (), Changes(), 100, seconds_to_answer)
    assert await connection.receive() == CONNECT
    await connection.send({**ACCEPT})
    connection.client_sends({"type": "websocket.receive", "text": "x"})
    await connection.receive()
    connection.client_closes(4000, "")
    if seconds_to_answer < 0:
        with pytest.raises(ClientDisconnected, match="4000"):
            await connection.send({"type": SEND, "text": "y"})
    else:
        await connection.send({"type": SEND, "text": "y"})
        assert len(connection.to_client) == 1
    assert await connection.receive() == disconnect(4000)


async def test_g4_an_application_that_receives_again_owes_no_answer() -> None:
    connection = Connection(Handshake("x"), (), Changes(), 100, math.inf)
    await connection.receive()
    await connection.send({**ACCEPT})
    connection.client_sends({"type": "websocket.receive", "text": "x"})
    await connection.receive()
    with anyio.move_on_after(0):
        await connection.receive()
    connection.client_closes(4000, "")
    with pytest.raises(ClientDisconnected, match="4000"):
        await connection.send({"type": SEND, "text": "y"})


# G5, G6: what the application sends


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"text": "\u20ac"}, {"text": "\u20ac"}),
        ({"text": "", "bytes": None}, {"text": ""}),
        ({"bytes": b"\xff"}, {"bytes": b"\xff"}),
        ({"bytes": bytearray(b"x"), "text": None}, {"bytes": b"x"}),
        ({"bytes": memoryview(b"x")}, {"bytes": b"x"}),
        ({"text": "x", "extra": 1}, {"text": "x"}),
    ],
)
async def test_g5_send(content: dict[str, Any], expected: dict[str, Any]) -> None:
    app = sending({**ACCEPT}, {"type": SEND, **content})
    async with AsyncTestClient(app).websocket_connect("/") as ws:
        assert await ws.receive() == {"type": SEND, **expected}
        assert await ws.receive() == {"type": CLOSE, "code": 1000, "reason": ""}


FAULTY_SENDS: list[dict[str, Any]] = [
    {},
    {"text": None, "bytes": None},
    {"text": "x", "bytes": b"x"},
    {"text": b"x"},
    {"bytes": "x"},
    {"text": 1},
]


@pytest.mark.parametrize("content", FAULTY_SENDS, ids=repr)
async def test_g5_a_faulty_send_raises_in_the_application_and_then_in_the_test(content: dict[str, Any]) -> None:
    app = sending({**ACCEPT}, {"type": SEND, **content})
    with pytest.raises(InvalidMessageError, match=r"websocket\.send"):
        async with AsyncTestClient(app).websocket_connect("/") as ws:
            await ws.receive_text()


async def test_g6_lone_surrogates_raise() -> None:
    app = sending({**ACCEPT}, {"type": SEND, "text": "\ud800"})
    with pytest.raises(LocalProtocolError, match="lone surrogate '\\\\ud800' at index 0"):
        async with AsyncTestClient(app).websocket_connect("/"):
            pass


@pytest.mark.parametrize("kind", ["websocket.accept", START, BODY, "websocket.receive", "http.response.start", None])
async def test_g6_anything_else_after_accept_raises_and_names_what_would_do(kind: object) -> None:
    app = sending({**ACCEPT}, {"type": kind, "status": 200})
    with pytest.raises(InvalidMessageError, match=rf"{kind!r} where 'websocket\.send' or 'websocket\.close'"):
        async with AsyncTestClient(app).websocket_connect("/"):
            pass


@pytest.mark.parametrize("kind", [SEND, BODY, "websocket.foo", None, "http.response.start"])
async def test_g6_anything_else_before_accept_raises(kind: object) -> None:
    with pytest.raises(InvalidMessageError, match=rf"{kind!r} where 'websocket\.accept'"):
        async with AsyncTestClient(sending({"type": kind, "text": "x"})).websocket_connect("/"):
            pass


@pytest.mark.parametrize("kind", [SEND, CLOSE, "websocket.accept"])
async def test_g6_nothing_may_follow_the_applications_own_close(kind: str) -> None:
    app = sending({**ACCEPT}, {"type": CLOSE}, {"type": kind, "text": "x"})
    with pytest.raises(InvalidMessageError, match="nothing after the application's own close"):
        async with AsyncTestClient(app).websocket_connect("/"):
            pass


@pytest.mark.parametrize("content", [{"code": 1005}, {"code": "x"}, {"code": 99}, {"reason": b"x"}])
async def test_g9_a_faulty_close_raises(content: dict[str, Any]) -> None:
    app = sending({**ACCEPT}, {"type": CLOSE, **content})
    with pytest.raises((LocalProtocolError, InvalidMessageError), match="close"):
        async with AsyncTestClient(app).websocket_connect("/"):
            pass


async def test_g9_defaults_of_close_and_the_order_of_accept_headers() -> None:
    headers = [(b"X-B", b"2 "), (b"x-a", b"\xff"), (b"x-b", b"1")]
    app = sending({**ACCEPT, "headers": headers}, {"type": CLOSE, "code": None, "reason": None})
    async with AsyncTestClient(app).websocket_connect("/") as ws:
        assert ws.extra_headers == [(b"x-b", b"2"), (b"x-a", b"\xff"), (b"x-b", b"1")]
        assert ws.headers["X-A"] == "\xff"
        assert ws.headers.getlist("x-b") == ["2", "1"]
        assert await ws.receive() == {"type": CLOSE, "code": 1000, "reason": ""}


FAULTY_ACCEPTS: dict[str, dict[str, Any]] = {
    "crlf-in-subprotocol": {"subprotocol": "a\r\nx: b"},
    "subprotocol-not-offered": {"subprotocol": "b"},
    "subprotocol-no-str": {"subprotocol": b"a"},
    "crlf-in-value": {"headers": [(b"x", b"a\r\nb: c")]},
    "name-no-token": {"headers": [(b"a b", b"")]},
    "name-str": {"headers": [("x", b"")]},
    "no-pairs": {"headers": b"x"},
    "set-by-the-handshake": {"headers": [(b"Sec-WebSocket-Accept", b"x")]},
}


@pytest.mark.parametrize("fault", FAULTY_ACCEPTS)
async def test_g6_a_faulty_accept_raises(fault: str) -> None:
    app = sending({**ACCEPT, **FAULTY_ACCEPTS[fault]})
    with pytest.raises((InvalidMessageError, LocalProtocolError)):
        async with AsyncTestClient(app).websocket_connect("/", ["a"]):
            pass


async def test_g6_the_application_may_mend_its_fault() -> None:
    async def script(receive: Receive, send: Send) -> None:
        for kind, fault in (("websocket.accept", {"subprotocol": "b"}), (SEND, {"text": 1}), (CLOSE, {"code": 1006})):
            with pytest.raises((InvalidMessageError, LocalProtocolError)):
                await send({"type": kind, **fault})
            await send({"type": kind, **({"text": "x"} if kind == SEND else {})})

    async with AsyncTestClient(scripted(script)).websocket_connect("/", ["a"]) as ws:
        assert ws.accepted_subprotocol is None
        assert await ws.receive_text() == "x"
        assert await ws.wait_closed() == 1000


# G7: before accept


async def test_g7_accept_without_receive() -> None:
    async def script(receive: Receive, send: Send) -> None:
        await send({**ACCEPT})
        assert await receive() == CONNECT
        assert await receive() == disconnect(1000)

    async with AsyncTestClient(scripted(script)).websocket_connect("/"):
        pass


async def test_g7_a_client_that_leaves_before_accept() -> None:
    errors: list[BaseException] = []

    async def script(receive: Receive, send: Send) -> None:
        assert await receive() == CONNECT
        assert await receive() == disconnect(1006)
        for kind in ("websocket.accept", START, BODY):
            with pytest.raises(ClientDisconnected) as caught:
                await send({"type": kind})
            errors.append(caught.value)
        with pytest.raises(InvalidMessageError):
            await send({"type": SEND, "text": "x"})
        await send({"type": CLOSE, "code": 1005})

    with anyio.move_on_after(0.05) as limit:
        async with AsyncTestClient(scripted(script)).websocket_connect("/"):
            raise AssertionError("it was never accepted")
    assert limit.cancelled_caught
    assert len(errors) == 3


# G2, G12: denials


@pytest.mark.parametrize("content", [{}, {"code": 1008, "reason": [{"loc": ["path"]}]}, {"code": 1005}])
async def test_g2_close_before_accept_is_403_and_then_a_disconnect(content: dict[str, Any]) -> None:
    ended: list[Message] = []

    async def script(receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": CLOSE, **content})
        with pytest.raises(InvalidMessageError):
            await send({**ACCEPT})
        ended.append(await receive())

    with pytest.raises(WebSocketDenialResponse, match=r"with status 403$") as caught:
        async with AsyncTestClient(scripted(script)).websocket_connect("/"):
            pass
    assert ended == [disconnect(1006)]
    assert isinstance(caught.value, WebSocketDisconnect)
    assert (caught.value.code, caught.value.reason) == (1006, "")
    assert (caught.value.status_code, caught.value.body, caught.value.text) == (403, b"", "")


async def test_g12_denial_response() -> None:
    ended: list[Message] = []

    async def script(receive: Receive, send: Send) -> None:
        await receive()
        headers = [(b"WWW-Authenticate", b"Basic"), (b"content-type", b"application/json")]
        await send({"type": START, "status": 401, "headers": (pair for pair in headers)})
        for kind in ("websocket.accept", CLOSE, SEND, START):
            with pytest.raises(InvalidMessageError, match=r"'websocket\.http\.response\.body'"):
                await send({"type": kind, "status": 200, "text": "x"})
        await send({"type": BODY, "body": b'{"a"', "more_body": True})
        await send({"type": BODY, "body": memoryview(b":1}")})
        with pytest.raises(InvalidMessageError, match="nothing"):
            await send({"type": BODY})
        ended.append(await receive())

    with pytest.raises(WebSocketDenialResponse, match=r'401: \'{"a":1}\'') as caught:
        async with AsyncTestClient(scripted(script)).websocket_connect("/"):
            pass
    assert ended == [disconnect(1006)]
    assert caught.value.headers["www-authenticate"] == "Basic"
    assert caught.value.json() == {"a": 1}


@pytest.mark.parametrize("changed", [None, {"websocket.http.response": {}}])
async def test_g12_without_the_extension_a_denial_response_is_a_fault(changed: object) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["extensions"] == {}
        scope["extensions"] = changed
        await send({"type": START, "status": 404})

    with pytest.raises(InvalidMessageError, match=r"without the extension 'websocket\.http\.response'"):
        async with AsyncTestClient(app, extensions=()).websocket_connect("/"):
            pass


async def test_n20_trap_a_denial_without_end() -> None:
    errors: list[BaseException] = []

    async def script(receive: Receive, send: Send) -> None:
        await send({"type": START, "status": 200})
        with pytest.raises(ClientDisconnected) as caught:
            await send_for_ever(send)
        errors.append(caught.value)

    async def send_for_ever(send: Send) -> None:
        while True:
            await send({"type": BODY, "body": bytes(MAX_BODY_BYTES // 2), "more_body": True})

    with pytest.raises(TimeoutError, match="the handshake was not answered"):
        async with AsyncTestClient(scripted(script), timeout=0.05).websocket_connect("/"):
            pass
    assert len(errors) == 1


@pytest.mark.parametrize("call", ["receive", "send", "faulty send"])
async def test_n20_trap_an_application_that_swallows_errors_for_ever(call: str) -> None:
    async def script(receive: Receive, send: Send) -> None:
        while True:
            with suppress(Exception):
                if call == "receive":
                    await receive()
                else:
                    await send({"type": SEND, "text": "x" if call == "send" else 1})

    with pytest.raises(TimeoutError, match=r"did not end within 0\.05 s and was cancelled: .* in .*script"):
        async with AsyncTestClient(accepting(script), timeout=0.05).websocket_connect("/"):
            pass


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": START, "status": 101}],
        [{"type": START, "status": 400, "headers": [("a", "b")]}],
        [{"type": START, "status": 400, "headers": [(b"x\r\n", b"")]}, {"type": BODY}],
        [{"type": START, "status": 400}, {"type": BODY, "body": "text"}],
    ],
    ids=["status", "headers", "header-injection", "body"],
)
async def test_g12_a_faulty_denial_raises(messages: list[Message]) -> None:
    with pytest.raises((InvalidMessageError, LocalProtocolError)):
        async with AsyncTestClient(sending(*messages)).websocket_connect("/"):
            pass
