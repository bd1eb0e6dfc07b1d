"""A server from start to end: in the test's own event loop, as the main program, and in processes of its own."""

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
import uvloop

from tests.end_to_end.raw_client import RawClient, close_frame, head, upgrade_head
from tests.end_to_end.server_process import WSSERVE, ServerProcess
from tests.server.live import HOST, KINDS, Logs, Recorder, accept, get, hello, live, respond, until
from tests.server.test_listeners import has_ipv6
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.server import serve as serve_module
from wsserve.server.config import Config
from wsserve.server.errors import ConfigError, LifespanError, StartupError
from wsserve.server.serve import Server, run, serve

in_event_loop = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _clean(logs: Logs) -> None:
    """Let no test log a warning or an error that it does not expect."""


def module_app(scope: Scope, receive: Receive, send: Send) -> Any:
    """Be found by name."""
    return hello(scope, receive, send)


class Diary:
    """An application with a lifespan that keeps what happens in order."""

    def __init__(self, *, slow_shutdown: float = 0.0) -> None:
        self.entries: list[str] = []
        self.slow_shutdown = slow_shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.entries.append("startup")
            scope["state"]["found"] = "it"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await anyio.sleep(self.slow_shutdown)
            self.entries.append("shutdown")
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "websocket":
            assert scope["state"] == {"found": "it"}
            await accept(receive, send)
            self.entries.append("connection")
            message = await receive()
            self.entries.append(f"{message['type']} {message.get('code')}")
        else:
            await respond(send, b"")


# Where it listens


@in_event_loop
async def test_a_server_tells_where_it_listens() -> None:
    async with live(hello) as found:
        server = found.server
        assert server.port > 0
        assert server.addresses == [("127.0.0.1", server.port)]
        assert server.urls == [f"http://127.0.0.1:{server.port}"]
        assert server.running == []


@in_event_loop
async def test_a_server_with_tls_or_on_a_unix_socket_tells_where_it_listens() -> None:
    async with live(hello, kind="tls") as found:
        assert found.server.urls == [f"https://127.0.0.1:{found.server.port}"]
    async with live(hello, kind="unix") as found:
        (path,) = found.server.addresses
        assert found.server.urls == [f"unix:{path}"]
        with pytest.raises(TypeError, match="has no port"):
            _ = found.server.port


@in_event_loop
@pytest.mark.parametrize("kind", KINDS)
async def test_g11_scopes_have_scheme_and_both_addresses(kind: str) -> None:
    app = Recorder()
    async with live(app, kind=kind, root_path="/api") as server:
        async with server.peer() as peer:
            name = None if kind == "unix" else peer.socket.getsockname()
            await peer.send(get("/page?a=1"))
            await peer.response()
            await peer.upgrade("/room")
            await peer.send(close_frame(1000))
            await peer.rest()
        (address,) = server.server.addresses
    web, chat = app.scopes
    assert (web["scheme"], chat["scheme"]) == (("https", "wss") if kind == "tls" else ("http", "ws"))
    for scope in app.scopes:
        assert scope["client"] == name
        assert scope["server"] == ((address, None) if kind == "unix" else address)
        assert scope["root_path"] == "/api"
    assert (web["path"], web["query_string"]) == ("/api/page", b"a=1")


@in_event_loop
@pytest.mark.parametrize("believed", [True, False])
async def test_g11_a_proxys_word_for_the_client_counts_if_it_is_believed(believed: bool) -> None:
    app = Recorder()
    async with live(app, proxy_headers=believed) as server, server.peer() as peer:
        await peer.send(get("/", "X-Forwarded-For: 192.0.2.1"))
        await peer.response()
    assert (app.scopes[0]["client"][0] == "192.0.2.1") is believed


@in_event_loop
@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
async def test_g11_scopes_have_ipv6_addresses() -> None:
    app = Recorder()
    async with serve(app, host="::1", port=0) as server, await anyio.connect_tcp("::1", server.port) as stream:
        await stream.send(get("/", "Connection: close"))
        assert await stream.receive()
        assert app.scopes[0]["server"] == ("::1", server.port)
        assert app.scopes[0]["client"][0] == "::1"
        assert server.urls == [f"http://[::1]:{server.port}"]


