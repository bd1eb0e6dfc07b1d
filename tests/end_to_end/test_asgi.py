"""What an ASGI app sees and may do over a real connection (requirements G1 to G14)."""

import json
from typing import Any

import pytest

from tests.end_to_end.apps.asgi import HANGS
from tests.end_to_end.apps.websocket_apps import BLOCK, MESSAGES
from tests.end_to_end.raw_client import BINARY, TEXT, RawClient, close_frame, frame, upgrade_head
from tests.end_to_end.server_process import ServerProcess, new_report_id, target
from tests.end_to_end.steps import Client, close, wait_closed


def messages(*prefixes: str) -> list[str]:
    """Return the names of the messages in `MESSAGES` that begin so."""
    return [name for name in MESSAGES if name.startswith(prefixes)]


GOOD = [*messages("g5-text-alone", "g5-bytes-None", "g5-text-None", "g5-empty", "g6-extra-key")]
BAD_ACCEPTANCES = messages("g6-send-first", "g6-subprotocol", "g6-headers", "r2-", "u17-")
BAD = [name for name in MESSAGES if name not in GOOD + BAD_ACCEPTANCES]


# G1


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1000, ""), (1000, "done"), (3000, "registered"), (4999, "private, \u20ac"), (4000, "x" * 123)],
)
def test_g1_code_and_reason_reach_the_app(server: ServerProcess, client: Client, code: int, reason: str) -> None:
    report_id = new_report_id()
    seen = client.run_steps(server.ws("/echo", id=report_id), [close(code, reason)])
    assert seen.close == (code, reason)
    report = server.report(report_id)
    assert report["event"] == {"type": "websocket.disconnect", "code": code, "reason": reason}


@pytest.mark.parametrize("code", [1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014])
def test_g1_every_code_of_the_protocol_reaches_the_app(server: ServerProcess, code: int) -> None:
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.upgrade(target("/echo", id=report_id))
        peer.send(close_frame(code, "because"))
        assert peer.read_close() == (code, "because")
        assert peer.at_end()
    assert server.report(report_id)["event"] == {"type": "websocket.disconnect", "code": code, "reason": "because"}


def test_g1_r12_empty_close_is_1005(server: ServerProcess, client: Client) -> None:
    report_id = new_report_id()
    seen = client.run_steps(server.ws("/echo", id=report_id), [close()])
    assert seen.close == (1005, "")
    assert server.report(report_id)["event"] == {"type": "websocket.disconnect", "code": 1005, "reason": ""}


@pytest.mark.parametrize("how", ["reset", "fin", "fin-in-a-frame", "fin-in-a-fragmented-message"])
def test_g1_r12_lost_connection_is_1006(server: ServerProcess, how: str) -> None:
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.upgrade(target("/echo", id=report_id))
        peer.send_text("hello")
        assert peer.read_frame().payload == b"hello"
        if how == "fin-in-a-frame":
            peer.send(frame(TEXT, b"cut here")[:-3])
        if how == "fin-in-a-fragmented-message":
            peer.send(frame(TEXT, b"first", fin=False))
        if how == "reset":
            peer.reset()
    event = server.report(report_id)["event"]
    assert (event["type"], event["code"]) == ("websocket.disconnect", 1006)


def test_g1_g3_after_the_disconnect_receive_does_not_hang(server: ServerProcess, client: Client) -> None:
    report_id = new_report_id()
    client.run_steps(server.ws("/echo", id=report_id), [close(3000)])
    assert server.report(report_id)["again"] != HANGS


# G2


def test_g2_close_before_accept_is_403_and_1006(server: ServerProcess, client: Client) -> None:
    report_id = new_report_id()
    seen = client.run_steps(server.ws("/deny", id=report_id), [])
    assert not seen.opened
    assert seen.close is not None
    assert seen.close[0] == 1006
    assert seen.status == (403 if client.sees_response else None)
    report = server.report(report_id)
    assert (report["event"]["type"], report["event"]["code"]) == ("websocket.disconnect", 1006)
    assert report["again"] != HANGS


# G3


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going away"), (3000, ""), (4999, "\u20ac")])
def test_g3_after_its_own_close_the_app_receives_the_disconnect(
    server: ServerProcess, client: Client, code: int, reason: str
) -> None:
    report_id = new_report_id()
    seen = client.run_steps(server.ws("/close", id=report_id, code=code, reason=reason), [wait_closed()])
    assert seen.close == (code, reason)
    report = server.report(report_id)
    assert report["close"] is None
    assert (report["event"]["type"], report["event"]["code"]) == ("websocket.disconnect", code)
    assert report["again"] != HANGS


