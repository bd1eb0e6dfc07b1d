"""From `websocket.connect` to the answer: accept, refuse, deny, and clients that do not wait."""

import logging
from typing import Any

import pytest

from tests.asgi_bridge.memory import LOGGER, WebSocketExchange, errors_in, open_websocket, settle
from tests.codec.frames import BINARY, PING, PONG, TEXT, client_frame, close_frame, deflated
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.codec.deflate import DeflateOptions
from wsserve.codec.errors import LocalProtocolError

pytestmark = pytest.mark.anyio

ACCEPT = "websocket.accept"
CLOSE = "websocket.close"
START = "websocket.http.response.start"
BODY = "websocket.http.response.body"
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate"


def assert_clean_500(ws: WebSocketExchange) -> None:
    """The client has got one complete response and nothing of what went wrong."""
    response = ws.taken()
    assert response.startswith(b"HTTP/1.1 500 ")
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert b"\r\nContent-Length: %d\r\n" % len(body) in head + b"\r\n"
    assert b"secret" not in response
    assert ws.transport.closed
    assert not ws.transport.aborted


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
        assert not waiting.done, "no receive before accept"
        assert ws.transport.writes == []
        await ws.send(ACCEPT)
        assert ws.taken().partition(b"\r\n\r\n")[2] == b"\x8a\x03two"
        assert waiting.result == {"type": "websocket.receive", "text": "one"}
        assert (await ws.receive())["bytes"] == b"three"
        assert (await ws.receive())["text"] == "four"
        assert ws.session.messages_received == 3
        assert ws.session.bytes_received == len(early) + len(client_frame(TEXT, b"four")) + 6


async def test_u14_early_bytes_are_bounded() -> None:
    async with open_websocket(accept=False, max_queue_bytes=100) as ws:
        await ws.peer_sends(bytes(99))
        assert ws.transport.reading
        await ws.peer_sends(b"\0")
        assert not ws.transport.reading


async def test_u14_reading_goes_on_after_accept() -> None:
    message = client_frame(BINARY, bytes(200))
    async with open_websocket(accept=False, max_queue_bytes=100) as ws:
        await ws.receive()
        await ws.peer_sends(message[:150])
        assert not ws.transport.reading
        await ws.accept()
        assert ws.transport.reading
        await ws.peer_sends(message[150:])
        assert (await ws.receive())["bytes"] == bytes(200)


async def test_u14_reading_stays_paused_when_what_came_early_fills_the_queue() -> None:
    async with open_websocket(accept=False, max_queue_bytes=100) as ws:
        await ws.receive()
        await ws.peer_sends(client_frame(BINARY, bytes(200)))
        await ws.accept()
        assert not ws.transport.reading
        await ws.receive()
        assert ws.transport.reading


async def test_g2_early_frames_are_dropped_when_the_handshake_is_refused() -> None:
    async with open_websocket(trailing=client_frame(TEXT, b"x"), accept=False) as ws:
        await ws.receive()
        await ws.peer_sends(client_frame(TEXT, b"y"))
        await ws.send(CLOSE)
        ws.session.data_received(client_frame(TEXT, b"z"))
        assert await ws.disconnected() == (1006, "")
        assert ws.session.messages_received == 0


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
            assert ws.transport.closed


# A client that leaves