@in_event_loop
async def test_an_application_may_be_named() -> None:
    async with live("tests.server.test_serve:module_app", lifespan="off") as server, server.peer() as peer:
        await peer.send(get("/page"))
        assert (await peer.response()).body == b"/page"


@in_event_loop
async def test_a_config_may_be_given_whole() -> None:
    async with serve(hello, Config(port=0, server_header=False)) as server:
        assert server.port > 0


# What keeps it from starting


@in_event_loop
async def test_what_keeps_it_from_starting_comes_out_plain() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartupError, match="already in use"):
        async with serve(hello, port=taken.getsockname()[1]):
            pass
    with pytest.raises(LifespanError, match="the database is not there"):
        async with serve(failing, port=0):
            pass
    with pytest.raises(ConfigError):
        async with serve(hello, port=-1):
            pass
    with pytest.raises(StartupError, match="cannot be read"):
        async with serve(hello, port=0, ssl_certfile="/no/such/file"):
            pass


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the database is not there"})


@in_event_loop
async def test_what_is_no_application_or_option_is_one_sentence() -> None:
    wrong: Any = 3
    with pytest.raises(
        StartupError, match=r"^app is an int, not an ASGI application: give something that can be called$"
    ):
        async with serve(wrong, port=0):
            pass
    with pytest.raises(ConfigError, match=r"^there is no option 'prot': did you mean 'port'\?$"):
        async with serve(hello, prot=0):
            pass
    with pytest.raises(StartupError, match="app is an int"):
        await anyio.to_thread.run_sync(run, wrong)


# Without anyio