def test_g3_the_peers_own_close_code_wins_when_both_close(server: ServerProcess) -> None:
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.upgrade(target("/close", id=report_id, code=3001))
        assert peer.read_close() == (3001, "")
        peer.send(close_frame(3002, "mine"))
        assert peer.at_end()
    event = server.report(report_id)["event"]
    assert (event["type"], event["code"]) == ("websocket.disconnect", 3002)


# G4


def test_g4_send_after_the_disconnect_raises_an_oserror_and_logs_nothing(server: ServerProcess, client: Client) -> None:
    report_id = new_report_id()
    client.run_steps(server.ws("/echo", id=report_id), [close(1000)])
    report = server.report(report_id)
    assert "OSError" in report["send"]["raised"]
    assert report["send"]["raised"][0] != "OSError", "a subclass says what happened"


@pytest.mark.parametrize("how", ["reset", "close"])
def test_g4_a_blocked_send_wakes_at_the_disconnect(server: ServerProcess, how: str) -> None:
    report_id, blocked_id = new_report_id(), new_report_id()
    with RawClient(server.port, receive_buffer=4096) as peer:
        peer.upgrade(target("/send-for-ever", id=report_id, blocked=blocked_id))
        blocks = server.report(blocked_id)["blocks"]
        assert blocks * BLOCK < 16 << 20, "what was sent fits the socket's buffers and the high-water mark"
        if how == "reset":
            peer.reset()
        else:
            peer.send(close_frame(1001))
        assert "OSError" in server.report(report_id)["raised"]


# G5, G6


@pytest.mark.parametrize("message", GOOD)
def test_message_is_allowed(server: ServerProcess, message: str) -> None:
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.upgrade(target("/try-message", id=report_id, message=message))
        sent = peer.read_frame()
        assert sent.payload == (b"" if message == "g5-empty" else b"good")
        assert sent.opcode == (BINARY if message == "g5-text-None" else TEXT)
        assert peer.read_frame().payload == b"still here"
        assert peer.read_frame().close == (1000, "")
        peer.send(close_frame(1000))
    assert server.report(report_id)["sent"] is None


@pytest.mark.parametrize("message", BAD)
def test_message_is_refused_and_the_connection_goes_on(server: ServerProcess, message: str) -> None:
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.upgrade(target("/try-message", id=report_id, message=message))
        assert peer.read_frame().payload == b"still here"
        assert peer.read_frame().close == (1000, "")
        peer.send(close_frame(1000))
    refusal = server.report(report_id)["sent"]
    assert "Exception" in refusal["raised"]
    assert refusal["text"], "the error names the fault"


@pytest.mark.parametrize("message", BAD_ACCEPTANCES)
def test_acceptance_is_refused_with_a_clean_500(failing_server: ServerProcess, message: str) -> None:
    report_id = new_report_id()
    with RawClient(failing_server.port) as peer:
        offer = "Sec-WebSocket-Protocol: chat, superchat"
        peer.send(upgrade_head(target("/try-acceptance", id=report_id, message=message), offer))
        response = peer.read_response()
        assert peer.at_end()
    assert response.status == 500
    assert not response.values("x-injected")
    assert not response.values("x-a")
    assert response.values("Connection") == ["close"]
    assert failing_server.report(report_id)["error"], "the error names the fault"
    assert failing_server.running


# G7, U14


def test_g7_u14_nothing_is_received_before_accept_and_nothing_is_lost(server: ServerProcess) -> None:
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.send(upgrade_head(target("/connect-first", id=report_id)) + frame(TEXT, b"early"))
        report = server.report(report_id)
        assert report["connect"] == {"type": "websocket.connect"}
        assert report["early"] is None
        assert peer.read_response().status == 101
        assert peer.read_frame().payload == b"early"
        assert peer.read_frame().close == (1000, "")


@pytest.mark.parametrize("first", ["receive", "accept"])
@pytest.mark.parametrize("how", ["fin", "reset"])
def test_g7_client_that_leaves_before_accept(server: ServerProcess, how: str, first: str) -> None:
    report_id, waiting_id = new_report_id(), new_report_id()
    with RawClient(server.port) as peer:
        peer.send(upgrade_head(target("/wait-before-accept", id=report_id, waiting=waiting_id, first=first)))
        assert server.report(waiting_id)["connect"] == {"type": "websocket.connect"}
        if how == "reset":
            peer.reset()
    report = server.report(report_id)
    assert (report["event"]["type"], report["event"]["code"]) == ("websocket.disconnect", 1006)
    assert "OSError" in report["accept"]["raised"]


# G8


@pytest.mark.parametrize("path", ["/return-before-accept", "/raise-before-accept"])
def test_g8_ends_before_accept_is_500(failing_server: ServerProcess, client: Client, path: str) -> None:
    start = len(failing_server.log)
    seen = client.run_steps(failing_server.ws(path), [])
    assert not seen.opened
    assert seen.status == (500 if client.sees_response else None)
    if path == "/raise-before-accept":
        failing_server.log.wait_for("LookupError: a crash before accepting", 5, start)


