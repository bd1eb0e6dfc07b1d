"""Servers and clients for the end-to-end tests, each started once and used by many tests."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.end_to_end.apps.asgi import SETTLE
from tests.end_to_end.clients import CLIENTS
from tests.end_to_end.raw_client import RawClient, close_frame
from tests.end_to_end.server_process import OTHER_SERVERS, WSSERVE, Configuration, ServerProcess
from tests.end_to_end.steps import Client

# END_TO_END_SERVER names another server (uvicorn-wsproto, hypercorn-trio ...) to see what the same tests make of it.
OPTIONS = ("--timeout-handshake", "0.7", "--timeout-graceful-shutdown", "2")

_named = os.environ.get("END_TO_END_SERVER")
CONFIGURATIONS = [known for known in (*WSSERVE, *OTHER_SERVERS) if known.name == _named] if _named else WSSERVE


class Servers:
    """The running servers: one process for each combination of configuration, app and options that tests ask for."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[tuple[object, ...], ServerProcess] = {}

    def get(self, configuration: Configuration, app: str, *options: str) -> ServerProcess:
        """Return the server of this app (a module of tests.end_to_end.apps and its attribute), started if need be."""
        return self.get_named(configuration, f"tests.end_to_end.apps.{app}", *options)

    def get_named(self, configuration: Configuration, app: str, *options: str) -> ServerProcess:
        """Return the server of this app, from any module, started if need be."""
        if configuration not in WSSERVE:
            options = ()  # they are wsserve's own
        key = (configuration, app, options)
        if key not in self._running or not self._running[key].running:  # one that died must not fail all later tests
            server = ServerProcess(configuration, app, options)
            self._running[key] = self._stack.enter_context(server)
        return self._running[key]


class Clients:
    """The clients, each started when a test first asks for it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._started: dict[str, Client] = {}

    def get(self, kind: type[Client]) -> Client:
        """Return the one client of this kind."""
        if kind.name not in self._started:
            self._started[kind.name] = self._stack.enter_context(kind())
        return self._started[kind.name]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The running servers; at the end each must stop at SIGTERM with a clean exit status."""
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(scope="session")
def clients() -> Iterator[Clients]:
    """The running clients."""
    with ExitStack() as stack:
        yield Clients(stack)


@pytest.fixture(scope="session", params=CLIENTS, ids=lambda kind: kind.name)
def client(request: pytest.FixtureRequest, clients: Clients) -> Client:
    """Each client."""
    return clients.get(request.param)


@pytest.fixture(scope="session", params=[kind for kind in CLIENTS if kind.sees_response], ids=lambda kind: kind.name)
def telling_client(request: pytest.FixtureRequest, clients: Clients) -> Client:
    """Each client that sends headers and tells the response to the handshake."""
    return clients.get(request.param)


@pytest.fixture(scope="session", params=CONFIGURATIONS, ids=lambda configuration: configuration.name)
def configuration(request: pytest.FixtureRequest) -> Configuration:
    """Each way to run wsserve."""
    chosen: Configuration = request.param
    return chosen


def watched(process: ServerProcess, *, clean: bool) -> Iterator[ServerProcess]:
    """Give a test the server; afterwards it must run on, and with `clean` have logged no traceback and no warning."""
    start = len(process.log)
    yield process
    assert process.running, process.log.text(start)
    if process.configuration in WSSERVE:
        settle(process)
    if clean:
        process.assert_log_clean(start)


def settle(process: ServerProcess) -> None:
    """Wait until the log holds all that a test brought about."""
    start = len(process.log)
    with RawClient(process.port) as peer:
        peer.upgrade(SETTLE)
        peer.send(close_frame(1000))
        peer.read_until_end()
    process.log.wait_for(f"{SETTLE}.*closed", 5, start)


@pytest.fixture
def server(servers: Servers, configuration: Configuration) -> Iterator[ServerProcess]:
    """The server of all plain ASGI apps; the test must leave no traceback and no warning in its log."""
    yield from watched(servers.get(configuration, "main:app", *OPTIONS), clean=True)


@pytest.fixture
def failing_server(servers: Servers, configuration: Configuration) -> Iterator[ServerProcess]:
    """The same server, for tests whose app fails, so that tracebacks are in order."""
    yield from watched(servers.get(configuration, "main:app", *OPTIONS), clean=False)


@pytest.fixture
def handler_server(servers: Servers, configuration: Configuration) -> Iterator[ServerProcess]:
    """The server of the handlers that use the WebSocket class; nothing may fail."""
    yield from watched(servers.get(configuration, "handlers:app", *OPTIONS), clean=True)


@pytest.fixture
def failing_handler_server(servers: Servers, configuration: Configuration) -> Iterator[ServerProcess]:
    """The same server, for tests whose handler fails, so that tracebacks are in order."""
    yield from watched(servers.get(configuration, "handlers:app", *OPTIONS), clean=False)
