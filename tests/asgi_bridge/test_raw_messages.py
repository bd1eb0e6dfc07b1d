"""Raw ASGI messages through a WebSocket, and denial responses."""

from collections.abc import AsyncIterator
from enum import IntEnum
from http import HTTPStatus
from typing import Any

import pytest
from lilya.responses import PlainText
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse

from tests.asgi_bridge.double import GoneError, Server, disconnect, states
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect, WebSocketRuntimeError
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.websocket import WebSocketState

pytestmark = pytest.mark.anyio

CONNECTING, CONNECTED, DISCONNECTED, RESPONSE = WebSocketState


async def test_l36_raw_send_keeps_the_states() -> None:
    server = Server()
    websocket = server.websocket()
    await websocket.receive()
    await websocket.send({"type": "websocket.accept"})
    assert websocket.application_state is CONNECTED
    await websocket.send({"type": "websocket.send", "text": None, "bytes": b"a", "more": 1})
    await websocket.send({"type": "websocket.close", "extra": 1})
    assert websocket.application_state is DISCONNECTED
    assert server.sent == [
        {"type": "websocket.accept", "subprotocol": None, "headers": []},
        {"type": "websocket.send", "text": None, "bytes": b"a", "more": 1},
        {"type": "websocket.close", "code": 1000, "reason": "", "extra": 1},
    ]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "websocket.send"}, InvalidMessageError),
        ({"type": "websocket.send", "text": "a", "bytes": b"a"}, InvalidMessageError),
        ({"type": "websocket.send", "text": b"a"}, InvalidMessageError),
        ({"type": "websocket.close", "code": 1005}, ValueError),
        ({"type": "websocket.close", "reason": b"a"}, TypeError),
        ({"type": "websocket.accept"}, WebSocketRuntimeError),
        ({"type": "websocket.http.response.start", "status": 403}, WebSocketRuntimeError),
        ({"type": "http.response.start", "status": 403}, WebSocketRuntimeError),
        ({"type": "websocket.receive"}, WebSocketRuntimeError),
        ({}, WebSocketRuntimeError),
    ],
)
async def test_l36_raw_send_is_checked(message: Any, error: type[Exception]) -> None:
    server = Server()
    websocket = await server.accepted()
    with pytest.raises(error):
        await websocket.send(message)
    assert server.sent == []
    assert states(websocket) == (CONNECTED, CONNECTED)


async def test_l36_raw_close_when_the_client_has_left() -> None:
    server = Server(disconnect())
    websocket = await server.accepted()
    await websocket.receive()
    await websocket.send({"type": "websocket.close", "code": 1000})
    assert server.sent == []
    with pytest.raises(WebSocketRuntimeError):
        await websocket.send({"type": "websocket.close", "code": 1000})


async def test_g12_denial_response() -> None:
    server = Server()
    websocket = server.websocket()
    await websocket.send_denial_response(401, "who?", {"WWW-Authenticate": "Basic"})
    assert server.sent == [
        {
            "type": "websocket.http.response.start",
            "status": 401,
            "headers": [
                (b"www-authenticate", b"Basic"),
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", b"4"),
            ],
        },
        {"type": "websocket.http.response.body", "body": b"who?"},
    ]
    assert websocket.application_state is DISCONNECTED
    assert websocket.close_code == 1006
    with pytest.raises(WebSocketRuntimeError):
        await websocket.accept()


class Code(IntEnum):
    LEFT = 4001


