"""A plain request and its response: body in, body out, and applications that fail (G4, G6, G8, G15, A3, A20)."""

import logging
from typing import Any

import pytest

from tests.asgi_bridge.memory import LOGGER, HttpExchange, errors_in, open_http, settle
from tests.codec.http_feeds import head
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.types import Message, Receive, Scope, Send
from wsserve.codec.errors import LocalProtocolError

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
        assert not waiting.done
        assert not http.session.has_begun
        await respond(http)
        assert http.session.has_begun
        assert http.taken().endswith(b"\r\ncontent-length: 5\r\n\r\nhello")
        assert waiting.result == DISCONNECT
        assert await http.receive() == DISCONNECT
        assert http.ends == [True]
        assert http.statuses == [200]
        await http.end()
        assert not http.transport.closed


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
        await http.peer_sends(b"one")
        assert waiting.done
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


async def test_g15_no_continue_once_the_response_has_started() -> None:
    async with open_http(post(3, b"Expect: 100-continue")) as http:
        await http.send(START, status=413)
        await http.begin(http.app.receive)
        assert http.taken() == b""
        await http.send(BODY)
        assert http.taken().startswith(b"HTTP/1.1 413 ")
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
        assert http.transport.reading
        await http.peer_sends(b"\0")
        assert not http.transport.reading
        assert await http.receive() == request(bytes(100), True)
        assert http.transport.reading


async def test_reading_is_not_resumed_behind_a_complete_body() -> None:
    """What comes then is the next request, and the connection's business."""
    async with open_http(post(200), max_queue_bytes=100) as http:
        await http.peer_sends(bytes(200))
        assert not http.transport.reading
        assert await http.receive() == request(bytes(200))
        assert not http.transport.reading


async def test_a3_send_waits_for_room() -> None:
    async with open_http(high_water=1000) as http:
        http.transport.stalled = True
        await http.send(START, status=200)
        await http.send(BODY, body=bytes(2000), more_body=True)
        call = await http.begin(http.app.send, {"type": BODY, "body": b"x"})
        assert not call.done
        http.transport.take()
        await settle()
        assert call.done
        assert http.ends == [True]


async def test_a3_no_progress_aborts(caplog: pytest.LogCaptureFixture) -> None:
    async with open_http(write_timeout=20) as http:
        http.transport.stalled = True
        await http.send(START, status=200)
        await http.send(BODY, body=bytes(2000), more_body=True)
        call = await http.begin(http.app.send, {"type": BODY, "body": b"x"})
        await http.advance(20)
        assert http.transport.aborted
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
        assert not http.transport.aborted
        await http.advance(20)
        assert http.transport.aborted
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


# The client leaves


async def test_g4_send_after_loss_raises_an_oserror(caplog: pytest.LogCaptureFixture) -> None:
    async with open_http() as http:
        waiting = await http.begin(http.app.receive)
        assert waiting.result == request()
        waiting = await http.begin(http.app.receive)
        await http.lose()
        assert waiting.result == DISCONNECT
        await http.send(START, status=200)
        with pytest.raises(OSError, match="closed the connection") as caught:
            await http.send(BODY)
        assert isinstance(caught.value, ClientDisconnected)
        await http.end(ExceptionGroup("tasks", [caught.value]))
        assert http.statuses == []
        assert http.ends == []
    assert errors_in(caplog) == []


async def test_a_client_that_is_lost_in_the_middle_of_its_body() -> None:
    async with open_http(post(10)) as http:
        await http.peer_sends(b"half")
        await http.lose()
        assert await http.receive() == DISCONNECT


async def test_a_client_that_ends_in_the_middle_of_its_body(caplog: pytest.LogCaptureFixture) -> None:
    async with open_http(post(10)) as http:
        await http.peer_sends(b"half")
        await http.peer_ends()
        assert await http.receive() == request(b"half", True)
        assert await http.receive() == DISCONNECT
        assert await http.receive() == DISCONNECT
        await http.end()
        assert http.taken().startswith(b"HTTP/1.1 500 ")
    assert errors_in(caplog) == [], "it returned because the client is gone"


@pytest.mark.parametrize("body", [b"", b"full"])
async def test_a_client_that_only_finishes_sending_gets_its_response(body: bytes) -> None:
    """As nc does, and others that close their half behind the request."""
    async with open_http(post(len(body)) + body) as http:
        await http.peer_ends()
        assert await http.receive() == request(body)
        assert await http.receive() == DISCONNECT
        await respond(http)
        assert http.taken().endswith(b"hello")
        assert len(http.ends) == 1


async def test_receive_wakes_when_the_client_ends() -> None:
    async with open_http() as http:
        await http.receive()
        waiting = await http.begin(http.app.receive)
        await http.peer_ends()
        assert waiting.result == DISCONNECT


