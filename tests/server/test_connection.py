"""A connection's requests in order, its deadlines, and its end, over real sockets on every event loop."""

import contextlib
import logging
import ssl
import time
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.streams.tls import TLSAttribute, TLSStream

from tests.end_to_end.raw_client import BINARY, PING, PONG, TEXT, close_frame, frame, head, upgrade_head
from tests.server.live import HOST, KINDS, Logs, Recorder, accept, get, hello, live, respond, until
from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.server import tls_closing
from wsserve.server.connection import MAX_DROPPED_BYTES, MAX_PIPELINED_BYTES

pytestmark = pytest.mark.anyio

every_kind = pytest.mark.parametrize("kind", KINDS)
with_tls = pytest.mark.parametrize("kind", ["tcp", "tls"])


@pytest.fixture(autouse=True)
def _clean(logs: Logs) -> None:
    """Let no test log a warning or an error that it does not expect."""


# Keep-alive and pipelining


@every_kind
async def test_g15_requests_follow_each_other_on_a_connection(kind: str) -> None:
    async with live(hello, kind=kind) as server, server.peer() as peer:
        for path in ("/one", "/two"):
            await peer.send(get(path))
            response = await peer.response()
            assert (response.status, response.body) == (200, path.encode())
            assert not response.values("Connection")
        await peer.send(get("/three", "Connection: close"))
        response = await peer.response()
        assert (response.body, response.values("Connection")) == (b"/three", ["close"])
        assert await peer.rest() == b""


@with_tls
async def test_g15_an_idle_connection_ends_at_the_keep_alive_timeout(kind: str) -> None:
    async with live(hello, kind=kind, timeout_keep_alive=0.1) as server, server.peer() as peer:
        await peer.send(get())
        await peer.response()
        began = time.monotonic()
        assert await peer.rest() == b""
        assert 0.09 < time.monotonic() - began < 1


async def test_g15_a_request_within_the_keep_alive_timeout_is_served_however_long_it_takes() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep(0.15)
        await respond(send, b"done")

    async with live(slow, timeout_keep_alive=0.05, lifespan="off") as server, server.peer() as peer:
        for _ in range(2):
            await peer.send(get())
            assert (await peer.response()).body == b"done"


async def test_g15_without_keep_alive_pipelined_requests_are_still_answered() -> None:
    async with live(hello, timeout_keep_alive=0.0) as server, server.peer() as peer:
        await peer.send(get("/one") + get("/two"))
        assert [(await peer.response()).body for _ in range(2)] == [b"/one", b"/two"]
        assert await peer.rest() == b""


@every_kind
@pytest.mark.parametrize("pause", [True, False])
async def test_g15_a_body_that_the_application_leaves_unread_is_dropped_up_to_a_bound(kind: str, pause: bool) -> None:
    request = head("POST /one HTTP/1.1", HOST, f"Content-Length: {MAX_DROPPED_BYTES}")
    async with live(hello, kind=kind) as server, server.peer() as peer:
        await peer.send(request)
        if pause:
            assert (await peer.response()).body == b"/one"
        await peer.send(bytes(MAX_DROPPED_BYTES) + get("/two"))
        if not pause:
            assert (await peer.response()).body == b"/one"
        assert (await peer.response()).body == b"/two"


@every_kind
async def test_g15_a_body_that_goes_beyond_the_bound_by_one_ends_the_connection(kind: str) -> None:
    request = head("POST /one HTTP/1.1", HOST, f"Content-Length: {MAX_DROPPED_BYTES + 1}")
    async with live(hello, kind=kind) as server, server.peer() as peer:
        await peer.send(request)
        assert (await peer.response()).body == b"/one"
        await peer.send(bytes(MAX_DROPPED_BYTES + 1) + get("/two"))
        assert await peer.rest() == b""


