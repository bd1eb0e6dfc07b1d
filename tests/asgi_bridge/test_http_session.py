"""A plain request and its response: body in, body out, and the bounds of both (G15, A3, U15)."""

from typing import Any

import pytest

from tests.asgi_bridge.exchanges import HttpExchange, errors_in, open_http
from tests.asgi_bridge.memory import settle
from tests.codec.http_feeds import head
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.types import Message

pytestmark = pytest.mark.anyio

START = "http.response.start"
BODY = "http.response.body"
DISCONNECT = {"type": "http.disconnect"}


def post(length: int, *lines: bytes) -> bytes:
    return head(b"Content-Length: %d" % length, *lines, request_line=b"POST /x HTTP/1.1")


def request(body: bytes = b"", more_body: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more_body}


async def respond(http: HttpExchange, status: int = 200, body: bytes = b"hello", **content: Any) -> None:
    await http.send(START, status=status, **content)
    await http.send(BODY, body=body)


# A request and its response


async def test_g15_a_request_without_body() -> None:
    async with open_http() as http:
        assert http.runtime.running == ["http /chat"]
        assert await http.receive() == request()
        waiting = await http.begin(http.app.receive)
        assert not waiting.is_done()
        await respond(http)
        assert http.session.has_begun
        assert http.taken().endswith(b"\r\ncontent-length: 5\r\n\r\nhello")
        assert waiting.result == DISCONNECT
        assert await http.receive() == DISCONNECT
        assert http.ends == [True]
        assert http.statuses == [200]
        await http.end()
        assert not http.transport.is_closed()


async def test_g15_a_body_in_parts() -> None:
    async with open_http(post(8)) as http:
        waiting = await http.begin(http.app.receive)
        await http.peer_sends(b"one")
        assert waiting.result == request(b"one", True)
        waiting = await http.begin(http.app.receive)
        await http.peer_sends(b"three")
        assert waiting.result == request(b"three", True) or waiting.result == request(b"three")
        if waiting.result["more_body"]:
            assert await http.receive() == request()
        await respond(http)
        assert http.ends == [True]


async def test_g15_parts_that_wait_are_joined() -> None:
    async with open_http(post(9)) as http:
        for part in (b"one", b"two", b"six"):
            await http.peer_sends(part)
        assert await http.receive() == request(b"onetwosix")


