"""The snippets of Lilya's WebSocket page over a real socket, with three clients that are not ours (rows L1 to L41)."""

import json

import pytest

from tests.end_to_end.server_process import ServerProcess, new_report_id
from tests.end_to_end.steps import Client, close, receive, send, send_bytes, send_text, wait_closed


@pytest.fixture
def server(handler_server: ServerProcess) -> ServerProcess:
    """The server of all handlers, the page's among them."""
    return handler_server


def test_l3_hello(server: ServerProcess, client: Client) -> None:
    seen = client.run_steps(server.ws("/seed/hello"), [wait_closed()])
    assert seen.messages == [b'{"message":"Hello, world!"}']
    assert seen.close == (1000, "")


def test_l31_l32_iterate_and_close_after_the_client_left(server: ServerProcess, client: Client) -> None:
    steps = [send_text('"one"'), receive(), send_text('{"n": [1, null]}'), receive(), close(1000)]
    seen = client.run_steps(server.ws("/seed/iterate"), steps)
    assert [json.loads(message) for message in seen.messages] == [
        {"message": "Message text was: one"},
        {"message": "Message text was: {'n': [1, None]}"},
    ]
    assert all(isinstance(message, bytes) for message in seen.messages)
    assert seen.close == (1000, "")


def test_l40_close_helper(server: ServerProcess, client: Client) -> None:
    seen = client.run_steps(server.ws("/seed/close"), [])
    assert not seen.opened
    assert seen.status == (403 if client.sees_response else None)


def test_l4_to_l10_connection_data(server: ServerProcess, client: Client) -> None:
    seen = client.run_steps(server.ws("/seed/connection-data", search="a b"), [wait_closed()])
    assert [json.loads(message) for message in seen.messages] == [
        [
            "/seed/connection-data",
            server.ws("/seed/connection-data", search="a b"),
            "ws",
            "/seed/connection-data",
            server.port,
            "13",
            "a b",
            "ada",
        ]
    ]


def test_l11_auth_user_and_session(server: ServerProcess, client: Client) -> None:
    seen = client.run_steps(server.ws("/seed/middleware-data"), [wait_closed()])
    *errors, data = map(str, seen.messages)
    assert json.loads(data) == [["admin"], "ada", {"visits": 1}]
    assert ["AuthenticationMiddleware" in error or "SessionMiddleware" in error for error in errors] == [True] * 3


def test_l20_to_l28_operations_as_the_page_writes_them(server: ServerProcess, client: Client) -> None:
    value = b'{"n": 1}'
    sent = [send_text("text"), send_bytes(b"bytes"), send_text('{"n": 1}'), send_bytes(value), send_bytes(value)]
    seen = client.run_steps(server.ws("/seed/operations"), [*sent, wait_closed()])
    assert seen.messages == ["text", b"bytes", '{"n":1}', b'{"n":1}']
    assert seen.close == (1000, "")


@pytest.mark.parametrize(
    ("path", "data"), [("/seed/iterate-text", ["", "one", "\u20ac"]), ("/seed/iterate-bytes", [b"", b"one", b"\xff"])]
)
def test_l31_iterators_end_when_the_client_left(
    server: ServerProcess, client: Client, path: str, data: list[str | bytes]
) -> None:
    report_id = new_report_id()
    steps = [send(item) for item in data]
    receives = [receive() for _ in data]
    seen = client.run_steps(server.ws(path, id=report_id), [*steps, *receives, close(3000)])
    assert seen.messages == data
    assert server.report(report_id)["code"] == 3000


def test_l29_receiving_raises_the_disconnect(server: ServerProcess, client: Client) -> None:
    report_id = new_report_id()
    client.run_steps(server.ws("/seed/disconnect", id=report_id), [close(3999, "bye")])
    report = server.report(report_id)
    assert (report["code"], report["reason"]) == (3999, "bye")


def test_l36_l37_raw_messages_keep_the_states(server: ServerProcess, client: Client) -> None:
    report_id = new_report_id()
    steps = [send_text("raw"), receive(), wait_closed()]
    seen = client.run_steps(server.ws("/seed/raw-messages", id=report_id), steps)
    assert seen.messages == ["raw"]
    assert seen.close == (1000, "")
    assert server.report(report_id)["states"] == [
        ["CONNECTING", "CONNECTING"],
        ["CONNECTED", "CONNECTING"],
        ["CONNECTED", "CONNECTED"],
        ["CONNECTED", "DISCONNECTED"],
    ]


def test_l38_an_invalid_state_raises(server: ServerProcess, client: Client) -> None:
    report_id = new_report_id()
    seen = client.run_steps(server.ws("/seed/invalid-state", id=report_id), [wait_closed()])
    assert seen.close == (1000, "")
    assert len(server.report(report_id)["errors"]) == 3


def test_l39_cleanups_run_when_the_websocket_is_closed(server: ServerProcess, client: Client) -> None:
    report_id = new_report_id()
    client.run_steps(server.ws("/seed/cleanup", id=report_id), [wait_closed()])
    assert server.report(report_id)["ran"] == ["asynchronous", "plain"]