@pytest.mark.parametrize("run_loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_it_serves_under_an_event_loop_that_anyio_did_not_start(run_loop: Callable[[Any], None]) -> None:
    def exchange(port: int) -> None:
        with RawClient(port) as peer:
            peer.send(head("GET /page HTTP/1.1", HOST))
            assert peer.read_response().body == b"/page"
            peer.upgrade("/")
            peer.send_text("hello")
            assert peer.read_frame().payload == b"hello"
            peer.send(close_frame(1000))
            assert peer.read_close() == (1000, "")
            assert peer.at_end()

    async def main() -> None:
        async with serve(hello, port=0) as server:
            await asyncio.to_thread(exchange, server.port)

    run_loop(main())


# What the body raises


@in_event_loop
async def test_an_error_in_the_body_comes_out_as_it_is_and_connections_end_in_good_order() -> None:
    error = ValueError("of the body")
    closes: list[Any] = []

    async def serve_and_fail() -> None:
        async with live(hello) as server:
            peer = await server.connect()
            await peer.upgrade()

            async def answer() -> None:
                closes.append(await peer.close_frame())
                await peer.send(close_frame(1012))
                assert await peer.rest() == b""
                await peer.drop()

            tasks.start_soon(answer)
            raise error

    async with anyio.create_task_group() as tasks:
        with pytest.raises(ValueError, match="of the body") as caught:
            await serve_and_fail()
    assert caught.value is error
    assert closes == [(1012, "the server is shutting down")]


@in_event_loop
async def test_g13_the_lifespan_still_ends_when_the_body_raises() -> None:
    app = Diary()
    with pytest.raises(ZeroDivisionError):
        async with serve(app, port=0):
            _ = 1 / 0
    assert app.entries == ["startup", "shutdown"]


@in_event_loop
async def test_when_the_body_is_cancelled_connections_are_cut_off_and_the_lifespan_ends() -> None:
    app = Diary()
    async with anyio.create_task_group() as tasks:
        connected = anyio.Event()

        async def serve_until_cancelled() -> None:
            async with serve(app, port=0, timeout_graceful_shutdown=5.0) as server:
                stream = await anyio.connect_tcp("127.0.0.1", server.port)
                streams.append(stream)
                await stream.send(upgrade_head("/"))
                await until(lambda: "connection" in app.entries)
                connected.set()
                await anyio.sleep(60)

        streams: list[anyio.abc.SocketStream] = []
        tasks.start_soon(serve_until_cancelled)
        await connected.wait()
        tasks.cancel_scope.cancel()
    with anyio.fail_after(2):
        received = b""
        try:
            while True:
                received += await streams[0].receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            await streams[0].aclose()
    assert app.entries == ["startup", "connection", "shutdown"]


# The end


@in_event_loop
@pytest.mark.parametrize("kind", KINDS)
async def test_a15_connections_are_closed_with_1012_and_waited_for_and_then_the_lifespan_ends(kind: str) -> None:
    app = Diary()
    began = time.monotonic()
    async with anyio.create_task_group() as tasks, live(app, kind=kind, lifespan="on") as server:
        peers = [await server.connect() for _ in range(3)]
        for peer in peers:
            await peer.upgrade()

            async def answer(peer: Any = peer) -> None:
                assert await peer.close_frame() == (1012, "the server is shutting down")
                await anyio.sleep(0.05)
                await peer.send(close_frame(1012))
                assert await peer.rest() == b""
                await peer.drop()

            tasks.start_soon(answer)
        server.leave_open = True
    assert app.entries == ["startup", *["connection"] * 3, *["websocket.disconnect 1012"] * 3, "shutdown"]
    assert time.monotonic() - began < 1.5


@in_event_loop
async def test_a15_a_request_in_flight_is_answered_first_and_nobody_new_is_accepted() -> None:
    app_may_go_on = anyio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await app_may_go_on.wait()
        await respond(send, b"the answer")

    async with anyio.create_task_group() as tasks, live(app, lifespan="off") as server:
        peer, idle, half = [await server.connect() for _ in range(3)]
        address = server.server.addresses[0]
        await peer.send(get())
        await half.send(b"GET / HT")
        await until(lambda: server.server.running)
        await until(lambda: server.held == 8)

        async def client() -> None:
            assert await idle.rest() == b""
            assert await half.rest() == b""
            with pytest.raises(OSError, match="connect"):
                await anyio.connect_tcp(*address)
            app_may_go_on.set()
            assert (await peer.response()).body == b"the answer"
            assert await peer.rest() == b""
            for one in (peer, idle, half):
                await one.drop()

        tasks.start_soon(client)
        server.leave_open = True


@in_event_loop
async def test_u13_a_handshake_without_an_answer_gets_503_at_the_end() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        assert (await receive())["type"] == "websocket.disconnect"

    async with anyio.create_task_group() as tasks, live(app, lifespan="off") as server:
        peer = await server.connect()
        await peer.send(upgrade_head("/"))
        await until(lambda: server.server.running)

        async def client() -> None:
            response = await peer.response()
            assert (response.status, response.values("Retry-After")) == (503, ["1"])
            await peer.drop()

        tasks.start_soon(client)
        server.leave_open = True


@in_event_loop
async def test_a14_an_application_that_goes_on_is_cancelled_at_the_end_of_the_grace_and_named(logs: Logs) -> None:
    logs.expect("Cancelling the application, which has not ended in time: websocket /stays")
    cancelled: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await accept(receive, send)
        try:
            await anyio.sleep(60)
        finally:
            cancelled.append(True)

    async with live(app, lifespan="off", timeout_graceful_shutdown=0.15) as server:
        peer = await server.connect()
        await peer.upgrade("/stays")
        server.leave_open = True
        began = time.monotonic()
    assert 0.14 < time.monotonic() - began < 1
    assert cancelled == [True]
    await peer.drop()


@in_event_loop
async def test_a14_an_application_that_swallows_one_cancellation_is_waited_for(logs: Logs) -> None:
    logs.expect("has not ended in time")
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await accept(receive, send)
        try:
            await anyio.sleep(60)
        except BaseException as error:
            seen.append(type(error).__name__)

    async with live(app, lifespan="off", timeout_graceful_shutdown=0.05) as server:
        peer = await server.connect()
        await peer.upgrade()
        server.leave_open = True
    assert len(seen) == 1
    await peer.drop()


@in_event_loop
async def test_a10_a15_clients_that_do_not_answer_the_close_are_cut_off_at_the_end_of_the_grace() -> None:
    app = Recorder()
    async with live(app, timeout_graceful_shutdown=0.15) as server:
        peer = await server.connect()
        await peer.upgrade()
        server.leave_open = True
        began = time.monotonic()
    assert 0.14 < time.monotonic() - began < 1
    await peer.drop()


@in_event_loop
async def test_a_shutdown_that_waits_can_be_ended() -> None:
    async with anyio.create_task_group() as tasks:
        async with live(Recorder(), timeout_graceful_shutdown=20.0) as server:
            peer = await server.connect()
            await peer.upgrade()

            async def end() -> None:
                await peer.close_frame()
                server.server.stop_waiting()

            tasks.start_soon(end)
            server.leave_open = True
            began = time.monotonic()
        assert time.monotonic() - began < 2
        await peer.drop()


@in_event_loop
async def test_g13_the_lifespan_gets_what_is_left_of_the_grace(logs: Logs) -> None:
    logs.expect("The application's lifespan did not end within")
    app = Diary(slow_shutdown=60)
    began = time.monotonic()
    async with serve(app, port=0, timeout_graceful_shutdown=0.6):
        pass
    assert 0.55 < time.monotonic() - began < 1.5
    assert app.entries == ["startup"]


# As the main program

BACKENDS: dict[str, dict[str, Any]] = {
    "asyncio": {"backend": "asyncio", "loop": "asyncio"},
    "uvloop": {"backend": "asyncio", "loop": "uvloop"},
    "trio": {"backend": "trio"},
}
every_backend = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Undo what `run` sets up."""
    logger = logging.getLogger("wsserve")
    before = logger.handlers[:], logger.propagate, logger.level
    yield
    logger.handlers[:], logger.propagate, logger.level = before


class Outside(threading.Thread):
    """Does something to the server while it runs in the main thread, once it listens; its errors fail the test."""

    def __init__(self, logs: Logs, act: Callable[[int], None]) -> None:
        super().__init__(daemon=True)
        self._logs = logs
        self._act = act
        self.error: BaseException | None = None

    def __enter__(self) -> "Outside":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join(10)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        try:
            self._act(self._port())
        except BaseException as error:
            self.error = error
            os.kill(os.getpid(), signal.SIGTERM)

    def _port(self) -> int:
        for _ in range(1000):
            for line in self._logs.of("wsserve.error"):
                if "Listening on http://127.0.0.1:" in line:
                    return int(line.split(":")[2].split()[0])
            time.sleep(0.005)
        raise TimeoutError("the server does not listen")


def interrupt(number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@every_backend
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a15_a_signal_ends_it_with_1012_and_exit_code_0(
    backend: dict[str, Any], number: signal.Signals, logs: Logs, own_logging: None
) -> None:
    app = Diary()

    def act(port: int) -> None:
        with RawClient(port) as peer:
            peer.upgrade("/")
            interrupt(number)
            assert peer.read_close() == (1012, "the server is shutting down")
            peer.send(close_frame(1012))
            assert peer.at_end()

    with Outside(logs, act):
        assert run(app, port=0, **backend) == 0
    assert app.entries == ["startup", "connection", "websocket.disconnect 1012", "shutdown"]
    lines = logs.of("wsserve.error", logging.INFO)
    assert lines[1:] == [f"Shutting down on {number.name}", "Stopped"]


@every_backend
def test_a_second_signal_ends_the_grace(backend: dict[str, Any], logs: Logs, own_logging: None) -> None:
    def act(port: int) -> None:
        with RawClient(port) as peer:
            peer.upgrade("/")
            interrupt()
            assert peer.read_close() is not None
            interrupt(signal.SIGINT)
            peer.at_end()

    began = time.monotonic()
    with Outside(logs, act):
        assert run(Recorder(), port=0, timeout_graceful_shutdown=20.0, **backend) == 0
    assert time.monotonic() - began < 5


@every_backend
def test_a_signal_while_the_lifespan_is_starting_ends_it(backend: dict[str, Any], own_logging: None) -> None:
    cancelled: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        interrupt(signal.SIGINT)
        try:
            await anyio.sleep(60)
        finally:
            cancelled.append(True)

    assert run(app, port=0, **backend) == 0
    assert cancelled == [True]


@every_backend
def test_what_keeps_the_main_program_from_starting_comes_out_plain(backend: dict[str, Any], own_logging: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartupError, match="already in use"):
        run(hello, port=taken.getsockname()[1], **backend)
    with pytest.raises(LifespanError, match="the database is not there"):
        run(failing, port=0, **backend)


@every_backend
def test_outside_the_main_thread_it_runs_without_signal_handlers(backend: dict[str, Any], own_logging: None) -> None:
    errors: list[BaseException] = []

    def main() -> None:
        try:
            run(failing, port=0, **backend)  # it has come as far as the lifespan
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=main, daemon=True)
    thread.start()
    thread.join(10)
    assert [type(error) for error in errors] == [LifespanError]


@in_event_loop
async def test_run_within_an_event_loop_is_one_sentence() -> None:
    with pytest.raises(StartupError, match=r"^run\(\) starts an event loop, .*: use serve\(\) in it$"):
        run(hello, port=0)


def test_the_main_program_loads_applications_and_factories_by_name(logs: Logs, own_logging: None) -> None:
    def act(port: int) -> None:
        with RawClient(port) as peer:
            peer.send(head("GET /page HTTP/1.1", HOST, "Connection: close"))
            assert peer.read_response().body == b"/page"
        interrupt()

    with Outside(logs, act):
        assert run("tests.server.test_serve:make_app", Config(port=0, lifespan="off"), factory=True) == 0


def make_app() -> ASGIApp:
    return module_app


@pytest.mark.parametrize("nested", [False, True])
def test_other_errors_come_out_in_their_group(nested: bool, monkeypatch: pytest.MonkeyPatch, own_logging: None) -> None:
    error: Exception = ValueError("a fault of our own")
    if nested:
        error = ExceptionGroup("inner", [error])

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(serve_module, "accept_connections", fail)
    with pytest.raises(BaseExceptionGroup) as caught:
        run(hello, port=0, lifespan="off")
    assert caught.group_contains(ValueError, match="a fault of our own")


# The last word


@pytest.mark.parametrize("named", [True, False])
def test_a14_the_last_word_names_what_still_runs(named: bool, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.expect("exiting without it (http /a, websocket /b)" if named else "exiting without it (lifespan)")
    codes: list[int] = []
    done = threading.Event()
    monkeypatch.setattr(logging, "shutdown", lambda: None)

    def note(code: int) -> None:
        codes.append(code)
        done.set()

    monkeypatch.setattr(os, "_exit", note)

    class Running:
        running = ("http /a", "websocket /b")

    word = serve_module._LastWord()
    word.cancel()
    word.due_in(60)
    word.due_in(0.01, Running() if named else None)  # type: ignore[arg-type]  # all that is asked of it
    assert done.wait(5)
    word.cancel()
    assert codes == [0]


def test_a14_a_server_process_ends_whatever_its_application_does() -> None:
    """It swallows its cancellation, or blocks the event loop: on all event loops at once, since each takes a while."""
    with ExitStack() as stack:
        servers = []
        for app in ("swallows", "blocks"):
            for configuration in WSSERVE:
                server = ServerProcess(
                    configuration,
                    f"tests.server.stubborn_apps:{app}",
                    ["--timeout-graceful-shutdown", "0.3"],
                )
                server.start()
                stack.callback(server.wait)
                peer = stack.enter_context(RawClient(server.port))
                peer.upgrade("/stays")
                servers.append(server)
        began = time.monotonic()
        for server in servers:
            server.terminate()
        for server in servers:
            assert server.wait() == 0
            text = server.log.text()
            assert "The application does not end: exiting without it (websocket /stays)" in text
            assert "Traceback" not in text
        assert time.monotonic() - began < 0.3 + 1 + 1.5, "the grace, a second more, and a busy machine"


def test_a18_the_names_of_what_still_runs_are_one_short_line() -> None:
    server = object.__new__(Server)
    names = {1: "websocket /a\n2026-11-21 INFO forged\x1b[31m", 2: "http /" + "x" * 5000}
    server._runtime = cast(Any, SimpleNamespace(running=names))
    assert all(name.isprintable() and len(name) <= 256 for name in server.running)
