"""Handshakes that are accepted, and clients that do not wait for the answer (G7, G9, U14)."""

import logging
from typing import Any

import pytest

from tests.asgi_bridge.exchanges import LOGGER, errors_in, open_websocket
from tests.asgi_bridge.memory import settle
from tests.codec.frames import BINARY, PING, TEXT, client_frame, close_frame, deflated
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.codec.deflate import DeflateOptions

pytestmark = pytest.mark.anyio

ACCEPT = "websocket.accept"
CLOSE = "websocket.close"
START = "websocket.http.response.start"
BODY = "websocket.http.response.body"
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate"


# Accepting


async def test_r1_accept_vector() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.receive()
        response = await ws.accept()
        assert "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in response
        assert ws.statuses == [101]
        assert ws.session.accepted


async def test_g7_connect_comes_before_the_handshake_completes() -> None:
    async with open_websocket(accept=False) as ws:
        assert ws.transport.writes == []
        assert await ws.receive() == {"type": "websocket.connect"}
        assert ws.transport.writes == []
        assert not ws.session.accepted


async def test_g7_accept_without_waiting_for_connect() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.accept()
        await ws.peer_sends(client_frame(TEXT, b"hi"))
        assert await ws.receive() == {"type": "websocket.connect"}
        assert (await ws.receive())["text"] == "hi"


async def test_g9_headers_of_accept_keep_order_and_bytes() -> None:
    async with open_websocket(accept=False) as ws:
        response = await ws.accept(headers=[(b"X-B", b"2"), (b"Set-Cookie", b"a=\xff"), (b"x-B", b"1")])
        assert response.endswith("\r\nX-B: 2\r\nSet-Cookie: a=\xff\r\nx-B: 1\r\n\r\n")


async def test_r3_default_headers_give_way_to_the_applications() -> None:
    defaults = [(b"server", b"wsserve"), (b"date", b"today")]
    async with open_websocket(accept=False, default_headers=lambda: defaults) as ws:
        response = await ws.accept(headers=[(b"Server", b"mine")])
        assert response.lower().count("server:") == 1
        assert "\r\nServer: mine\r\n" in response
        assert "\r\ndate: today\r\n" in response


async def test_r2_subprotocol() -> None:
    async with open_websocket(b"Sec-WebSocket-Protocol: a, b", accept=False) as ws:
        assert ws.app.scope["subprotocols"] == ["a", "b"]
        assert "\r\nSec-WebSocket-Protocol: b\r\n" in await ws.accept(subprotocol="b")
        assert ws.session.subprotocol == "b"


async def test_r3_deflate_is_agreed_on_and_used() -> None:
    async with open_websocket(DEFLATE, accept=False, deflate=DeflateOptions(threshold=0)) as ws:
        assert "\r\nSec-WebSocket-Extensions: permessage-deflate" in await ws.accept()
        await ws.peer_sends(client_frame(TEXT, deflated(b"hello"), rsv=0x40))
        assert (await ws.receive()) == {"type": "websocket.connect"}
        assert (await ws.receive())["text"] == "hello"
        await ws.send("websocket.send", text="hello")
        assert ws.taken()[0] & 0x40


@pytest.mark.parametrize("offered", [True, False])
async def test_r3_no_extension_that_is_off_or_not_offered(offered: bool) -> None:
    lines = [DEFLATE] if offered else []
    options: dict[str, Any] = {"deflate": None} if offered else {}
    async with open_websocket(*lines, accept=False, **options) as ws:
        assert "Extensions" not in await ws.accept()


async def test_r3_middleware_that_changes_the_scope_changes_no_negotiation() -> None:
    async with open_websocket(accept=False) as ws:
        ws.scope["headers"].append((b"sec-websocket-extensions", b"permessage-deflate"))
        assert "Extensions" not in await ws.accept()


# Frames that come early


async def test_u14_frames_behind_the_head_are_delivered_after_accept() -> None:
    early = client_frame(TEXT, b"one") + client_frame(PING, b"two") + client_frame(BINARY, b"three")[:5]
    async with open_websocket(trailing=early, accept=False) as ws:
        assert await ws.receive() == {"type": "websocket.connect"}
        waiting = await ws.begin(ws.app.receive)
        ws.session.data_received(client_frame(BINARY, b"three")[5:] + client_frame(TEXT, b"four"))
        await settle()
        assert not waiting.is_done(), "no receive before accept"
        assert ws.transport.writes == []
        await ws.send(ACCEPT)
        assert ws.taken().partition(b"\r\n\r\n")[2] == b"\x8a\x03two"
        assert waiting.result == {"type": "websocket.receive", "text": "one"}
        assert (await ws.receive())["bytes"] == b"three"
        assert (await ws.receive())["text"] == "four"
        assert ws.session.channel.messages_received == 3
        assert ws.session.channel.bytes_received == len(early) + len(client_frame(TEXT, b"four")) + 6


async def test_u14_early_bytes_are_bounded() -> None:
    async with open_websocket(accept=False, max_queue_bytes=100) as ws:
        await ws.peer_sends(bytes(99))
        assert ws.transport.is_reading()
        await ws.peer_sends(b"\0")
        assert not ws.transport.is_reading()