@pytest.mark.parametrize("raw", [True, False])
async def test_g12_numbers_of_enumerations_become_plain_ints(raw: bool) -> None:
    denying, closing = Server(), Server()
    denied, closed = denying.websocket(), await closing.accepted()
    if raw:
        await denied.send({"type": "websocket.http.response.start", "status": HTTPStatus.UNAUTHORIZED})
        await closed.send({"type": "websocket.close", "code": Code.LEFT})
    else:
        await denied.send_denial_response(HTTPStatus.UNAUTHORIZED)
        await closed.close(Code.LEFT)
    status, code = denying.sent[0]["status"], closing.sent[0]["code"]
    assert [(type(number), number) for number in (status, code)] == [(int, 401), (int, 4001)]


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({}, [(b"content-length", b"0")]),
        ({"body": b"ab"}, [(b"content-length", b"2")]),
        ({"status": 304}, []),
        (
            {"body": "a", "headers": {"Content-Type": "a/b", "Content-Length": "1"}},
            [(b"content-type", b"a/b"), (b"content-length", b"1")],
        ),
    ],
)
async def test_g12_denial_headers(arguments: Any, headers: object) -> None:
    server = Server()
    await server.websocket().send_denial_response(**arguments)
    assert server.sent[0]["headers"] == headers


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"status": 101}, ValueError),
        ({"status": "403"}, ValueError),
        ({"status": True}, ValueError),
        ({"status": 600}, ValueError),
        ({"body": 5}, TypeError),
        ({"headers": {"a": "\n"}}, ValueError),
    ],
)
async def test_g12_faulty_denial_sends_nothing(arguments: Any, error: type[Exception]) -> None:
    server = Server()
    with pytest.raises(error):
        await server.websocket().send_denial_response(**arguments)
    assert server.sent == []


RESPONSES = [Response, PlainTextResponse, PlainText, JSONResponse]


@pytest.mark.parametrize("response", RESPONSES)
async def test_l36_a_whole_response_is_a_denial(response: Any) -> None:
    server = Server()
    await server.websocket().send_denial_response(response("no", status_code=409, headers={"x-a": "b"}))
    start, body = server.sent
    assert (start["type"], body["type"]) == ("websocket.http.response.start", "websocket.http.response.body")
    assert (start["status"], body["body"].strip(b'"')) == (409, b"no")
    assert (b"x-a", b"b") in start["headers"]


async def test_l36_a_response_comes_in_pieces() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"n"
        yield b"o"

    server = Server()
    websocket = server.websocket()
    await websocket.send_denial_response(StreamingResponse(pieces(), 409))
    assert b"".join(message.get("body", b"") for message in server.sent) == b"no"
    assert websocket.application_state is DISCONNECTED


@pytest.mark.parametrize("response", RESPONSES)
async def test_l36_a_response_is_refused_where_a_denial_is(response: Any) -> None:
    server = Server(extensions=None)
    await server.websocket().send_denial_response(response("no"))
    assert server.sent_types == ["close"]
    websocket = await Server().accepted()
    with pytest.raises(WebSocketRuntimeError):
        await websocket.send_denial_response(response("no"))
    server = Server()
    server.error = GoneError()
    with pytest.raises(WebSocketDisconnect):
        await server.websocket().send_denial_response(response("no"))


async def test_g12_denial_without_the_extension_is_a_close() -> None:
    for extensions in (dict[str, Any](), None):
        server = Server(extensions=extensions)
        await server.websocket().send_denial_response(401)
        assert server.sent_types == ["close"]


async def test_g12_denial_when_it_is_too_late() -> None:
    server = Server()
    websocket = await server.accepted()
    with pytest.raises(WebSocketRuntimeError):
        await websocket.send_denial_response()
    server = Server()
    server.error = GoneError()
    with pytest.raises(WebSocketDisconnect):
        await server.websocket().send_denial_response()


async def test_l36_raw_denial_in_pieces() -> None:
    server = Server()
    websocket = server.websocket()
    await websocket.send({"type": "websocket.http.response.start", "status": 403, "headers": []})
    assert websocket.application_state is RESPONSE
    with pytest.raises(WebSocketRuntimeError, match=r"in the state RESPONSE, only 'websocket.http.response.body'"):
        await websocket.close()
    await websocket.send({"type": "websocket.http.response.body", "body": b"a", "more_body": True})
    assert websocket.application_state is RESPONSE
    await websocket.send({"type": "websocket.http.response.body", "body": b"b"})
    assert websocket.application_state is DISCONNECTED
    with pytest.raises(WebSocketRuntimeError):
        await websocket.send({"type": "websocket.http.response.body", "body": b"c"})


async def test_l36_raw_denial_is_checked() -> None:
    websocket = Server().websocket()
    with pytest.raises(InvalidMessageError):
        await websocket.send({"type": "websocket.http.response.start"})
    await websocket.send({"type": "websocket.http.response.start", "status": 403})
    with pytest.raises(InvalidMessageError):
        await websocket.send({"type": "websocket.http.response.body", "body": "text"})
