"""Apps of the frameworks that people use, the real packages, on wsserve."""

import json
from dataclasses import dataclass

import httpx
import pytest

from tests.end_to_end.conftest import Servers
from tests.end_to_end.server_process import WSSERVE, Configuration, ServerProcess, new_report_id
from tests.end_to_end.steps import Client, close, receive, send_text, wait_closed

ASYNCIO, UVLOOP, TRIO = WSSERVE


@dataclass(frozen=True)
class Framework:
    """What differs between the frameworks, none of which is the server's doing."""

    name: str
    configuration: Configuration
    end: dict[str, object]
    """What the echo handler reports when the client has closed with 3000 and "bye"."""
    deny_status: int
    no_route_status: int
    crash_code: int
    hello: str = "hello"


FRAMEWORKS = [
    Framework("starlette", UVLOOP, {"code": 3000, "reason": "bye"}, 401, 403, 1011),
    Framework("starlette", TRIO, {"code": 3000, "reason": "bye"}, 401, 403, 1011),
    Framework("fastapi", ASYNCIO, {"state": "DISCONNECTED"}, 401, 403, 1011),
    Framework("lilya", UVLOOP, {"code": 3000, "reason": "bye"}, 403, 500, 1011, '"hello"'),
    Framework("lihil", UVLOOP, {"code": 3000, "reason": "bye"}, 403, 404, 1011, '"hello"'),
    Framework("litestar", UVLOOP, {"code": 3000}, 403, 403, 4500),
    Framework("channels", UVLOOP, {"code": 3000}, 403, 500, 1011),
]


@pytest.fixture(
    scope="session", params=FRAMEWORKS, ids=lambda framework: f"{framework.name}-{framework.configuration.name}"
)
def framework(request: pytest.FixtureRequest) -> Framework:
    """Each framework, and the way that wsserve runs its app."""
    chosen: Framework = request.param
    return chosen


@pytest.fixture(scope="session")
def framework_server(framework: Framework, servers: Servers) -> ServerProcess:
    """The server of the framework's app."""
    return servers.get(framework.configuration, f"frameworks.{framework.name}_app:app")


def test_echo_and_the_clients_close(
    framework: Framework, framework_server: ServerProcess, telling_client: Client
) -> None:
    report_id = new_report_id()
    steps = [send_text("hello"), receive(), send_text("\u20ac" * 50_000), receive(), close(3000, "bye")]
    url = framework_server.ws("/echo", id=report_id)
    seen = telling_client.run_steps(url, steps, subprotocols=["chat", "superchat"])
    assert seen.messages == ["hello", "\u20ac" * 50_000]
    assert seen.subprotocol == "chat"
    assert seen.headers is not None
    assert ("x-framework", "yes") in [(name.lower(), value) for name, value in seen.headers]
    assert seen.close == (3000, "bye")
    assert framework_server.report(report_id) == {"id": report_id, **framework.end}


def test_close_code_and_reason(framework_server: ServerProcess, telling_client: Client) -> None:
    seen = telling_client.run_steps(framework_server.ws("/close"), [wait_closed()])
    assert seen.close == (3001, "done")


def test_path_parameter(framework_server: ServerProcess, telling_client: Client) -> None:
    seen = telling_client.run_steps(framework_server.ws("/items/5"), [wait_closed()])
    assert [json.loads(message) for message in seen.messages] == [{"number": 5}]
    assert seen.close == (1000, "")


def test_deny(framework: Framework, framework_server: ServerProcess, telling_client: Client) -> None:
    seen = telling_client.run_steps(framework_server.ws("/deny"), [])
    assert not seen.opened
    assert seen.status == framework.deny_status
    if framework.deny_status == 401:
        assert seen.body == "who are you?"


def test_no_such_route(framework: Framework, framework_server: ServerProcess, telling_client: Client) -> None:
    seen = telling_client.run_steps(framework_server.ws("/nowhere"), [])
    assert not seen.opened
    assert seen.status == framework.no_route_status


