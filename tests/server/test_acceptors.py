"""Accepting connections, on every event loop."""

import errno
import logging
import socket
import ssl
import struct
import time
from contextlib import suppress
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSStream

from tests.server.live import Live, Logs, Recorder, get, hello, live, until
from wsserve.server import acceptors
from wsserve.server.acceptors import accept_connections, on_asyncio
from wsserve.server.anyio_transport import AnyioTransport
from wsserve.server.asyncio_transport import AsyncioTransport

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _clean(logs: Logs) -> None:
    """Let no test log a warning or an error that it does not expect."""


async def ask(address: Any) -> bytes:
    """Return the body of the answer to a request."""
    async with await anyio.connect_tcp(*address[:2]) as stream:
        await stream.send(get("/page", "Connection: close"))
        answer = b""
        with anyio.fail_after(5):
            async for data in stream:
                answer += data
    return answer.partition(b"\r\n\r\n")[2]


def listener(kind: type[socket.socket] = socket.socket) -> socket.socket:
    sock = kind(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    sock.listen(100)
    sock.setblocking(False)
    return sock


async def test_the_event_loop_is_recognised(anyio_backend_name: str) -> None:
    assert on_asyncio() is (anyio_backend_name == "asyncio")


def test_without_an_event_loop_it_is_not_asyncio() -> None:
    assert not on_asyncio()


async def test_all_sockets_are_served_and_closed_at_the_end() -> None:
    sockets = [listener(), listener()]
    addresses = [sock.getsockname() for sock in sockets]
    async with live(hello) as server, anyio.create_task_group() as tasks:
        async with accept_connections(sockets, server.context, None, tasks):
            for address in addresses:
                assert await ask(address) == b"/page"
        await until(lambda: all(sock.fileno() == -1 for sock in sockets))
        for address in addresses:
            with pytest.raises(OSError, match="connect"):
                await anyio.connect_tcp(*address)


async def test_many_clients_at_once_are_all_accepted() -> None:
    async with live(hello) as server:
        clients = [socket.create_connection(server.server.addresses[0]) for _ in range(200)]
        await until(lambda: len(server.context.connections) == 200)
        for client in clients:
            client.close()


async def test_small_writes_are_not_delayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptors, "new_transport", AsyncioTransport)  # its twin lets nobody look inside
    async with live(hello) as server, server.websocket():
        (connection,) = server.context.connections
        transport = connection._transport
        if isinstance(transport, AsyncioTransport):
            sock = transport._transport.get_extra_info("socket")
        else:
            assert isinstance(transport, AnyioTransport)
            sock = transport._stream.extra(SocketAttribute.raw_socket)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_client_that_is_gone_before_it_is_accepted_is_passed_over() -> None:
    app = Recorder()
    async with live(app) as server:
        for _ in range(5):
            client = socket.create_connection(server.server.addresses[0])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        assert await ask(server.server.addresses[0]) == b""


# A13


class Failing(socket.socket):
    """A listening socket whose `accept` fails as long as it has errors to raise."""

    errors: list[int]
    calls: list[float]

    def accept(self) -> tuple[socket.socket, Any]:
        self.calls.append(time.monotonic())
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, errno.errorcode[number])
        return super().accept()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM])