@pytest.mark.parametrize("how", ["end", "loss"])
@pytest.mark.parametrize("waiting", [True, False])
async def test_g7_a_client_that_leaves_before_accept(how: str, waiting: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket(accept=False) as ws:
        await ws.receive()
        call = await ws.begin(ws.app.receive) if waiting else None
        await (ws.peer_ends() if how == "end" else ws.lose())
        assert ws.transport.closed
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


# Refusing


async def test_g2_close_before_accept_is_403_and_then_a_disconnect() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.receive()
        await ws.send(CLOSE, code=4000, reason="not for the wire")
        response = ws.taken()
        assert response.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert b"not for the wire" not in response
        assert ws.statuses == [403]
        assert ws.transport.closed
        assert not ws.transport.peer_finished
        assert not ws.session.accepted
        assert await ws.disconnected() == (1006, "")
        assert ws.session.closed_by == "application"
        with pytest.raises(ClientDisconnected):
            await ws.receive()


@pytest.mark.parametrize("kind", [ACCEPT, CLOSE, START, BODY, "websocket.send"])
async def test_g6_nothing_may_follow_a_refusal(kind: str) -> None:
    async with open_websocket(accept=False) as ws:
        await ws.send(CLOSE)
        ws.taken()
        with pytest.raises(InvalidMessageError):
            await ws.send(kind, status=200, text="x")
        assert ws.taken() == b""


# Denying with a response


async def test_g12_denial_response() -> None:
    async with open_websocket(accept=False, default_headers=lambda: [(b"server", b"wsserve")]) as ws:
        assert ws.app.scope["extensions"] == {"websocket.http.response": {}}
        await ws.receive()
        await ws.send(START, status=401, headers=[(b"WWW-Authenticate", b"Basic"), (b"x-a", b"1")])
        assert ws.transport.writes == []
        assert ws.statuses == []
        await ws.send(BODY, body=b"one ", more_body=True)
        assert ws.statuses == [401]
        assert not ws.transport.closed
        await ws.send(BODY, body=b"two")
        head, _, body = ws.taken().partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        assert lines[0] == b"http/1.1 401 unauthorized"
        assert {b"www-authenticate: basic", b"x-a: 1", b"server: wsserve", b"connection: close"} <= set(lines)
        assert body == b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"
        assert ws.statuses == [401]
        assert ws.transport.closed
        assert await ws.disconnected() == (1006, "")
        assert not ws.session.accepted


async def test_g12_headers_of_a_denial_may_be_generated() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.send(START, status=200, headers=(pair for pair in [(b"x-a", b"1")]))
        await ws.send(BODY)
        assert b"x-a: 1\r\n" in ws.taken()


@pytest.mark.parametrize("kind", [ACCEPT, CLOSE, "websocket.send", START])
@pytest.mark.parametrize("begun", [True, False])
async def test_g12_no_websocket_message_after_it(kind: str, begun: bool) -> None:
    async with open_websocket(accept=False) as ws:
        await ws.send(START, status=403)
        if begun:
            await ws.send(BODY, body=b"x", more_body=True)
        with pytest.raises(InvalidMessageError, match=r"'websocket\.http\.response\.body'"):
            await ws.send(kind, text="x", status=403)
        await ws.send(BODY, body=b"y")
        assert ws.taken().startswith(b"HTTP/1.1 403 ")


async def test_g12_receive_waits_while_the_denial_is_under_way() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.receive()
        waiting = await ws.begin(ws.app.receive)
        await ws.send(START, status=403)
        await ws.send(BODY, body=b"x", more_body=True)
        assert not waiting.done
        await ws.send(BODY)
        assert waiting.result["type"] == "websocket.disconnect"


async def test_g12_a3_denial_waits_for_room_and_wakes_on_loss(caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket(accept=False, high_water=1000) as ws:
        ws.transport.stalled = True
        await ws.send(START, status=403)
        await ws.send(BODY, body=bytes(2000), more_body=True)
        call = await ws.begin(ws.app.send, {"type": BODY, "body": b"x", "more_body": True})
        assert not call.done
        ws.transport.take()
        await settle()
        assert call.done
        assert call.error is None
        ws.transport.stalled = True
        await ws.send(BODY, body=bytes(2000), more_body=True)
        call = await ws.begin(ws.app.send, {"type": BODY, "body": b"x"})
        await ws.advance(20)
        assert ws.transport.aborted
        assert isinstance(call.error, ClientDisconnected)
        await ws.end(call.error)
    assert errors_in(caplog) == []


async def test_g12_a_client_that_ends_in_the_middle_of_a_denial() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.receive()
        await ws.send(START, status=403)
        await ws.send(BODY, body=b"x", more_body=True)
        await ws.peer_ends()
        assert await ws.disconnected() == (1006, "")
        with pytest.raises(ClientDisconnected):
            await ws.send(BODY, body=b"y")


# Applications that fail before they answer


@pytest.mark.parametrize("error", [None, ValueError("secret"), SystemExit(1), KeyboardInterrupt()], ids=repr)
async def test_g8_an_application_that_ends_without_an_answer(
    error: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_websocket(accept=False) as ws:
        await ws.end(error)
        assert_clean_500(ws)
        assert ws.statuses == [500]
        assert ws.session.closed_by == "application"
    [record] = errors_in(caplog)
    assert bool(record.exc_info) is (error is not None)


@pytest.mark.parametrize("error", [None, ValueError("secret")], ids=repr)
async def test_g8_an_application_that_ends_between_start_and_body(
    error: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_websocket(accept=False) as ws:
        await ws.send(START, status=200)
        await ws.end(error)
        assert_clean_500(ws)
        assert ws.statuses == [500]
    assert len(errors_in(caplog)) == 1


@pytest.mark.parametrize("error", [None, ValueError("secret")], ids=repr)
async def test_g8_an_application_that_ends_in_the_middle_of_a_denial(
    error: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_websocket(accept=False) as ws:
        await ws.receive()
        await ws.send(START, status=200)
        await ws.send(BODY, body=b"x", more_body=True)
        await ws.end(error)
        assert ws.transport.aborted, "nothing else says that the response is not whole"
        assert await ws.disconnected() == (1006, "")
        assert ws.statuses == [200]
    assert len(errors_in(caplog)) == 1


FAULTY_ACCEPTANCES: dict[str, dict[str, Any]] = {
    "crlf-in-subprotocol": {"subprotocol": "a\r\nx: secret"},
    "subprotocol-not-offered": {"subprotocol": "secret"},
    "subprotocol-no-str": {"subprotocol": b"a"},
    "crlf-in-value": {"headers": [(b"x", b"a\r\nsecret: b")]},
    "nul-in-value": {"headers": [(b"x", b"secret\0")]},
    "name-no-token": {"headers": [(b"se cret", b"")]},
    "name-str": {"headers": [("secret", b"")]},
    "no-pairs": {"headers": b"secret"},
    **{
        name: {"headers": [(name.encode(), b"secret")]}
        for name in (
            "Sec-WebSocket-Accept",
            "sec-websocket-protocol",
            "sec-websocket-extensions",
            "connection",
            "upgrade",
            "content-length",
            "transfer-encoding",
        )
    },
}


@pytest.mark.parametrize("fault", FAULTY_ACCEPTANCES)
async def test_u17_a_faulty_accept_raises_and_the_client_gets_a_500(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_websocket(b"Sec-WebSocket-Protocol: a", accept=False) as ws:
        with pytest.raises((InvalidMessageError, LocalProtocolError)) as caught:
            await ws.send(ACCEPT, **FAULTY_ACCEPTANCES[fault])
        assert ws.transport.writes == []
        await ws.end(caught.value)
        assert_clean_500(ws)
        assert ws.runtime.pending == []
    assert len(errors_in(caplog)) == 1


async def test_u17_an_application_may_try_again_after_a_faulty_accept() -> None:
    async with open_websocket(accept=False) as ws:
        with pytest.raises(LocalProtocolError):
            await ws.send(ACCEPT, subprotocol="none offered")
        await ws.accept()
        await ws.peer_sends(client_frame(PING, b"x"))
        assert ws.frames() == [(PONG, b"x")]


@pytest.mark.parametrize("name", [b"x\r\n", b"", b"content length"])
async def test_u17_a_faulty_denial_raises_and_the_client_gets_a_500(
    name: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_websocket(accept=False) as ws:
        await ws.send(START, status=200, headers=[(name, b"secret")])
        with pytest.raises(LocalProtocolError) as caught:
            await ws.send(BODY, body=b"secret")
        await ws.end(caught.value)
        assert_clean_500(ws)


@pytest.mark.parametrize(
    "kind", ["websocket.send", BODY, "websocket.foo", None, "http.response.start", "WEBSOCKET.ACCEPT"]
)
async def test_g6_anything_else_before_accept_raises(kind: str | None) -> None:
    async with open_websocket(accept=False) as ws:
        with pytest.raises(InvalidMessageError, match=r"'websocket\.accept'"):
            await ws.send_message({"type": kind, "text": "x"})
        with pytest.raises(InvalidMessageError):
            await ws.send_message({})
        await ws.accept()


# Shutdown


async def test_a15_shutdown_before_the_answer_is_503() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.receive()
        ws.session.shutdown()
        response = ws.taken()
        assert response.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: " in response.lower()
        assert ws.statuses == [503]
        assert ws.transport.closed
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
