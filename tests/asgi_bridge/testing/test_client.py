"""The client for tests that are plain functions (H16, N20)."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sniffio

from tests.asgi_bridge.testing.apps import echo, sending
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect, WebSocketFrameTypeError, WebSocketRuntimeError
from wsserve.asgi_bridge.testing.client import TestClient
from wsserve.asgi_bridge.testing.exceptions import ApplicationEndedError, LifespanError, WebSocketDenialResponse
from wsserve.asgi_bridge.testing.websocket import TestWebSocket
from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app


@pytest.fixture(params=["asyncio", "uvloop", "trio"])
def loop(request: pytest.FixtureRequest) -> dict[str, Any]:
    backend: str = request.param
    if backend == "uvloop":
        return {"backend": "asyncio", "backend_options": {"use_uvloop": True}}
    return {"backend": backend}


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_h16_n20_one_conversation(loop: dict[str, Any]) -> None:
    with TestClient(echo, **loop) as client, client.websocket_connect("/chat", ["a", "b"]) as ws:
        assert client.app is echo
        assert ws.scope["subprotocols"] == ["a", "b"]
        assert ws.accepted_subprotocol is None
        assert dict(ws.headers) == {}
        assert ws.extra_headers == []
        ws.send_text("x")
        assert ws.receive_text() == "x"
        ws.send_bytes(b"x")
        assert ws.receive_bytes() == b"x"
        ws.send_json([1])
        assert ws.receive_json(type=list[int]) == [1]
        ws.send_json([1], "binary")
        assert ws.receive_json("binary") == [1]
        ws.send({"type": "websocket.receive", "text": "x"})
        assert ws.receive() == {"type": "websocket.send", "text": "x"}
        assert (ws.close_code, ws.close_reason) == (None, "")
        ws.send_text("close")
        with pytest.raises(WebSocketDisconnect) as caught:
            ws.receive_text()
        assert (caught.value.code, caught.value.reason) == (4001, "as asked")
        assert (ws.close_code, ws.close_reason) == (4001, "as asked")
        assert ws.wait_closed() == 4001


def test_the_backend_is_what_was_asked_for(loop: dict[str, Any]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        library = sniffio.current_async_library()
        if library == "asyncio":
            library = type(asyncio.get_running_loop()).__module__.partition(".")[0]
        await send({"type": "websocket.send", "text": library})

    with TestClient(app, **loop).websocket_connect("/") as ws:
        assert ws.receive_text() == ("uvloop" if "backend_options" in loop else loop["backend"])


def test_h16_trap_no_block_of_the_client_is_needed() -> None:
    client = TestClient(echo)
    with client.websocket_connect("/") as one, client.websocket_connect("/") as two:
        one.send_text("1")
        two.send_text("2")
        assert one.receive_text() == "1"
        assert two.receive_text() == "2"
    assert repr(one) == "<TestWebSocket '/'>"
    with pytest.raises(WebSocketRuntimeError, match="use it in a `with` block"):
        one.send_text("x")


def test_n20_iterating() -> None:
    accept, text, data = (
        {"type": "websocket.accept"},
        {"type": "websocket.send", "text": "1"},
        {"type": "websocket.send", "bytes": b"2"},
    )
    client = TestClient(sending(accept, text, data))
    with client.websocket_connect("/") as ws:
        assert list(ws) == ["1", b"2"]
    with client.websocket_connect("/") as ws:
        texts = ws.iter_text()
        assert next(texts) == "1"
        with pytest.raises(WebSocketFrameTypeError):
            next(texts)
    with client.websocket_connect("/") as ws:
        assert ws.receive_text() == "1"
        assert list(ws.iter_bytes()) == [b"2"]
    with TestClient(sending(accept, text)).websocket_connect("/") as ws:
        assert list(ws.iter_json(type=int)) == [1]


def test_n20_the_client_leaves() -> None:
    codes: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        codes.append((await receive())["code"])

    client = TestClient(app)
    with client.websocket_connect("/") as ws:
        ws.close(4000, "bye")
    with client.websocket_connect("/") as ws:
        ws.abort()
    with client.websocket_connect("/"):
        pass
    with pytest.raises(KeyError), client.websocket_connect("/"):
        raise KeyError
    assert codes == [4000, 1006, 1000, 1006]


def test_n20_what_goes_wrong_is_raised(loop: dict[str, Any]) -> None:
    def conversation(client: TestClient, then: Callable[[TestWebSocket], object]) -> None:
        with client.websocket_connect("/") as ws:
            ws.send_text("fail")
            then(ws)

    def fail(ws: TestWebSocket) -> None:
        raise AssertionError

    with TestClient(echo, **loop) as client:
        with pytest.raises(ValueError, match="as asked"):
            conversation(client, TestWebSocket.receive_text)
        with pytest.raises(ValueError, match="as asked"), client.websocket_connect("/") as ws:
            ws.send_text("fail")
        with pytest.raises(AssertionError) as caught:
            conversation(client, fail)
        with pytest.raises(TimeoutError, match="nothing came"), client.websocket_connect("/") as ws:
            ws.receive_text(timeout=0.01)
    assert "ValueError: as asked" in caught.value.__notes__[0]

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyboardInterrupt

    for app, error in ((sending(), ApplicationEndedError), (fails, ApplicationEndedError)):
        with pytest.raises(error), TestClient(app, **loop).websocket_connect("/"):
            pass
    refusing = TestClient(sending({"type": "websocket.close"}), **loop)
    with pytest.raises(WebSocketDenialResponse, match="403"), refusing.websocket_connect("/"):
        pass


def test_g13_the_lifespan_surrounds_the_block(loop: dict[str, Any]) -> None:
    events: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await echo(scope, receive, send)
            return
        for event in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{event}"
            scope["state"][event] = [event]
            events.append(event)
            await send({"type": f"lifespan.{event}.complete"})

    with TestClient(app, **loop) as client:
        assert events == ["startup"]
        with client.websocket_connect("/") as ws:
            assert ws.scope["state"] == {"startup": ["startup"]}
    assert events == ["startup", "shutdown"]
    with pytest.raises(LifespanError), TestClient(sending({"type": "lifespan.startup.failed"}), **loop):
        pass


def test_http() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = scope["method"].encode() + (await receive())["body"]
        await send({"type": "http.response.start", "status": 201, "headers": [(b"set-cookie", b"a=1")]})
        await send({"type": "http.response.body", "body": body})

    client = TestClient(app)
    assert client.get("/").text == "GET"
    assert client.post("/", content="x").text == "POSTx"
    assert client.put("/", json={}).content == b"PUT{}"
    assert client.delete("/").status_code == 201
    assert client.request("options", "/").text == "OPTIONS"
    assert dict(client.cookies) == {"a": "1"}


def test_a_sync_client_within_an_event_loop_of_the_test() -> None:
    @websocket_app
    async def outer(websocket: WebSocket) -> None:
        await websocket.accept()
        with TestClient(echo).websocket_connect("/") as inner:
            inner.send_text("x")
            await websocket.send_text(inner.receive_text())

    with TestClient(outer).websocket_connect("/") as ws:
        assert ws.receive_text() == "x"


def test_bad_options_are_told_at_once() -> None:
    with pytest.raises(ValueError, match="must begin with ws://"):
        TestClient(echo, base_url="testserver")
    with pytest.raises(TypeError, match="cannot be called"):
        TestClient("module:app")  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(TypeError, match="unexpected keyword argument 'backends'"):
        TestClient(echo, backends="trio")  # type: ignore[call-arg]  # the mistake under test
