"""Handshakes that are not accepted: refused, denied with a response, or failed (G2, G8, G12, U17)."""

from typing import Any

import pytest

from tests.asgi_bridge.exchanges import WebSocketExchange, errors_in, open_websocket
from tests.asgi_bridge.memory import settle
from tests.codec.frames import PING, PONG, client_frame
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.codec.errors import LocalProtocolError

pytestmark = pytest.mark.anyio

ACCEPT = "websocket.accept"
CLOSE = "websocket.close"
START = "websocket.http.response.start"
BODY = "websocket.http.response.body"


def assert_clean_500(ws: WebSocketExchange) -> None:
    """The client has got one complete response and nothing of what went wrong."""
    response = ws.taken()
    assert response.startswith(b"HTTP/1.1 500 ")
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert b"\r\nContent-Length: %d\r\n" % len(body) in head + b"\r\n"
    assert b"secret" not in response
    assert ws.transport.is_closed()
    assert not ws.transport.is_aborted()


# Refusing


async def test_g2_close_before_accept_is_403_and_then_a_disconnect() -> None:
    async with open_websocket(accept=False) as ws:
        await ws.receive()
        await ws.send(CLOSE, code=4000, reason="not for the wire")
        response = ws.taken()
        assert response.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert b"not for the wire" not in response
        assert ws.statuses == [403]
        assert ws.transport.is_closed()
        assert not ws.session.accepted
        assert await ws.disconnected() == (1006, "")
        ws.session.eof_received()
        assert ws.session.closed_by == "application"
        with pytest.raises(ClientDisconnected):
            await ws.receive()


@pytest.mark.parametrize("content", [{"code": 1008, "reason": [{"loc": ["path"]}]}, {"reason": b"x"}, {"code": 1005}])
async def test_g2_code_and_reason_of_a_close_before_accept_do_not_matter(content: dict[str, Any]) -> None:
    async with open_websocket(accept=False) as ws:
        await ws.send(CLOSE, **content)
        assert ws.taken().startswith(b"HTTP/1.1 403 ")
    async with open_websocket(accept=False) as ws:
        await ws.lose()
        await ws.send(CLOSE, **content)
    async with open_websocket() as ws:
        with pytest.raises((InvalidMessageError, LocalProtocolError)):
            await ws.send(CLOSE, **content)
        assert ws.taken() == b""


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
        assert not ws.transport.is_closed()
        await ws.send(BODY, body=b"two")
        head, _, body = ws.taken().partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        assert lines[0] == b"http/1.1 401 unauthorized"
        assert {b"www-authenticate: basic", b"x-a: 1", b"server: wsserve", b"connection: close"} <= set(lines)
        assert body == b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"
        assert ws.statuses == [401]
        assert ws.transport.is_closed()
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
        assert not waiting.is_done()
        await ws.send(BODY)
        assert waiting.result["type"] == "websocket.disconnect"


async def test_g12_a3_denial_waits_for_room_and_wakes_on_loss(caplog: pytest.LogCaptureFixture) -> None:
    async with open_websocket(accept=False, high_water=1000) as ws:
        ws.transport.stalled = True
        await ws.send(START, status=403)
        await ws.send(BODY, body=bytes(2000), more_body=True)
        call = await ws.begin(ws.app.send, {"type": BODY, "body": b"x", "more_body": True})
        assert not call.is_done()
        ws.transport.take()
        await settle()
        assert call.is_done()
        assert call.error is None
        ws.transport.stalled = True
        await ws.send(BODY, body=bytes(2000), more_body=True)
        call = await ws.begin(ws.app.send, {"type": BODY, "body": b"x"})
        await ws.advance(20)
        assert ws.transport.is_aborted()
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
        assert ws.transport.is_aborted(), "nothing else says that the response is not whole"
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
