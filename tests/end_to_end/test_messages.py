"""Messages both ways over a real connection, with every client and byte for byte (requirements U14, R1, R7, R11)."""

import json

from tests.end_to_end.apps.websocket_apps import LARGE
from tests.end_to_end.conftest import Servers
from tests.end_to_end.raw_client import CLOSE, TEXT, RawClient, close_frame, frame, head, upgrade_head
from tests.end_to_end.server_process import Configuration, ServerProcess, new_report_id, target
from tests.end_to_end.steps import Client, Step, close, receive, send, send_text, wait_closed


def test_echo_of_every_kind_of_message(server: ServerProcess, client: Client) -> None:
    sent: list[str | bytes] = [
        "",
        "hello",
        "\U0001f600 \u20ac",
        "x" * 125,
        "y" * 126,
        "z" * 70_000,
        b"",
        b"\x00\xff",
        bytes(126),
        bytes(70_000),
    ]
    steps: list[Step] = []
    for data in sent:
        steps += [send(data), receive()]
    seen = client.run_steps(server.ws("/echo"), [*steps, close(1000)])
    assert seen.messages == sent
    assert seen.close == (1000, "")


def test_subprotocol_is_agreed(server: ServerProcess, client: Client) -> None:
    seen = client.run_steps(server.ws("/echo"), [close(1000)], subprotocols=["superchat", "chat"])
    assert seen.subprotocol == "superchat"


def test_compression_is_agreed_and_used(server: ServerProcess, client: Client) -> None:
    data = json.dumps([{"name": f"name {number}", "value": number} for number in range(500)])
    steps = [send_text(data), receive(), send_text(data), receive(), close(1000)]
    seen = client.run_steps(server.ws("/echo"), steps)
    assert seen.messages == [data, data]
    assert "permessage-deflate" in seen.extensions


def test_r11_large_last_message_arrives_before_the_close(server: ServerProcess, client: Client) -> None:
    seen = client.run_steps(server.ws("/large-then-close"), [receive(), wait_closed()])
    assert [len(message) for message in seen.messages] == [LARGE]
    assert seen.close == (1000, "")


def test_sends_of_many_tasks_do_not_mix(server: ServerProcess, client: Client) -> None:
    seen = client.run_steps(server.ws("/send-together"), [wait_closed()])
    assert sorted(seen.messages, key=str) == sorted((f"{number}," * 2000 for number in range(50)), key=str)


def test_u14_frames_in_the_packet_of_the_handshake_are_delivered(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        peer.send(
            upgrade_head("/echo") + b"".join(frame(TEXT, b"%d" % number) for number in range(100)) + close_frame(1000)
        )
        assert peer.read_response().status == 101
        assert [peer.read_frame().payload for _ in range(100)] == [b"%d" % number for number in range(100)]
        assert peer.read_frame().close == (1000, "")
        assert peer.at_end()


def test_r7_ping_in_a_fragmented_message_is_answered_first(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        peer.upgrade("/echo")
        peer.send(frame(TEXT, b"one ", fin=False) + frame(9, b"payload \x00\xff"))
        pong = peer.read_frame()
        assert (pong.opcode, pong.payload) == (10, b"payload \x00\xff")
        peer.send(frame(0, b"two"))
        assert peer.read_frame().payload == b"one two"


def test_r1_accept_vector(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        lines = ("Host: a", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        peer.send(head("GET /echo HTTP/1.1", *lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
        assert peer.read_response().values("Sec-WebSocket-Accept") == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]


def test_r11_the_server_closes_tcp_after_the_closing_handshake(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        peer.upgrade("/echo")
        peer.send(close_frame(1000) + frame(TEXT, b"after the Close"))
        assert peer.read_frame().opcode == CLOSE
        assert peer.read_until_end() == b""


def test_r11_a_close_that_is_never_answered_ends_at_the_deadline(
    servers: Servers, configuration: Configuration
) -> None:
    server = servers.get(configuration, "main:app", "--ws-close-timeout", "0.3")
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.upgrade(target("/close", id=report_id, code=3001))
        assert peer.read_close() == (3001, "")
        assert peer.at_end()
    assert server.report(report_id)["event"]["code"] == 1006
