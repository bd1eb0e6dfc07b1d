"""Our WebSocket class under servers that are not ours, and under ours: a handler behaves alike everywhere."""

import pytest

from tests.end_to_end.conftest import Servers
from tests.end_to_end.server_process import OTHER_SERVERS, WSSERVE, Configuration, ServerProcess, new_report_id
from tests.end_to_end.steps import Client, close, receive, send, send_bytes, send_text, wait_closed

LOSES_THE_CODE = ("hypercorn-asyncio", "hypercorn-trio")  # the app is told 1006 whatever the client said


@pytest.fixture(scope="session", params=[*OTHER_SERVERS, *WSSERVE], ids=lambda configuration: configuration.name)
def any_server(request: pytest.FixtureRequest, servers: Servers) -> ServerProcess:
    """Each server that runs the handlers."""
    configuration: Configuration = request.param
    return servers.get(configuration, "handlers:app")


def test_echo(any_server: ServerProcess, telling_client: Client) -> None:
    report_id = new_report_id()
    sent: list[str | bytes] = ["hello", "", "\u20ac" * 70_000, b"hello", b"", b"\xff" * 70_000]
    steps = [step for data in sent for step in (send(data), receive())]
    seen = telling_client.run_steps(any_server.ws("/echo", id=report_id), [*steps, close(3000, "bye")])
    assert seen.messages == sent
    assert seen.close == (3000, "bye")
    report = any_server.report(report_id)
    lost = any_server.configuration.name in LOSES_THE_CODE
    assert (report["code"], report["reason"]) == ((1006, "") if lost else (3000, "bye"))


def test_subprotocol_and_headers(any_server: ServerProcess, telling_client: Client) -> None:
    seen = telling_client.run_steps(any_server.ws("/accept-headers"), [wait_closed()], subprotocols=["one", "two"])
    assert seen.subprotocol == "two"
    assert seen.headers is not None
    headers = [(name.lower(), value) for name, value in seen.headers]
    assert ("x-first", "1") in headers
    assert [value for name, value in headers if name == "set-cookie"] == ["a=1", "b=2"]
    assert seen.close == (1000, "")


@pytest.mark.parametrize("mode", ["text", "binary"])
def test_json_modes(any_server: ServerProcess, telling_client: Client, mode: str) -> None:
    sent: list[str | bytes] = ['{"a":[1,null,"\u20ac"]}', '"b"', "3"]
    if mode == "binary":
        sent = [text.encode() for text in sent if isinstance(text, str)]
    steps = [step for data in sent for step in (send(data), receive())]
    seen = telling_client.run_steps(any_server.ws("/json", mode=mode), [*steps, close(1000)])
    assert seen.messages == sent


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, "done"), (3001, ""), (4999, "\u20ac" * 50)], ids=lambda value: str(value)[:4]
)
def test_close_code_and_reason(any_server: ServerProcess, telling_client: Client, code: int, reason: str) -> None:
    """The reason is at most 123 bytes, and the cut falls between characters (R13)."""
    report_id = new_report_id()
    seen = telling_client.run_steps(any_server.ws("/close", id=report_id, code=code, reason=reason), [wait_closed()])
    assert seen.close == (code, reason[:41])
    told = any_server.report(report_id)["code"]
    if any_server.configuration in WSSERVE:  # others tell all sorts of things
        assert told == code


def test_wrong_frame_type_closes_with_1003(any_server: ServerProcess, telling_client: Client) -> None:
    seen = telling_client.run_steps(any_server.ws("/receive-text"), [send_bytes(b"hello"), wait_closed()])
    assert seen.close is not None
    assert seen.close[0] == 1003


@pytest.mark.parametrize("data", ["", "{", "hello", '{"a":1} x'])
def test_bad_json_closes_with_1007(any_server: ServerProcess, telling_client: Client, data: str) -> None:
    seen = telling_client.run_steps(any_server.ws("/receive-json"), [send_text(data), wait_closed()])
    assert seen.close is not None
    assert seen.close[0] == 1007


def test_denial_response(any_server: ServerProcess, telling_client: Client) -> None:
    seen = telling_client.run_steps(any_server.ws("/deny"), [])
    assert not seen.opened
    assert seen.status == 401
    assert seen.body == "who are you?"
    assert seen.headers is not None
    assert ("www-authenticate", "Basic") in [(name.lower(), value) for name, value in seen.headers]


def test_close_and_send_after_the_client_left(any_server: ServerProcess, telling_client: Client) -> None:
    """uvicorn raises RuntimeError or ClientDisconnected for a late close, and for a late send, or nothing at all."""
    report_id = new_report_id()
    telling_client.run_steps(any_server.ws("/close-after-disconnect", id=report_id), [close(1000)])
    report = any_server.report(report_id)
    assert report["close"] == [None, None]
    assert report["send"]["raised"][0] == "WebSocketDisconnect"


@pytest.mark.parametrize("end", ["own-close", "raise", "raise-before-accept", "return", "iterate", "wait", "deny"])
def test_l39_cleanups_run_once_last_in_first_out_however_it_ends(
    any_server: ServerProcess, telling_client: Client, end: str
) -> None:
    report_id = new_report_id()
    steps = [receive(), close(1000)] if end in ("iterate", "wait") else [wait_closed()]
    telling_client.run_steps(any_server.ws("/cleanups", id=report_id, end=end, hosted="yes"), steps)
    assert any_server.report(report_id)["ran"] == [3, 2, 1]


@pytest.mark.parametrize("end", ["own-close", "raise", "raise-before-accept", "return", "iterate", "wait", "deny"])
def test_l39_cleanups_run_on_wsserve_for_a_bare_object_too(
    failing_handler_server: ServerProcess, telling_client: Client, end: str
) -> None:
    report_id = new_report_id()
    steps = [receive(), close(1000)] if end in ("iterate", "wait") else [wait_closed()]
    telling_client.run_steps(failing_handler_server.ws("/cleanups", id=report_id, end=end), steps)
    assert failing_handler_server.report(report_id)["ran"] == [3, 2, 1]
