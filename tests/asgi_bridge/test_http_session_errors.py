"""Plain requests that go wrong: clients that leave, applications that fail (G4, G6, G8, A20, U17)."""

import logging
from typing import Any

import pytest

from tests.asgi_bridge.exchanges import LOGGER, HttpExchange, errors_in, open_http
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
        assert http.transport.is_aborted(), "nothing else says that the response is not whole"
        assert not http.taken().endswith(b"0\r\n\r\n")
        assert http.statuses == [200]
        assert http.ends == [False]
    assert len(errors_in(caplog)) == 1


async def test_g8_an_error_behind_a_complete_response_is_logged_only(caplog: pytest.LogCaptureFixture) -> None:
    async with open_http() as http:
        await respond(http)
        await http.end(ValueError("x"))
        assert http.ends == [True]
        assert not http.transport.is_closed()
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
        assert http.transport.is_aborted()
        assert http.runtime.running == []
    assert errors_in(caplog) == []


async def test_a_callback_of_the_server_that_fails_ends_only_this_connection(caplog: pytest.LogCaptureFixture) -> None:
    def on_status(status: int) -> None:
        raise RuntimeError("disk full")

    async with open_http(on_status=on_status) as http:
        await http.end(ValueError("x"))
        await http.after_abort()
        assert http.transport.is_aborted()
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