@every_kind
async def test_g15_pipelined_requests_are_answered_in_order(kind: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        while message.get("more_body"):
            message = await receive()
        await anyio.sleep(0.02 if scope["path"] == "/0" else 0)
        await respond(send, scope["path"].encode())

    requests = [
        head(f"POST /{number} HTTP/1.1", HOST, "Content-Length: 4") + b"body" if number % 2 else get(f"/{number}")
        for number in range(30)
    ]
    async with live(app, kind=kind, lifespan="off") as server, server.peer() as peer:
        await peer.send(b"".join(requests))
        assert [(await peer.response()).body for _ in requests] == [b"/%d" % number for number in range(30)]


async def test_u15_pipelined_requests_are_held_within_a_bound() -> None:
    """While one request is being answered, further ones are read up to a bound, and all are answered in the end."""
    go_on = anyio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await respond(send, b"")

    request = get("/" + "x" * 3000)
    count = 1000  # 3 MB, more than the kernel's buffers take
    async with live(app, lifespan="off") as server, server.peer() as peer, anyio.create_task_group() as tasks:
        tasks.start_soon(peer.send, request * count)
        await until(lambda: server.held > MAX_PIPELINED_BYTES)
        highest = 0
        for _ in range(20):
            await anyio.sleep(0.005)
            highest = max(highest, server.held)
        assert highest <= MAX_PIPELINED_BYTES + (1 << 18), "one read more than the bound"
        go_on.set()
        for _ in range(count):
            assert (await peer.response()).status == 200


async def test_u15_100_000_pipelined_gets_unread_take_bounded_memory() -> None:
    count = 100_000
    answered = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal answered
        answered += 1
        await respond(send, b"x" * 20_000)

    async with (
        live(app, lifespan="off") as server,
        server.peer(receive_buffer=8192) as peer,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(_send_until_lost, peer, get() * count)
        await until(lambda: server.unsent > 65536)
        before, stable = -1, 0
        while stable < 5:
            await anyio.sleep(0.01)
            stable = stable + 1 if answered == before else 0
            before = answered
        assert server.unsent <= 65536 + 20_000
        assert server.held <= MAX_PIPELINED_BYTES + (1 << 18)
        assert answered < 1000
        tasks.cancel_scope.cancel()


async def _send_until_lost(peer: Any, data: bytes) -> None:
    with contextlib.suppress(anyio.BrokenResourceError):
        await peer.stream.send(data)


@pytest.mark.parametrize("more", ["in the same packet", "later"])
async def test_u15_requests_behind_a_refused_upgrade_are_never_processed(more: str) -> None:
    paths = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        paths.append(scope["path"])
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        else:
            await respond(send, b"")

    async with live(app, lifespan="off") as server, server.peer() as peer:
        if more == "later":
            await peer.send(upgrade_head("/upgrade"))
            response = await peer.response()
            await peer.send(get("/smuggled"))
        else:
            await peer.send(upgrade_head("/upgrade") + get("/smuggled"))
            response = await peer.response()
        assert response.status == 403
        assert response.values("Connection") == ["close"]
        assert await peer.rest() == b""
    assert paths == ["/upgrade"]


async def test_u15_requests_behind_a_refused_head_are_never_processed() -> None:
    app = Recorder()
    async with live(app) as server, server.peer() as peer:
        await peer.send(head("GET /one HTTP/1.1") + get("/smuggled"))
        assert (await peer.response()).status == 400
        assert await peer.rest() == b""
    assert app.scopes == []


async def test_g15_a_fault_in_the_body_ends_the_request_that_has_no_answer() -> None:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request":
            seen.append(message["body"])
        seen.append(message["type"])

    async with live(app, lifespan="off") as server, server.peer() as peer:
        await peer.send(head("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked") + b"3\r\nabc\r\n")
        await until(lambda: bool(seen))
        await peer.send(b"zz\r\n")
        assert (await peer.response()).status == 400
        assert await peer.rest() == b""
    assert seen == [b"abc", "http.disconnect"]


async def test_g15_a_fault_in_the_body_behind_a_begun_response_ends_it() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        while (await receive())["type"] == "http.request":
            pass

    async with live(app, lifespan="off") as server, server.peer() as peer:
        await peer.send(head("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked"))
        await peer.until(b"first")
        await peer.send(b"zz\r\n")
        rest = await peer.rest()
        assert b"400" not in rest
        assert b"0\r\n\r\n" not in rest, "the response must not look complete"


async def test_g15_a_response_still_goes_out_to_a_client_that_closed_its_half() -> None:
    async with live(hello) as server, server.peer() as peer:
        await peer.send(get("/one") + get("/two"))
        await peer.finish()
        assert [(await peer.response()).body for _ in range(2)] == [b"/one", b"/two"]
        began = time.monotonic()
        assert await peer.rest() == b""
        assert time.monotonic() - began < 0.5, "nothing is to be waited for"
        await until(lambda: not server.context.connections)
        assert time.monotonic() - began < 0.5


async def test_g15_a_client_that_leaves_in_the_middle_of_a_response_ends_it() -> None:
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        except OSError as error:
            raised.append(error)
            raise

    async with live(app, lifespan="off") as server:
        async with server.peer() as peer:
            await peer.send(get())
            await peer.until(b"x" * 1000)
            await peer.reset()
        await until(lambda: bool(raised))


@with_tls
async def test_g15_a_slow_reader_gets_a_large_response_whole(kind: str) -> None:
    """The application waits at the high-water mark, and what is left at the end is not cut by any deadline."""
    parts = 20

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
        for number in range(parts):
            await send({"type": "http.response.body", "body": bytes([number]) * 100_000, "more_body": True})
        await send({"type": "http.response.body", "body": b"\xff" * 1_000_000})

    options: dict[str, Any] = {"lifespan": "off", "ws_close_timeout": 0.2, "timeout_keep_alive": 0.1}
    async with live(app, kind=kind, **options) as server, server.peer(receive_buffer=65536) as peer:
        await peer.send(head("GET / HTTP/1.0", HOST))
        await peer.until(b"\r\n\r\n")
        received = len(peer.unread)
        while data := await _some(peer):
            received += len(data)
            if received < 1_500_000:
                await anyio.sleep(0.003)
        assert received == parts * 100_000 + 1_000_000


async def _some(peer: Any) -> bytes:
    with anyio.fail_after(10):
        try:
            data: bytes = await peer.stream.receive(65536)
        except anyio.EndOfStream:
            return b""
        return data


# The deadline of the head


@with_tls
async def test_u12_a_head_that_stalls_gets_408(kind: str) -> None:
    async with live(hello, kind=kind, timeout_handshake=0.1) as server, server.peer() as peer:
        await peer.send(b"GET /\r\n"[:-1])
        response = await peer.response()
        assert response.status == 408
        assert response.values("Connection") == ["close"]
        assert await peer.rest() == b""


@with_tls
async def test_u12_a_connection_that_says_nothing_is_closed_without_a_word(kind: str, logs: Logs) -> None:
    began = time.monotonic()
    async with live(hello, kind=kind, timeout_handshake=0.1) as server, server.peer() as peer:
        assert await peer.rest() == b""
        assert 0.09 < time.monotonic() - began < 1
    assert logs.access == []


@pytest.mark.parametrize("silence", [0.0, 0.15])
async def test_u12_the_deadline_is_absolute_and_runs_from_the_connection_on(silence: float) -> None:
    """Bytes that drip in do not put it off, nor does silence before the first."""
    async with live(hello, timeout_handshake=0.25) as server, server.peer() as peer:
        began = time.monotonic()
        await anyio.sleep(silence)

        async def drip() -> None:
            for byte in get("/" + "x" * 1000):
                try:
                    await peer.stream.send(bytes([byte]))
                except anyio.BrokenResourceError:
                    return
                await anyio.sleep(0.02)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drip)
            assert (await peer.response()).status == 408
            assert 0.24 < time.monotonic() - began < 0.38
            tasks.cancel_scope.cancel()


async def test_u12_the_second_request_has_the_same_deadline(logs: Logs) -> None:
    async with live(hello, timeout_handshake=0.2, access_log=True) as server, server.peer() as peer:
        await peer.send(get("/one"))
        await peer.response()
        await anyio.sleep(0.1)
        await peer.send(b"GET ")
        began = time.monotonic()
        await anyio.sleep(0.1)
        await peer.send(b"/two")
        assert (await peer.response()).status == 408
        assert 0.19 < time.monotonic() - began < 0.4
    assert [line.partition(" - ")[2] for line in logs.access] == [
        '"GET /one HTTP/1.1" 200',
        "408 refused: the request's head took too long",
    ]


async def test_u12_a_slow_handler_or_body_is_no_slow_head() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await receive()
        await anyio.sleep(0.15)
        await respond(send, body["body"])

    async with live(app, lifespan="off", timeout_handshake=0.08) as server, server.peer() as peer:
        await peer.send(head("POST / HTTP/1.1", HOST, "Content-Length: 2"))
        await anyio.sleep(0.15)
        await peer.send(b"ab")
        assert (await peer.response()).body == b"ab"


async def test_u12_a19_what_is_no_http_is_refused_and_the_next_client_is_served() -> None:
    async with live(hello) as server:
        for noise in (b"SSH-2.0-OpenSSH_9.6\r\n", bytes(range(256)) * 8, b"\0" * 1000, b"\x16\x03\x01\x02\0\x01\0" * 9):
            async with server.peer() as peer:
                await peer.send(noise)
                assert (await peer.response()).status == 400
        async with server.peer() as peer:
            await peer.send(get("/next"))
            assert (await peer.response()).body == b"/next"


async def test_a17_a_client_that_ends_tls_behind_its_request_is_let_go() -> None:
    """It cannot count on an answer then: asyncio knows no half-closed TLS."""
    async with live(hello, kind="tls") as server, server.peer() as peer:
        assert isinstance(peer.stream, TLSStream)
        await peer.send(get("/one", "Connection: close"))
        tls_closing.end_output(peer.stream.extra(TLSAttribute.ssl_object))
        with contextlib.suppress(anyio.BrokenResourceError, ssl.SSLZeroReturnError):
            await peer.rest()
        await until(lambda: not server.context.connections)


# Refusals


async def test_u13_over_the_limit_of_connections_is_503(logs: Logs) -> None:
    async with live(hello, limit_concurrency=1, access_log=True) as server, server.websocket() as first:
        async with server.peer() as peer:
            await peer.send(upgrade_head("/more"))
            response = await peer.response()
            assert response.status == 503
            assert response.values("Retry-After") == ["1"]
            assert response.values("Connection") == ["close"]
            assert b"too many connections" in response.body
            assert await peer.rest() == b""
        await first.send(close_frame(1000))
        await first.close_frame()
        await first.rest()
        await until(lambda: not server.context.connections)
        async with server.peer() as peer:
            await peer.send(get("/again"))
            assert (await peer.response()).status == 200
    assert any('"GET /more HTTP/1.1" 503' in line for line in logs.access)


async def test_u13_silent_connections_do_not_put_out_one_that_is_in() -> None:
    async with live(hello, limit_concurrency=1) as server, server.peer() as peer:
        await peer.send(get("/first"))
        assert (await peer.response()).status == 200
        async with server.peer(), server.peer():
            await until(lambda: len(server.context.connections) == 3)
            await peer.send(get("/second"))
            assert (await peer.response()).status == 200
        assert server.context.admitted == 1
    assert server.context.admitted == 0


async def test_u13_a_request_that_comes_at_shutdown_is_503() -> None:
    """Its connection was busy when the shutdown began; the request behind is not begun any more."""
    go_on = anyio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await respond(send, scope["path"].encode())

    async with live(app, lifespan="off") as server, server.peer() as busy, server.peer() as idle:
        await busy.send(get("/one"))
        await until(lambda: bool(server.context.runtime.running))
        await until(lambda: len(server.context.connections) == 2)
        server.context.shutting_down = True
        await idle.send(get("/late"))
        response = await idle.response()
        assert response.status == 503
        assert response.values("Retry-After") == ["1"]
        assert b"shutting down" in response.body
        await busy.send(get("/two"))
        go_on.set()
        assert (await busy.response()).body == b"/one"
        assert await busy.rest() == b""


@every_kind
@pytest.mark.parametrize("what", ["head", "upgrade"])
async def test_a_refusal_is_read_whole_by_a_client_that_goes_on_sending(kind: str, what: str) -> None:
    """A close with unread input would be a reset, which can destroy what the client has not read yet."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        body = {"type": "websocket.http.response.body", "body": b"n" * 200_000}
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
        await send(body)

    request = head("GET / HTTP/1.1") if what == "head" else upgrade_head("/")
    async with live(app, kind=kind, lifespan="off") as server, server.peer() as peer:
        await peer.send(request + b"z" * 500_000)
        for _ in range(10):
            await peer.send(b"z" * 100_000)
        response = await peer.response()
        assert response.status == (400 if what == "head" else 404)
        assert len(response.body) == (200_000 if what == "upgrade" else len(response.body))
        assert await peer.rest() == b""


async def test_default_headers_are_in_refusals_too_and_the_application_may_override_them() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"", (b"Server", b"mine"), (b"date", b"never"))

    headers = [("X-Owner", "me")]
    async with live(app, lifespan="off", headers=headers) as server, server.peer() as peer:
        await peer.send(get())
        response = await peer.response()
        assert (response.values("Server"), response.values("Date")) == (["mine"], ["never"])
        assert response.values("X-Owner") == ["me"]
        await peer.send(b"\0")
        response = await peer.response()
        assert response.status == 400
        assert response.values("Server") == ["wsserve"]
        assert response.values("X-Owner") == ["me"]
        assert len(response.values("Date")) == 1


# WebSockets


@every_kind
async def test_u14_frames_in_the_packet_of_the_head_arrive_behind_the_handshake(kind: str) -> None:
    async with live(hello, kind=kind) as server, server.peer() as peer:
        early = b"".join(frame(TEXT, b"%d" % number) for number in range(5))
        await peer.send(upgrade_head("/") + early + close_frame(1000, "done"))
        assert (await peer.response()).status == 101
        assert [(await peer.frame()).payload for _ in range(5)] == [b"%d" % number for number in range(5)]
        assert (await peer.frame()).close == (1000, "done")
        assert await peer.rest() == b""


async def test_u14_early_frames_are_held_within_a_bound() -> None:
    may_accept = anyio.Event()
    count = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal count
        assert (await receive())["type"] == "websocket.connect"
        await may_accept.wait()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            count += 1

    message = frame(BINARY, b"x" * 60_000)
    async with live(app, lifespan="off") as server, server.peer() as peer, anyio.create_task_group() as tasks:
        tasks.start_soon(peer.send, upgrade_head("/") + message * 200 + close_frame(1000))
        await until(lambda: bool(server.context.connections))
        (connection,) = server.context.connections

        def early() -> int:
            session = connection._websocket
            opening = session._opening if session is not None else None
            return len(opening.early) if opening is not None else 0

        await until(lambda: early() >= 65536)
        for _ in range(10):
            await anyio.sleep(0.005)
            assert early() <= 65536 + (1 << 18)
        may_accept.set()
        assert (await peer.response()).status == 101
        assert await peer.close_frame() == (1000, "")
    assert count == 200


@every_kind
async def test_r11_the_client_closes_first_and_the_server_ends_tcp_first(kind: str) -> None:
    app = Recorder()
    async with live(app, kind=kind) as server, server.websocket() as peer:
        await peer.send(frame(TEXT, b"last") + close_frame(4001, "bye"))
        assert (await peer.frame()).close == (4001, "bye")
        assert await peer.rest() == b""
    assert app.messages == [
        {"type": "websocket.receive", "text": "last"},
        {"type": "websocket.disconnect", "code": 4001, "reason": "bye"},
    ]


@every_kind
async def test_r11_the_server_closes_first_and_ends_tcp_behind_the_answer(kind: str) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await accept(receive, send)
        await send({"type": "websocket.close", "code": 4002, "reason": "enough"})
        seen.append(await receive())

    async with live(app, kind=kind, lifespan="off") as server, server.websocket() as peer:
        assert (await peer.frame()).close == (4002, "enough")
        with anyio.move_on_after(0.05) as waiting:
            await peer.rest()
        assert waiting.cancelled_caught, "the server must wait for the client's Close"
        await peer.send(close_frame(4002, "enough"))
        assert await peer.rest() == b""
    assert seen == [{"type": "websocket.disconnect", "code": 4002, "reason": "enough"}]


@every_kind
async def test_r11_the_last_large_message_arrives_whole_though_the_client_goes_on_sending(kind: str) -> None:
    size = 3_000_000

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await accept(receive, send)
        assert (await receive())["type"] == "websocket.receive"
        await send({"type": "websocket.send", "bytes": b"m" * size})
        await send({"type": "websocket.close"})

    async with live(app, kind=kind, lifespan="off") as server, server.websocket() as peer:

        async def go_on_sending() -> None:
            for _ in range(30):
                await peer.send(frame(BINARY, b"c" * 50_000))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(go_on_sending)
            assert len((await peer.frame()).payload) == size
            assert (await peer.frame()).close == (1000, "")
        await peer.send(close_frame(1000))
        assert await peer.rest() == b""


@every_kind
async def test_r8_r11_a_failed_connection_gets_its_close_whole_though_the_client_goes_on_sending(kind: str) -> None:
    async with live(hello, kind=kind, ws_write_limit=1 << 22) as server, server.websocket() as peer:
        await peer.send(frame(BINARY, b"m" * 1_000_000) + frame(3, b"no such opcode") + b"z" * 300_000)
        for _ in range(5):
            await peer.send(b"z" * 100_000)
        assert len((await peer.frame()).payload) == 1_000_000
        closure = (await peer.frame()).close
        assert closure is not None
        assert closure[0] == 1002
        assert await peer.rest() == b""


@with_tls
async def test_a10_a_close_that_is_never_answered_ends_at_the_deadline(kind: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await accept(receive, send)
        await send({"type": "websocket.close"})
        assert (await receive())["code"] == 1006

    async with live(app, kind=kind, lifespan="off", ws_close_timeout=0.1) as server, server.websocket() as peer:
        began = time.monotonic()
        assert (await peer.frame()).close == (1000, "")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_send_until_lost, peer, frame(BINARY, b"ignored" * 10) * 3000)
            await until(lambda: not server.context.connections)
            assert 0.09 < time.monotonic() - began < 0.5
            tasks.cancel_scope.cancel()


def _has(app: Recorder, count: int) -> bool:
    return len(app.messages) == count


@pytest.mark.parametrize(("how", "count"), [("reset", 200), ("fin", 20), ("drop", 20)])
async def test_a9_connections_that_break_off_in_mid_frame(how: str, count: int, logs: Logs) -> None:
    """Many in a row: each ends with 1006 at once, without part of a message and without a word in the log."""
    app = Recorder()
    delays = []
    async with live(app) as server:
        for number in range(count):
            peer = await server.connect()
            await peer.upgrade()
            await peer.send(frame(TEXT, b"cut off here")[: 3 + number % 10])
            began = time.monotonic()
            if how == "reset":
                await peer.reset()
            elif how == "fin":
                await peer.finish()
                assert await peer.rest() == b""
                await peer.drop()
            else:
                await peer.drop()
            await until(partial(_has, app, number + 1))
            delays.append(time.monotonic() - began)
    assert sorted(delays)[-count // 20] < 0.1, "all but those that a busy machine held up"
    assert app.messages == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}] * count
    assert logs.of("wsserve.error", logging.INFO) == []


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_a9_a_reset_while_both_sides_send(kind: str) -> None:
    async with live(hello, kind=kind) as server:
        for _ in range(20):
            peer = await server.connect()
            await peer.upgrade()
            await peer.send(frame(BINARY, b"x" * 50_000) * 10)
            await peer.frame()
            await peer.reset()


async def test_a17_tls_that_breaks_off_without_close_notify_is_1006() -> None:
    app = Recorder()
    async with live(app, kind="tls") as server, server.websocket() as peer:
        await peer.send(frame(TEXT, b"whole") + frame(TEXT, b"cut")[:5])
        await until(lambda: len(app.messages) == 1)
        await peer.drop()
        await until(lambda: len(app.messages) == 2)
    assert app.messages[-1] == {"type": "websocket.disconnect", "code": 1006, "reason": ""}


@with_tls
async def test_a3_send_blocks_for_a_client_that_does_not_read_and_gives_it_up(kind: str) -> None:
    sent = 0
    raised: list[OSError] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await accept(receive, send)
        try:
            while True:
                await send({"type": "websocket.send", "bytes": b"x" * 16384})
                sent += 16384
        except OSError as error:
            raised.append(error)

    highest = 0
    options: dict[str, Any] = {"lifespan": "off", "ws_write_timeout": 0.1}
    async with live(app, kind=kind, **options) as server, server.websocket(receive_buffer=8192):
        while not raised:
            highest = max(highest, server.unsent)
            await anyio.sleep(0.005)
        await until(lambda: not server.context.connections)
    assert 65536 <= highest <= 131072, "one message above the high-water mark at most"


async def test_a8_a_client_that_is_gone_without_a_word_is_noticed() -> None:
    app = Recorder()
    options: dict[str, Any] = {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.1}
    async with live(app, **options) as server, server.websocket() as peer:
        began = time.monotonic()
        assert (await peer.frame()).opcode == PING
        await until(lambda: bool(app.codes))
        assert 0.14 < time.monotonic() - began < 0.6
    assert app.codes == [1006]


async def test_a8_any_byte_is_life() -> None:
    app = Recorder()
    options: dict[str, Any] = {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.1}
    async with live(app, **options) as server, server.websocket() as peer:
        slow = frame(TEXT, b"byte by byte")
        for byte in slow:
            await peer.send(bytes([byte]))
            await anyio.sleep(0.03)
        await until(lambda: bool(app.messages))
        await peer.send(close_frame(1000))
        await peer.close_frame()
    assert app.codes == [1000]


async def test_a8_pongs_keep_an_idle_client() -> None:
    app = Recorder()
    options: dict[str, Any] = {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.1}
    async with live(app, **options) as server, server.websocket() as peer:
        for _ in range(3):
            ping = await peer.frame()
            assert ping.opcode == PING
            await peer.send(frame(PONG, ping.payload))
        await peer.send(close_frame(1000))
        await peer.close_frame()
    assert app.codes == [1000]


# Access log


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_the_access_log_tells_of_each_opening_refusal_and_end(kind: str, logs: Logs) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/no":
            await receive()
            await send({"type": "websocket.close"})
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept", "subprotocol": "chat" if scope["subprotocols"] else None})
            while (await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": "four"})
        else:
            await respond(send, b"body", status=201)

    async with live(app, kind=kind, lifespan="off", access_log=True) as server:
        async with server.peer() as peer:
            name = "-" if kind == "unix" else "{}:{}".format(*peer.socket.getsockname())
            await peer.send(get("/page?a=1"))
            await peer.response()
            await peer.send(upgrade_head("/room?b=%0a", "Sec-WebSocket-Protocol: chat"))
            await peer.response()
            await peer.send(frame(TEXT, b"hello"))
            await peer.frame()
            await peer.send(close_frame(4000, 'done"\n'))
            await peer.rest()
        async with server.peer() as peer:
            await peer.send(upgrade_head("/no"))
            await peer.rest()
        async with server.peer() as peer:
            await peer.upgrade("/lost")
            await peer.reset()
    lines = [line.partition(" - ")[2] for line in logs.access]
    assert lines[0] == '"GET /page?a=1 HTTP/1.1" 201'
    assert lines[1] == '"WebSocket /room?b=%0a" 101 opened, subprotocol chat'
    assert lines[2].startswith('"WebSocket /room?b=%0a" 4000 closed by client "done\\"\\n" after 0.')
    assert "received 1 messages" in lines[2]
    assert "sent 1 messages" in lines[2]
    assert lines[2].endswith(", subprotocol chat")
    assert lines[3] == '"WebSocket /no" 403 refused'
    assert lines[4] == '"WebSocket /lost" 101 opened'
    assert lines[5].startswith('"WebSocket /lost" 1006 lost after 0.')
    assert len(lines) == 6
    assert logs.access[0].startswith(f"{name} - ")


async def test_without_an_access_log_nothing_is_logged(logs: Logs) -> None:
    async with live(hello, access_log=False) as server:
        async with server.websocket() as peer:
            await peer.send(close_frame(1000))
            await peer.rest()
        async with server.peer() as peer:
            await peer.send(get())
            await peer.response()
    assert logs.access == []


async def test_a18_what_a_client_sends_is_escaped_in_the_log(logs: Logs) -> None:
    async with live(hello, access_log=True) as server, server.peer() as peer:
        await peer.send(get('/"x"\\' + "y" * 3000))
        await peer.response()
    (line,) = logs.access
    assert '\\"x\\"' in line
    assert len(line.encode()) <= 1024