def test_g8_return_after_accept_closes_with_1000(server: ServerProcess, client: Client) -> None:
    seen = client.run_steps(server.ws("/return-after-accept"), [wait_closed()])
    assert seen.opened
    assert seen.close == (1000, "")


def test_g8_crash_after_accept_closes_with_1011_and_is_logged(failing_server: ServerProcess, client: Client) -> None:
    start = len(failing_server.log)
    seen = client.run_steps(failing_server.ws("/raise-after-accept"), [wait_closed()])
    assert seen.opened
    assert seen.close is not None
    assert seen.close[0] == 1011
    failing_server.log.wait_for("LookupError: a crash after accepting", 5, start)


def test_g8_crashes_leave_other_connections_alone(failing_server: ServerProcess) -> None:
    with RawClient(failing_server.port) as bystander:
        bystander.upgrade("/echo")
        for path in ("/raise-before-accept", "/raise-after-accept", "/return-before-accept") * 3:
            with RawClient(failing_server.port) as peer:
                peer.send(upgrade_head(path))
                peer.read_response()
        bystander.send_text("still here")
        assert bystander.read_frame().payload == b"still here"
        bystander.send(close_frame(1000))
        assert bystander.read_close() == (1000, "")


# G9


def test_g9_close_defaults_to_1000_and_no_reason(server: ServerProcess, client: Client) -> None:
    assert client.run_steps(server.ws("/close"), [wait_closed()]).close == (1000, "")


def test_g9_accept_headers_keep_order_and_bytes(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        response = peer.upgrade("/accept-headers")
    ours = [pair for pair in response.headers if pair[0].lower() in ("x-first", "set-cookie")]
    assert [(name.lower(), value) for name, value in ours] == [
        ("x-first", "1"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=\xe9"),
    ]


# G10, G11, G14


def scope_of(server: ServerProcess, path: str, *headers: str) -> dict[str, Any]:
    """Return the scope that a handshake for this path gives."""
    with RawClient(server.port) as peer:
        peer.upgrade(path, *headers)
        scope: dict[str, Any] = json.loads(peer.read_frame().payload)
        peer.read_close()
        peer.send(close_frame(1000))
        assert peer.at_end()
    return scope


def test_g10_headers_are_lower_case_in_order_and_complete(server: ServerProcess) -> None:
    sent = ("X-Twice: 1", "x-Other: \xe9", "X-TWICE: 2", "Sec-WebSocket-Protocol: b, a", "Sec-WebSocket-Protocol: c")
    scope = scope_of(server, "/show-scope", *sent)
    names = [name for name, _ in scope["headers"]]
    assert names == [
        "host",
        "connection",
        "upgrade",
        "sec-websocket-key",
        "sec-websocket-version",
        "x-twice",
        "x-other",
        "x-twice",
        "sec-websocket-protocol",
        "sec-websocket-protocol",
    ]
    assert [value for name, value in scope["headers"] if name.startswith("x-")] == ["1", "\xe9", "2"]
    assert scope["subprotocols"] == ["b", "a", "c"]


def test_g11_scope(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        peer.upgrade("/show%2Dscope?a=%20b&a=+c")
        scope = json.loads(peer.read_frame().payload)
        here = list(peer.socket.getsockname())
    assert scope["type"] == "websocket"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert scope["http_version"] == "1.1"
    assert scope["scheme"] == "ws"
    assert scope["path"] == "/show-scope"
    assert scope["raw_path"] == "/show%2Dscope"
    assert scope["query_string"] == "a=%20b&a=+c"
    assert scope["root_path"] == ""
    assert scope["client"] == here
    assert scope["server"] == ["127.0.0.1", server.port]
    assert scope["subprotocols"] == []
    assert "websocket.http.response" in scope["extensions"]
    assert scope["state"]["started"] is True


def test_g14_each_connection_has_a_fresh_scope(server: ServerProcess) -> None:
    first, second = scope_of(server, "/show-scope"), scope_of(server, "/show-scope")
    assert [name for name, _ in second["headers"]] == [name for name, _ in first["headers"]]
    for part in ("asgi", "extensions", "state"):
        assert second[part] == first[part]


# G12


def test_g12_denial_response(server: ServerProcess, telling_client: Client) -> None:
    report_id = new_report_id()
    seen = telling_client.run_steps(server.ws("/deny-with-response", id=report_id), [])
    assert not seen.opened
    assert seen.status == 429
    assert seen.body == "not now"
    assert seen.headers is not None
    assert [value for name, value in seen.headers if name.lower() == "x-reason"] == ["one", "two"]
    report = server.report(report_id)
    assert "Exception" in report["send"]["raised"], "no WebSocket message after the response"
    assert report["event"]["type"] == "websocket.disconnect"