async def test_g15_chunks_in_and_out() -> None:
    async with open_http(head(b"Transfer-Encoding: chunked", request_line=b"POST / HTTP/1.1")) as http:
        await http.peer_sends(b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n")
        assert await http.receive() == request(b"onethree")
        await http.send(START, status=200)
        await http.send(BODY, body=b"a", more_body=True)
        assert http.ends == []
        await http.send(BODY, body=b"b", more_body=False)
        assert http.taken().endswith(b"\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
        assert http.ends == [True]


async def test_g15_receive_wakes_at_the_end_of_the_chunks() -> None:
    async with open_http(head(b"Transfer-Encoding: chunked", request_line=b"POST / HTTP/1.1")) as http:
        await http.peer_sends(b"3\r\none\r\n")
        assert await http.receive() == request(b"one", True)
        waiting = await http.begin(http.app.receive)
        await http.peer_sends(b"0\r\n\r\n")
        assert waiting.result == request()


async def test_g15_head_has_no_body() -> None:
    async with open_http(head(request_line=b"HEAD / HTTP/1.1")) as http:
        await respond(http, headers=[(b"content-length", b"5")])
        assert http.taken().endswith(b"content-length: 5\r\n\r\n")
        assert http.ends == [True]


async def test_default_headers_and_status() -> None:
    async with open_http(default_headers=lambda: [(b"server", b"wsserve")]) as http:
        await respond(http, 404)
        assert http.taken().startswith(b"HTTP/1.1 404 Not Found\r\nserver: wsserve\r\n")
        assert http.statuses == [404]


async def test_an_unread_body_ends_the_connections_use() -> None:
    async with open_http(post(10)) as http:
        await http.peer_sends(b"half")
        await respond(http)
        assert http.ends == [False]


async def test_a_whole_body_that_the_app_has_not_read_does_not() -> None:
    async with open_http(post(4)) as http:
        await http.peer_sends(b"full")
        await respond(http)
        assert http.ends == [True]
        assert await http.receive() == DISCONNECT


# Expect: 100-continue


async def test_g15_continue_is_sent_when_the_app_asks_for_the_body() -> None:
    async with open_http(post(3, b"Expect: 100-continue")) as http:
        assert http.taken() == b""
        waiting = await http.begin(http.app.receive)
        assert http.taken() == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert not http.session.has_begun
        other = await http.begin(http.app.receive)
        assert http.taken() == b"", "once"
        other.scope.cancel()
        await http.peer_sends(b"one")
        assert waiting.is_done()
        waiting = await http.begin(http.app.receive)
        assert http.taken() == b"", "once"
        await respond(http)
        assert http.ends == [True]


async def test_g15_no_continue_for_a_body_that_is_there() -> None:
    async with open_http(post(6, b"Expect: 100-continue")) as http:
        await http.peer_sends(b"one")
        await http.receive()
        await http.begin(http.app.receive)
        assert http.taken() == b""


async def test_g15_continue_when_the_start_is_not_on_the_wire() -> None:
    async with open_http(post(3, b"Expect: 100-continue")) as http:
        await http.send(START, status=200)
        await http.begin(http.app.receive)
        assert http.taken() == b"HTTP/1.1 100 Continue\r\n\r\n"


async def test_g15_no_continue_once_the_response_has_begun() -> None:
    async with open_http(post(3, b"Expect: 100-continue")) as http:
        await http.send(START, status=413)
        await http.send(BODY, more_body=True)
        assert http.taken().startswith(b"HTTP/1.1 413 ")
        waiting = await http.begin(http.app.receive)
        assert http.taken() == b""
        assert not waiting.is_done()
        await http.send(BODY)
        assert http.ends == [False]


async def test_g15_no_continue_for_a_client_that_has_ended() -> None:
    async with open_http(post(3, b"Expect: 100-continue")) as http:
        await http.peer_ends()
        assert await http.receive() == DISCONNECT
        assert http.taken() == b""


# Backpressure


async def test_body_crosses_max_queue_bytes_by_one() -> None:
    async with open_http(post(300), max_queue_bytes=100) as http:
        await http.peer_sends(bytes(99))
        assert http.transport.is_reading()
        await http.peer_sends(b"\0")
        assert not http.transport.is_reading()
        assert await http.receive() == request(bytes(100), True)
        assert http.transport.is_reading()


async def test_reading_is_not_resumed_behind_a_complete_body() -> None:
    """What comes then is the next request, and the connection's business."""
    async with open_http(post(200), max_queue_bytes=100) as http:
        await http.peer_sends(bytes(200))
        assert not http.transport.is_reading()
        assert await http.receive() == request(bytes(200))
        assert not http.transport.is_reading()


async def test_a3_send_waits_for_room() -> None:
    async with open_http(high_water=1000) as http:
        http.transport.stalled = True
        await http.send(START, status=200)
        await http.send(BODY, body=bytes(2000), more_body=True)
        call = await http.begin(http.app.send, {"type": BODY, "body": b"x"})
        assert not call.is_done()
        http.transport.take()
        await settle()
        assert call.is_done()
        assert http.ends == [True]


async def test_a3_a_sender_that_is_never_blocked_gives_the_others_their_turn() -> None:
    async def flood() -> None:
        await http.app.send({"type": START, "status": 200})
        while True:
            await http.app.send({"type": BODY, "body": b"x", "more_body": True})

    async with open_http() as http:
        call = await http.begin(flood)
        assert not call.is_done()
        call.scope.cancel()


async def test_a3_no_progress_aborts(caplog: pytest.LogCaptureFixture) -> None:
    async with open_http(write_timeout=20) as http:
        http.transport.stalled = True
        await http.send(START, status=200)
        await http.send(BODY, body=bytes(2000), more_body=True)
        call = await http.begin(http.app.send, {"type": BODY, "body": b"x"})
        await http.advance(20)
        assert http.transport.is_aborted()
        assert isinstance(call.error, ClientDisconnected)
        assert await http.receive() == DISCONNECT
        await http.end(call.error)
        assert http.ends == []
    assert errors_in(caplog) == []


async def test_u15_the_next_request_waits_until_the_client_takes_the_response() -> None:
    """Or pipelined requests whose responses nobody reads would pile them up."""
    async with open_http(high_water=1000) as http:
        http.transport.stalled = True
        await respond(http, body=bytes(5000))
        assert http.ends == []
        assert await http.receive() == DISCONNECT, "for the application it is over"
        with pytest.raises(InvalidMessageError):
            await http.send(START, status=200)
        http.transport.take(1000)
        assert http.ends == []
        http.transport.take()
        assert http.ends == [True]
        assert http.runtime.pending == []


async def test_u15_a_response_that_is_never_taken_is_given_up() -> None:
    async with open_http(high_water=1000, write_timeout=20) as http:
        http.transport.stalled = True
        await respond(http, body=bytes(5000))
        await http.end()
        http.transport.take(1)
        await http.advance(20)
        assert not http.transport.is_aborted()
        await http.advance(20)
        assert http.transport.is_aborted()
        assert http.ends == []


async def test_room_in_the_middle_of_a_response_does_not_end_it() -> None:
    async with open_http(high_water=1000) as http:
        http.transport.stalled = True
        await http.send(START, status=200)
        await http.send(BODY, body=bytes(5000), more_body=True)
        http.transport.take()
        assert http.ends == []
        await http.send(BODY)
        assert http.ends == [True]