async def test_u14_reading_goes_on_after_accept() -> None:
    message = client_frame(BINARY, bytes(200))
    async with open_websocket(accept=False, max_queue_bytes=100) as ws:
        await ws.receive()
        await ws.peer_sends(message[:150])
        assert not ws.transport.is_reading()
        await ws.accept()
        assert ws.transport.is_reading()
        await ws.peer_sends(message[150:])
        assert (await ws.receive())["bytes"] == bytes(200)


async def test_u14_reading_stays_paused_when_what_came_early_fills_the_queue() -> None:
    async with open_websocket(accept=False, max_queue_bytes=100) as ws:
        await ws.receive()
        await ws.peer_sends(client_frame(BINARY, bytes(200)))
        await ws.accept()
        assert not ws.transport.is_reading()
        await ws.receive()
        assert ws.transport.is_reading()


async def test_g2_early_frames_are_dropped_when_the_handshake_is_refused() -> None:
    async with open_websocket(trailing=client_frame(TEXT, b"x"), accept=False) as ws:
        await ws.receive()
        await ws.peer_sends(client_frame(TEXT, b"y"))
        await ws.send(CLOSE)
        ws.session.data_received(client_frame(TEXT, bytes(100_000)))
        assert ws.transport.is_reading()
        assert await ws.disconnected() == (1006, "")
        assert ws.session.channel.messages_received == 0


async def test_u14_a_close_and_a_fault_that_came_early() -> None:
    for early, seen in [(close_frame(4000, b"x"), (4000, "x")), (client_frame(TEXT, b"x", key=None), None)]:
        async with open_websocket(trailing=client_frame(TEXT, b"one") + early, accept=False) as ws:
            await ws.receive()
            await ws.accept()
            assert (await ws.receive())["text"] == "one"
            await ws.send("websocket.send", text="reply")
            code, reason = await ws.disconnected()
            assert seen is None or seen == (code, reason)
            assert [opcode for opcode, _ in ws.frames()] == [TEXT, 8]
            assert ws.transport.is_closed()


# A client that leaves


@pytest.mark.parametrize("how", ["end", "loss"])
@pytest.mark.parametrize("waiting", [True, False])
async def test_g7_a_client_that_leaves_before_accept(how: str, waiting: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket(accept=False) as ws:
        await ws.receive()
        call = await ws.begin(ws.app.receive) if waiting else None
        await (ws.peer_ends() if how == "end" else ws.lose())
        assert ws.transport.is_closed()
        if call is None:
            assert await ws.disconnected() == (1006, "")
        else:
            assert call.result == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        with pytest.raises(ClientDisconnected) as caught:
            await ws.send(ACCEPT)
        assert isinstance(caught.value, OSError)
        assert caught.value.code == 1006
        assert ws.session.closed_by == "nobody"
        assert ws.transport.writes == []
        await ws.end(caught.value)
    assert errors_in(caplog) == []


@pytest.mark.parametrize("kind", [START, BODY])
async def test_g4_a_client_that_leaves_before_a_denial(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket(accept=False) as ws:
        if kind == BODY:
            await ws.send(START, status=403)
        await ws.lose()
        with pytest.raises(ClientDisconnected) as caught:
            await ws.send(kind, status=403)
        await ws.end(caught.value)
    assert errors_in(caplog) == []


async def test_g4_close_after_the_client_left_is_harmless() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.lose()
        await ws.send(CLOSE)
        await ws.send(CLOSE)
        assert ws.transport.writes == []


async def test_g6_an_unknown_message_after_the_client_left_still_raises() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.lose()
        with pytest.raises(InvalidMessageError):
            await ws.send("websocket.foo")
        with pytest.raises(InvalidMessageError):
            await ws.send("websocket.send", text="never accepted")


async def test_g7_connect_is_delivered_first_even_when_the_client_has_left() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.lose()
        assert await ws.receive() == {"type": "websocket.connect"}
        assert await ws.disconnected() == (1006, "")


# Shutdown


async def test_a15_shutdown_before_the_answer_is_503() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.receive()
        ws.session.shutdown()
        response = ws.taken()
        assert response.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: " in response.lower()
        assert ws.statuses == [503]
        assert ws.transport.is_closed()
        assert await ws.disconnected() == (1006, "")
        assert ws.session.closed_by == "server"
        with pytest.raises(ClientDisconnected):
            await ws.send(ACCEPT)
        ws.session.shutdown()
        assert ws.taken() == b""


async def test_a15_a_denial_under_way_is_finished() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.send(START, status=403)
        ws.session.shutdown()
        await ws.send(BODY, body=b"x")
        assert ws.taken().startswith(b"HTTP/1.1 403 ")


# The task


async def test_g14_the_application_gets_the_scope_and_the_task_its_path(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope.clear()
        raise ValueError("x")

    async with open_websocket(app=app) as ws:
        assert ws.taken().startswith(b"HTTP/1.1 500 ")
    [record] = errors_in(caplog)
    assert record.getMessage() == "Exception in the application on '/chat'"


async def test_a14_the_task_is_named_after_its_path() -> None:
    async with open_websocket(accept=False) as ws:
        assert ws.runtime.running == ["websocket /chat"]


async def test_nothing_is_logged_about_a_good_handshake(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER):
        async with open_websocket() as ws:
            await ws.send(CLOSE)
            await ws.say_goodbye()
            await ws.end()
    assert caplog.records == []
