"""Plain HTTP requests of the test clients."""

import json
from typing import Any

import anyio
import pytest

from tests.asgi_bridge.testing.apps import sending
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
from wsserve.asgi_bridge.testing.exceptions import ApplicationEndedError
from wsserve.asgi_bridge.testing.response import MAX_BODY_BYTES
from wsserve.asgi_bridge.types import Message, Receive, Scope, Send
from wsserve.codec.errors import LocalProtocolError

pytestmark = pytest.mark.anyio

START: Message = {"type": "http.response.start", "status": 200}
BODY: Message = {"type": "http.response.body"}


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what was asked."""
    message = await receive()
    asked = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": {name.decode(): value.decode() for name, value in scope["headers"]},
        "body": message["body"].decode(),
        "more": message["more_body"],
    }
    await send({**START, "headers": [(b"Content-Type", b"application/json")]})
    await send({**BODY, "body": json.dumps(asked).encode()[:10], "more_body": True})
    await send({**BODY, "body": json.dumps(asked).encode()[10:]})
    assert await receive() == {"type": "http.disconnect"}


async def test_a_request_and_its_response() -> None:
    response = await AsyncTestClient(mirror, headers={"x-a": "1"}).get("/x?y", headers={"x-b": "2"}, cookies={"c": "3"})
    assert repr(response) == "<TestResponse 200>"
    assert response.headers["content-type"] == "application/json"
    asked = response.json()
    assert asked.pop("headers") == {
        "host": "testserver",
        "accept": "*/*",
        "user-agent": "testclient",
        "x-a": "1",
        "cookie": "c=3",
        "x-b": "2",
    }
    assert asked == {"method": "GET", "path": "/x", "query": "y", "body": "", "more": False}


@pytest.mark.parametrize(
    ("method", "options", "body", "content_type", "length"),
    [
        ("post", {"content": "\u00e4"}, "\u00e4", None, "2"),
        ("post", {}, "", None, "0"),
        ("put", {"content": b"x", "headers": {"content-type": "text/plain"}}, "x", "text/plain", "1"),
        ("put", {"json": [1]}, "[1]", "application/json", "3"),
        ("delete", {}, "", None, None),
    ],
)
async def test_bodies(
    method: str, options: dict[str, Any], body: str, content_type: str | None, length: str | None
) -> None:
    response = await getattr(AsyncTestClient(mirror), method)("/", **options)
    asked = response.json(type=dict[str, Any])
    assert (asked["method"], asked["body"]) == (method.upper(), body)
    assert asked["headers"].get("content-type") == content_type
    assert asked["headers"].get("content-length") == length


async def test_the_scope_is_that_of_a_server() -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append({**scope, "headers": len(scope["headers"])})
        await send({**START})
        await send({**BODY})

    await AsyncTestClient(app).get("wss://h/%2Fx")
    assert scopes == [
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "client": ("testclient", 50000),
            "server": ("h", 443),
            "path": "//x",
            "raw_path": b"/%2Fx",
            "query_string": b"",
            "root_path": "",
            "headers": 3,
            "state": {},
            "extensions": {},
        }
    ]


async def test_a_response_without_a_body() -> None:
    app = sending({**START}, {**BODY, "body": b"x"})
    assert (await AsyncTestClient(app).request("head", "/")).content == b""
    app = sending({**START, "status": 204}, {**BODY, "body": b"x"})
    assert (await AsyncTestClient(app).get("/")).content == b""


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        ([BODY], "a response start message was expected"),
        ([START, START], "a response body message was expected"),
        ([START, BODY, BODY], "nothing was expected"),
        ([{"type": "websocket.accept"}], r"'websocket\.accept'"),
        ([{**START, "status": 101}], "200 to 599"),
        ([{**START, "headers": [(b"a\n", b"")]}], "token"),
        ([START, {**BODY, "body": "x"}], "as bytes"),
    ],
)
async def test_g6_faulty_messages_raise(messages: list[Message], fault: str) -> None:
    with pytest.raises((InvalidMessageError, LocalProtocolError), match=fault):
        await AsyncTestClient(sending(*messages)).get("/")


async def test_an_application_that_does_not_answer() -> None:
    for messages in ([], [START], [START, {**BODY, "more_body": True}]):
        with pytest.raises(ApplicationEndedError, match="before its response to '/' was complete"):
            await AsyncTestClient(sending(*messages)).get("/")
        response = await AsyncTestClient(sending(*messages), raise_app_exceptions=False).get("/")
        assert response.status_code == 500


async def test_the_applications_exception_is_raised() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START})
        await send({**BODY})
        raise SystemExit if scope["path"] == "/exit" else LookupError

    with pytest.raises(LookupError):
        await AsyncTestClient(app).get("/")
    with pytest.raises(ApplicationEndedError, match="SystemExit"):
        await AsyncTestClient(app).get("/exit")
    assert (await AsyncTestClient(app, raise_app_exceptions=False).get("/")).status_code == 200


async def test_n20_time_limits() -> None:
    disconnects: list[Message] = []

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({**START})
        disconnects.append(await receive())

    with pytest.raises(
        TimeoutError, match=r"the response to GET '/x' was not complete within 0\.01 s: .* in .*endless"
    ):
        await AsyncTestClient(endless).get("/x", timeout=0.01)
    assert disconnects == [{"type": "http.disconnect"}]

    async def lingering(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START})
        await send({**BODY})
        await anyio.sleep_forever()

    with pytest.raises(TimeoutError, match=r"did not end within 0\.01 s and was cancelled"):
        await AsyncTestClient(lingering, timeout=0.01, raise_app_exceptions=False).get("/")


async def test_n20_trap_applications_that_go_on_for_ever() -> None:
    async def receives(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            await receive()

    async def sends(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START})
        while True:
            await send({**BODY, "body": bytes(MAX_BODY_BYTES // 2), "more_body": True})

    for app in (receives, sends):
        with pytest.raises(TimeoutError, match="was not complete"):
            await AsyncTestClient(app).get("/", timeout=0.05)


async def test_a_request_that_the_test_gives_up() -> None:
    ended: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        ended.append(await receive())

    with anyio.move_on_after(0.01) as limit:
        await AsyncTestClient(app).get("/")
    assert limit.cancelled_caught
    assert ended == [{"type": "http.disconnect"}]