async def test_an_application_that_returns_after_the_loss_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with open_http() as http:
        await http.lose()
        await http.end()
        assert http.transport.writes == []
    assert errors_in(caplog) == []


# Order and types


@pytest.mark.parametrize("kind", ["http.disconnect", "websocket.accept", "http.response.trailers", None, b"x"])
async def test_g6_an_unknown_message_raises(kind: object) -> None:
    async with open_http() as http:
        with pytest.raises(InvalidMessageError, match=r"'http\.response\.start' or 'http\.response\.body'"):
            await http.send_message({"type": kind})
        await respond(http)


async def test_g6_body_before_start_raises() -> None:
    async with open_http() as http:
        with pytest.raises(InvalidMessageError):
            await http.send(BODY)
        await respond(http)


async def test_g6_nothing_may_follow_a_complete_response() -> None:
    async with open_http() as http:
        await respond(http)
        http.taken()
        for kind in (START, BODY):
            with pytest.raises(InvalidMessageError):
                await http.send(kind, status=200)
        assert http.taken() == b""
        assert http.ends == [True]


# Applications that fail


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("error", [None, ValueError("secret"), SystemExit(1), KeyboardInterrupt()], ids=repr)
async def test_g8_an_application_that_ends_without_a_response(
    error: BaseException | None, started: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_http() as http:
        await http.receive()
        waiting = await http.begin(http.app.receive)
        if started:
            await http.send(START, status=200)
        await http.end(error)
        response = http.taken()
        assert response.startswith(b"HTTP/1.1 500 ")
        assert b"\r\nConnection: close\r\n" in response
        assert b"secret" not in response
        assert http.statuses == [500]
        assert http.ends == [False]
        assert waiting.result == DISCONNECT, "a task that it left behind does not hang"
        await http.send(START, status=200) if not started else None
        with pytest.raises(ClientDisconnected):
            await http.send(BODY)
        assert http.taken() == b""
    [record] = errors_in(caplog)
    assert bool(record.exc_info) is (error is not None)


@pytest.mark.parametrize("error", [None, ValueError("secret")], ids=repr)
async def test_g8_an_application_that_ends_in_the_middle_of_its_response(
    error: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_http() as http:
        await http.send(START, status=200)
        await http.send(BODY, body=b"half", more_body=True)
        await http.end(error)
        assert http.transport.aborted, "nothing else says that the response is not whole"
        assert not http.taken().endswith(b"0\r\n\r\n")
        assert http.statuses == [200]
        assert http.ends == [False]
    assert len(errors_in(caplog)) == 1


async def test_g8_an_error_behind_a_complete_response_is_logged_only(caplog: pytest.LogCaptureFixture) -> None:
    async with open_http() as http:
        await respond(http)
        await http.end(ValueError("x"))
        assert http.ends == [True]
        assert not http.transport.closed
    assert len(errors_in(caplog)) == 1


@pytest.mark.parametrize(
    "headers",
    [[(b"x", b"a\r\nb: c")], [(b"a b", b"c")], [(b"content-length", b"7")]],
    ids=["crlf", "no-token", "length"],
)
async def test_u17_a_faulty_response_raises_and_the_client_gets_a_500(headers: object) -> None:
    async with open_http() as http:
        await http.send(START, status=200, headers=headers)
        with pytest.raises(LocalProtocolError) as caught:
            await http.send(BODY, body=b"hello")
        assert http.transport.writes == []
        await http.end(caught.value)
        assert http.taken().startswith(b"HTTP/1.1 500 ")


async def test_a14_an_application_that_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    async with open_http() as http:
        http.runtime.cancel()
        await http.after_abort()
        assert http.transport.aborted
        assert http.runtime.running == []
    assert errors_in(caplog) == []


async def test_a_callback_of_the_server_that_fails_ends_only_this_connection(caplog: pytest.LogCaptureFixture) -> None:
    def on_status(status: int) -> None:
        raise RuntimeError("disk full")

    async with open_http(on_status=on_status) as http:
        await http.end(ValueError("x"))
        await http.after_abort()
        assert http.transport.aborted
    assert len(errors_in(caplog)) == 2


async def test_a_scope_that_the_application_has_emptied(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope.clear()
        raise ValueError("x")

    async with open_http(app=app) as http:
        assert http.taken().startswith(b"HTTP/1.1 500 ")
    [record] = errors_in(caplog)
    assert record.getMessage() == "Exception in the application on '/chat'"


async def test_nothing_is_logged_about_a_good_request(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER):
        async with open_http() as http:
            await respond(http)
            await http.end()
    assert caplog.records == []