def test_crash_of_the_handler(framework: Framework, framework_server: ServerProcess, telling_client: Client) -> None:
    seen = telling_client.run_steps(framework_server.ws("/crash"), [wait_closed()])
    assert seen.opened
    assert seen.close is not None
    assert seen.close[0] == framework.crash_code


def test_http(framework: Framework, framework_server: ServerProcess) -> None:
    response = httpx.get(framework_server.http("/hello"), trust_env=False)
    assert (response.status_code, response.text) == (200, framework.hello)


def test_fastapi_websocket_exception(servers: Servers, telling_client: Client) -> None:
    server = servers.get(ASYNCIO, "frameworks.fastapi_app:app")
    assert telling_client.run_steps(server.ws("/policy"), [wait_closed()]).close == (1008, "not allowed")


def test_fastapi_numbers_of_enumerations(servers: Servers, telling_client: Client) -> None:
    server = servers.get(ASYNCIO, "frameworks.fastapi_app:app")
    start = len(server.log)
    response = httpx.get(server.http("/accepted"), trust_env=False)
    assert (response.status_code, response.text) == (202, "soon")
    denied = telling_client.run_steps(server.ws("/unauthorized"), [])
    assert (denied.status, denied.body) == (401, "who are you?")
    assert telling_client.run_steps(server.ws("/close-enumerated"), [wait_closed()]).close == (4001, "")
    settle_log(server, start, "/close-enumerated.*closed")


def test_fastapi_invalid_path_parameter_is_403(servers: Servers, telling_client: Client) -> None:
    server = servers.get(ASYNCIO, "frameworks.fastapi_app:app")
    start = len(server.log)
    seen = telling_client.run_steps(server.ws("/items/five"), [])
    assert (seen.opened, seen.status) == (False, 403)
    # The next connection's log lines come behind all that the application had to say of this one.
    assert telling_client.run_steps(server.ws("/close"), [wait_closed()]).close == (3001, "done")
    settle_log(server, start, "/close.*closed")


def settle_log(server: ServerProcess, start: int, last_line: str) -> None:
    """Wait for the last line that a test brings about, and check that nothing failed before it."""
    server.log.wait_for(last_line, 5, start)
    server.assert_log_clean(start)


@pytest.mark.parametrize("configuration", WSSERVE, ids=lambda configuration: configuration.name)
def test_u11_hosted_handler_is_a_whole_application(
    configuration: Configuration, servers: Servers, telling_client: Client
) -> None:
    server = servers.get(configuration, "frameworks.hosted_app:app")
    response = httpx.get(server.http("/"), trust_env=False)
    assert (response.status_code, response.headers["upgrade"]) == (426, "websocket")
    seen = telling_client.run_steps(server.ws("/"), [send_text("hello"), receive(), close(1000)])
    assert (seen.messages, seen.close) == (["hello"], (1000, ""))
    settle_log(server, 0, "closed")


def test_lilya_seed_page_with_the_real_lilya(servers: Servers, client: Client) -> None:
    server = servers.get(UVLOOP, "frameworks.lilya_app:app")
    assert client.run_steps(server.ws("/seed/hello"), [wait_closed()]).messages == [b'{"message":"Hello, world!"}']
    start = len(server.log)
    seen = client.run_steps(server.ws("/seed/iterate"), [send_text('"one"'), receive(), close(1000)])
    assert seen.messages == [b'{"message":"Message text was: one"}']
    assert seen.close == (1000, "")
    server.assert_log_clean(start)


def test_lihil_seed_page_with_the_real_lihil(servers: Servers, client: Client) -> None:
    server = servers.get(UVLOOP, "frameworks.lihil_app:app")
    seen = client.run_steps(server.ws("/web_socket/session123", max_users=5), [wait_closed()])
    assert seen.messages == ["Hello, world!"]
    assert seen.close == (1000, "")
