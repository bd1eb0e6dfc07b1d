"""How middleware answers in place of the application."""

from collections.abc import Callable

import pytest
from lilya.responses import PlainText
from starlette.responses import PlainTextResponse

from tests.asgi_bridge.double import GoneError, Server
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.middleware.refusal import refuse, respond
from wsserve.asgi_bridge.types import ASGIApp

pytestmark = pytest.mark.anyio


async def test_an_http_request_gets_a_response() -> None:
    server = Server(type="http")
    await refuse(server.scope, server.receive, server.send, 429, "later\n", {"Retry-After": "1"})
    assert server.sent == [
        {
            "type": "http.response.start",
            "status": 429,
            "headers": [
                (b"retry-after", b"1"),
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", b"6"),
            ],
        },
        {"type": "http.response.body", "body": b"later\n"},
    ]


async def test_a_handshake_is_denied() -> None:
    server = Server()
    await refuse(server.scope, server.receive, server.send, 400, "no\n")
    assert server.sent_types == ["http.response.start", "http.response.body"]
    assert server.sent[0]["status"] == 400


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_body_of_bytes_has_the_type_that_is_given(kind: str) -> None:
    server = Server(type=kind)
    await refuse(server.scope, server.receive, server.send, 422, b"{}", {"content-type": "application/json"})
    assert server.sent[0]["headers"] == [(b"content-type", b"application/json"), (b"content-length", b"2")]
    assert server.sent[1]["body"] == b"{}"


async def test_without_the_extension_a_handshake_is_closed() -> None:
    server = Server(extensions=None)
    await refuse(server.scope, server.receive, server.send, 400, "no\n")
    assert server.sent_types == ["close"]


async def test_a_client_that_has_left_is_no_error() -> None:
    server = Server()
    server.error = GoneError()
    await refuse(server.scope, server.receive, server.send, 400, "no\n")
    assert server.sent == []


RESPONSES = pytest.mark.parametrize("response", [Response, PlainTextResponse, PlainText])


@RESPONSES
async def test_a_response_of_any_framework_is_a_denial(response: Callable[..., ASGIApp]) -> None:
    server = Server()
    await respond(response("no", status_code=409), server.scope, server.receive, server.send)
    assert server.sent_types == ["http.response.start", "http.response.body"]
    assert (server.sent[0]["status"], server.sent[1]["body"]) == (409, b"no")


@RESPONSES
async def test_a_response_of_any_framework_answers_a_request(response: Callable[..., ASGIApp]) -> None:
    server = Server(type="http")
    await respond(response("no", status_code=409), server.scope, server.receive, server.send)
    assert [message["type"] for message in server.sent] == ["http.response.start", "http.response.body"]


async def test_a_response_that_cannot_be_a_denial_is_a_close() -> None:
    server = Server(extensions=None)
    await respond(Response("no", 409), server.scope, server.receive, server.send)
    assert server.sent_types == ["close"]


async def test_a_response_for_a_client_that_has_left_is_no_error() -> None:
    server = Server()
    server.error = GoneError()
    await respond(Response("no", 409), server.scope, server.receive, server.send)
    assert server.sent == []