async def test_a13_without_descriptors_the_server_waits_and_goes_on(
    number: int, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.expect(f"Cannot accept connections: {errno.errorcode[number]}")
    monkeypatch.setattr(acceptors, "_PAUSE", 0.05)
    sock = listener(Failing)
    assert isinstance(sock, Failing)
    sock.errors, sock.calls = [number] * 2, []
    async with (
        live(hello) as server,
        anyio.create_task_group() as tasks,
        accept_connections([sock], server.context, None, tasks),
    ):
        assert await ask(sock.getsockname()) == b"/page"
    assert len(logs.of("wsserve.error", logging.ERROR)) == 2
    assert sock.calls[2] - sock.calls[0] > 0.09, "there must be a pause, not a busy loop"


def test_a13_accepting_resumes_within_a_second_of_any_shortage() -> None:
    assert acceptors._PAUSE < 1
    assert {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM} == acceptors._NO_DESCRIPTORS


async def test_a13_a_client_that_gives_up_costs_nothing() -> None:
    sock = listener(Failing)
    assert isinstance(sock, Failing)
    sock.errors, sock.calls = [errno.ECONNABORTED, errno.EPROTO, errno.EPERM], []
    async with (
        live(hello) as server,
        anyio.create_task_group() as tasks,
        accept_connections([sock], server.context, None, tasks),
    ):
        assert await ask(sock.getsockname()) == b"/page"


async def test_a_client_whose_socket_cannot_be_set_up_is_closed() -> None:
    class Gone(socket.socket):
        def setsockopt(self, *_: Any) -> None:
            raise OSError(errno.EINVAL, "the client is gone")

    accepted: list[socket.socket] = []

    class Listener(socket.socket):
        def accept(self) -> tuple[socket.socket, Any]:
            client, address = super().accept()
            if not accepted:
                client = Gone(fileno=client.detach())
            accepted.append(client)
            return client, address

    sock = listener(Listener)
    async with (
        live(hello) as server,
        anyio.create_task_group() as tasks,
        accept_connections([sock], server.context, None, tasks),
    ):
        with socket.create_connection(sock.getsockname()):
            await until(lambda: accepted)
            assert accepted[0].fileno() == -1
        assert await ask(sock.getsockname()) == b"/page"


@pytest.mark.parametrize("tls", [False, True])
async def test_a_client_that_is_accepted_while_the_server_ends_is_not_left_open(tls: bool) -> None:
    class Listener(socket.socket):
        def accept(self) -> tuple[socket.socket, Any]:
            tasks.cancel_scope.cancel()
            return super().accept()

    sock = listener(Listener)
    ssl_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
    async with live(hello) as server:
        with socket.create_connection(sock.getsockname()) as client:
            async with (
                anyio.create_task_group() as tasks,
                accept_connections([sock], server.context, ssl_context, tasks),
            ):
                await anyio.sleep(10)
            for connection in list(server.context.connections):
                connection.abort()
            client.settimeout(2)
            with suppress(ConnectionResetError):
                assert await anyio.to_thread.run_sync(client.recv, 1) == b""


async def test_a_fault_of_our_own_costs_one_connection(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.expect("A connection could not begin", "A connection failed")
    begin = {name: getattr(acceptors, name) for name in ("_begin_protocol", "_begin_stream")}

    async def fail(client: socket.socket, *_: Any) -> None:
        client.close()
        raise ValueError("a fault of our own")

    async with live(hello) as server:
        for name in begin:
            monkeypatch.setattr(acceptors, name, fail)
        async with server.peer() as peer:
            await peer.is_reset()
        for name, function in begin.items():
            monkeypatch.setattr(acceptors, name, function)
        assert await ask(server.server.addresses[0]) == b"/page"

    class Broken:
        async def run(self) -> None:
            raise ValueError("another fault")

    await acceptors._serve(Broken())  # type: ignore[arg-type]  # all that is asked of it


# TLS


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
async def test_a2_a_slow_tls_handshake_ends_at_the_deadline(sent: bytes) -> None:
    app = Recorder()
    async with live(app, kind="tls", timeout_handshake=0.15) as server, server.peer(tls=False) as peer:
        began = time.monotonic()
        await peer.send(sent)
        await peer.is_reset()
        assert 0.14 < time.monotonic() - began < 0.5
    assert app.scopes == []


@pytest.mark.parametrize("noise", [get(), b"\0" * 1000, bytes(range(256)) * 50], ids=["http", "zeros", "bytes"])
async def test_a19_what_is_no_tls_is_dropped_and_the_next_client_is_served(noise: bytes) -> None:
    async with live(hello, kind="tls") as server:
        async with server.peer(tls=False) as peer:
            await peer.send(noise)
            await peer.is_reset()
        await answers(server)


async def test_a9_tls_that_breaks_off_in_the_handshake_is_dropped() -> None:
    async with live(hello, kind="tls") as server:
        for _ in range(5):
            async with server.peer(tls=False) as peer:
                await peer.send(b"\x16\x03\x01\x02\x00\x01\x00")
        await answers(server)


async def test_a19_garbage_within_tls_ends_the_connection() -> None:
    async with live(hello, kind="tls") as server:
        async with server.websocket() as peer:
            assert isinstance(peer.stream, TLSStream)
            await peer.stream.transport_stream.send(b"this is no TLS record" * 10)
            await peer.is_reset()
        await answers(server)


async def answers(server: Live) -> None:
    async with server.peer() as peer:
        await peer.send(get("/next"))
        assert (await peer.response()).body == b"/next"


async def test_a15_a_tls_handshake_that_is_under_way_is_given_up_at_the_end() -> None:
    began = time.monotonic()
    async with live(hello, kind="tls", timeout_handshake=30.0) as server:
        peer = await server.connect(tls=False)
        await peer.send(b"\x16\x03\x01")
        await anyio.sleep(0.05)
    await peer.is_reset()
    await peer.drop()
    assert time.monotonic() - began < 1
