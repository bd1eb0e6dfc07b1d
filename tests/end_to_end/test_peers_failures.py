"""What other servers get wrong, done right here over a real socket.

Each docstring says what the peer does: uvicorn 0.54 (its sansio, websockets, wsproto), hypercorn 0.18,
daphne 4.2.3, granian 2.8.7, Starlette 1.x and Lilya 0.29 were observed, or their public issues say so. What is only
about the shape of the app's messages is in test_asgi.py, what is about refused requests in test_refusals.py.
`END_TO_END_SERVER=uvicorn-wsproto pytest tests/end_to_end/test_peers_failures.py` shows a peer's own results.
"""

import zlib
from pathlib import Path

import pytest

from tests.end_to_end.apps.asgi import HANGS
from tests.end_to_end.apps.websocket_apps import BLOCK, LARGE
from tests.end_to_end.conftest import Servers
from tests.end_to_end.raw_client import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawClient,
    close_frame,
    frame,
    upgrade_head,
)
from tests.end_to_end.server_process import Configuration, ServerProcess, new_report_id, target
from tests.end_to_end.steps import Client, close, receive, send_text, wait_closed

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def deflated(data: bytes) -> bytes:
    """Return the payload of a compressed message (RFC 7692, section 7.2.1)."""
    compressor = zlib.compressobj(wbits=-12)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


# The disconnect


def test_hypercorn_loses_the_clients_code_and_reason(server: ServerProcess, client: Client) -> None:
    """Hypercorn tells the app 1006 whatever the client said (issues 125, 127)."""
    report_id = new_report_id()
    client.run_steps(server.ws("/echo", id=report_id), [close(3456, "lost elsewhere")])
    event = server.report(report_id)["event"]
    assert event == {"type": "websocket.disconnect", "code": 3456, "reason": "lost elsewhere"}


def test_uvicorn_wsproto_calls_a_lost_connection_1005(server: ServerProcess) -> None:
    """uvicorn with wsproto tells the app 1005, as for an empty Close, when the connection was lost."""
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.upgrade(target("/echo", id=report_id))
    assert server.report(report_id)["event"]["code"] == 1006


def test_receive_after_the_disconnect_hangs(server: ServerProcess, client: Client) -> None:
    """On hypercorn and daphne a second receive() waits for ever, and with it the app."""
    report_id = new_report_id()
    client.run_steps(server.ws("/echo", id=report_id), [close(1000)])
    assert server.report(report_id)["again"] != HANGS


def test_granian_forgets_the_disconnect_after_a_denial(server: ServerProcess) -> None:
    """Granian (issue 818) and daphne (issue 486) send no disconnect after a close before accept."""
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.send(upgrade_head(target("/deny", id=report_id)))
        assert peer.read_response().status == 403
        assert peer.at_end()
    assert server.report(report_id)["event"]["code"] == 1006


def test_close_after_the_client_left_raises(handler_server: ServerProcess, client: Client) -> None:
    """uvicorn raises RuntimeError (websockets) or ClientDisconnected (wsproto), and logs it; Starlette passes it on."""
    report_id = new_report_id()
    client.run_steps(handler_server.ws("/close-after-disconnect", id=report_id), [close(1000)])
    assert handler_server.report(report_id)["close"] == [None, None]


def test_send_after_the_client_left_is_lost_or_logged(server: ServerProcess, client: Client) -> None:
    """Hypercorn drops it in silence, so that a handler which only sends never learns; others log a traceback."""
    report_id = new_report_id()
    client.run_steps(server.ws("/echo", id=report_id), [close(1000)])
    assert "OSError" in server.report(report_id)["send"]["raised"]


def test_handler_that_only_sends_never_learns(server: ServerProcess) -> None:
    """FastAPI issue 3008: a handler that only sends goes on for ever after the client left."""
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.upgrade(target("/send-for-ever", id=report_id, blocked=new_report_id()))
        peer.read_frame()
        peer.reset()
    assert "OSError" in server.report(report_id)["raised"]


# The app's mistakes


def test_daphne_hangs_when_the_app_crashes(failing_server: ServerProcess, client: Client) -> None:
    """Daphne neither answers the handshake nor closes the connection."""
    assert client.run_steps(failing_server.ws("/raise-before-accept"), [wait_closed()]).close is not None
    end = client.run_steps(failing_server.ws("/raise-after-accept"), [wait_closed()]).close
    assert end is not None
    assert end[0] == 1011


def test_granian_dies_of_a_subprotocol_with_a_line_break(failing_server: ServerProcess) -> None:
    """Granian's worker panics; uvicorn writes the injected header."""
    path = target("/try-acceptance", id=new_report_id(), message="u17-subprotocol-crlf")
    for _ in range(3):
        with RawClient(failing_server.port) as peer:
            peer.send(upgrade_head(path))
            response = peer.read_response()
            assert response.status == 500
            assert not response.values("x-injected")
    with RawClient(failing_server.port) as peer:
        peer.upgrade("/echo")


@pytest.mark.parametrize("message", ["g6-code-999", "g6-code-1005", "g6-code-5000", "g6-code-text"])
def test_uvicorn_writes_an_http_500_into_the_open_socket(server: ServerProcess, message: str) -> None:
    """At a bad close code uvicorn's sansio writes a 500 response among the frames, its websockets hangs."""
    with RawClient(server.port) as peer:
        peer.upgrade(target("/try-message", id=new_report_id(), message=message))
        assert peer.read_frame().payload == b"still here"
        assert peer.read_frame().close == (1000, "")
        peer.send(close_frame(1000))
        assert peer.at_end()


def test_return_after_accept_leaves_1006(server: ServerProcess, client: Client) -> None:
    """uvicorn's websockets and lihil on it end the connection with 1006 when the handler just returns."""
    assert client.run_steps(server.ws("/return-after-accept"), [wait_closed()]).close == (1000, "")


def test_uvicorn_wsproto_cuts_a_reason_within_a_character(handler_server: ServerProcess, client: Client) -> None:
    """A reason over 123 bytes: wsproto raises or cuts within a character, uvicorn's websockets hangs."""
    seen = client.run_steps(
        handler_server.ws("/close", id=new_report_id(), code=3000, reason="€" * 50), [wait_closed()]
    )
    assert seen.close == (3000, "€" * 41)


def test_daphne_never_sends_an_empty_message(server: ServerProcess, client: Client) -> None:
    """Daphne takes an empty text for none; Autobahn's 1.1.1 and 1.2.1 fail."""
    steps = [send_text(""), receive(), send_text("x"), receive(), close(1000)]
    assert client.run_steps(server.ws("/echo"), steps).messages == ["", "x"]


# The class


def test_starlette_gives_a_key_error_for_a_wrong_frame_type(handler_server: ServerProcess) -> None:
    """Starlette and Lilya raise KeyError('text'), or return None (Starlette issue 3381): 1011 or 500; here 1003."""
    with RawClient(handler_server.port) as peer:
        peer.upgrade("/receive-text")
        peer.send(frame(BINARY, b"hello"))
        end = peer.read_close()
        assert end is not None
        assert end[0] == 1003


def test_lilya_cannot_iterate_over_binary_json(handler_server: ServerProcess, client: Client) -> None:
    """Lilya's iter_json takes no mode, and raises KeyError at a binary message."""
    steps = [send_text('{"a":1}'), receive(), close(1000)]
    assert client.run_steps(handler_server.ws("/json", mode="text"), steps).messages == ['{"a":1}']


@pytest.mark.parametrize("end", ["iterate", "raise", "return"])
def test_lilya_forgets_cleanups(failing_handler_server: ServerProcess, client: Client, end: str) -> None:
    """Lilya runs them at an own close only, first in first out, and a failing one stops the rest."""
    report_id = new_report_id()
    steps = [receive(), close(1000)] if end == "iterate" else [wait_closed()]
    client.run_steps(failing_handler_server.ws("/cleanups", id=report_id, end=end), steps)
    assert failing_handler_server.report(report_id)["ran"] == [3, 2, 1]


# The client's mistakes


def test_good_messages_before_a_fault_are_lost(server: ServerProcess) -> None:
    """uvicorn, hypercorn and daphne drop the reply to a message when a fault follows it (R8; Autobahn 4.1.3)."""
    with RawClient(server.port) as peer:
        peer.upgrade("/echo")
        peer.send(frame(TEXT, b"good") + frame(3, b"no such opcode") + frame(PING, b"never answered"))
        assert peer.read_frame().payload == b"good"
        end = peer.read_frame()
        assert end.close is not None
        assert end.close[0] == 1002
        assert peer.at_end()


def test_invalid_text_is_noticed_late(server: ServerProcess) -> None:
    """uvicorn's sansio, granian and ws notice invalid UTF-8 when the frame is complete (R9; Autobahn 6.4.3)."""
    with RawClient(server.port) as peer:
        peer.upgrade("/echo")
        peer.send(frame(TEXT, b"\xce\xba\xe1\xbd\xb9\xf4\x90\x80\x80" + b"x" * 1000)[:30])
        end = peer.read_frame()
        assert end.close is not None
        assert end.close[0] == 1007


def test_close_in_the_middle_of_a_message_is_called_a_fault(server: ServerProcess) -> None:
    """websockets, and uvicorn's sansio with it, answer 1002 (Autobahn 7.1.5)."""
    with RawClient(server.port) as peer:
        peer.upgrade("/echo")
        peer.send(frame(TEXT, b"begun", fin=False) + close_frame(1000))
        assert peer.read_frame().close == (1000, "")


def test_wsproto_refuses_a_message_whose_last_block_is_final(server: ServerProcess) -> None:
    """wsproto and websockets fail on the message after it (R19; RFC 7692, section 7.2.3.4)."""
    compressor = zlib.compressobj(wbits=-12)
    final = compressor.compress(b"final") + compressor.flush(zlib.Z_FINISH) + b"\0"
    with RawClient(server.port) as peer:
        peer.upgrade("/echo", DEFLATE)
        for payload, data in ((final, b"final"), (deflated(b"after it"), b"after it")):
            peer.send(frame(TEXT, payload, rsv=4))
            echo = peer.read_frame()
            assert (echo.payload, echo.rsv1) == (data, False), "short messages are not compressed"


def test_a_deflate_bomb_is_inflated_before_it_is_measured(server: ServerProcess) -> None:
    """Tornado issue 2391, and CVE-2018-1000518 in websockets (R20)."""
    bomb = deflated(bytes(64 << 20))
    with RawClient(server.port) as peer:
        peer.upgrade("/echo", DEFLATE)
        before = resident_memory(server)
        peer.send(frame(BINARY, bomb, rsv=4))
        end = peer.read_close()
        assert end is not None
        assert end[0] == 1009
        assert resident_memory(server) - before < 8 << 20


@pytest.mark.parametrize("length", [(1 << 20) + 1, (1 << 63) - 1])
def test_a_length_is_believed_before_it_is_checked(server: ServerProcess, length: int) -> None:
    """Granian has no limit; CVE-2020-27813 overflowed on such a length (R14)."""
    with RawClient(server.port) as peer:
        peer.upgrade("/echo")
        peer.send(b"\x82\xff" + length.to_bytes(8, "big") + bytes(4))
        end = peer.read_close()
        assert end is not None
        assert end[0] == 1009


def test_fragments_are_not_counted(server: ServerProcess) -> None:
    """ws (issue 2331) had no limit on the number of empty fragments; uvicorn and hypercorn have none (R15)."""
    with RawClient(server.port) as peer:
        peer.upgrade("/echo")
        peer.send(frame(BINARY, fin=False) + frame(CONTINUATION, fin=False) * 1100)
        end = peer.read_close()
        assert end is not None
        assert end[0] == 1008


def test_one_bad_peer_ends_the_process(server: ServerProcess) -> None:
    """Hypercorn (issues 225, 177, 329) and granian (580, 862) ended with one bad peer."""
    for data in (b"\xff" * 100, frame(15, b"x"), frame(TEXT, b"x", rsv=7), frame(TEXT, b"x", masking_key=None)):
        with RawClient(server.port) as peer:
            peer.upgrade("/echo")
            peer.send(data)
            end = peer.read_close()
            assert end is not None
            assert end[0] == 1002
    with RawClient(server.port) as peer:
        peer.upgrade("/echo")


# Flow


def test_the_last_message_is_cut_by_a_reset(server: ServerProcess) -> None:
    """uvicorn (issues 3047, 3053) closed TCP while a large last message was under way (R11)."""
    with RawClient(server.port, receive_buffer=4096) as peer:
        peer.upgrade("/large-then-close")
        assert len(peer.read_frame().payload) == LARGE
        assert peer.read_frame().close == (1000, "")
        peer.send(close_frame(1000))
        assert peer.at_end()


def test_output_for_a_client_that_does_not_read_is_unbounded(server: ServerProcess) -> None:
    """uvicorn (issue 3048) and aiohttp (1367) buffered 512 MiB for one client; here send() waits (A3)."""
    blocked_id = new_report_id()
    before = resident_memory(server)
    with RawClient(server.port, receive_buffer=4096) as peer:
        peer.upgrade(target("/send-for-ever", id=new_report_id(), blocked=blocked_id))
        assert server.report(blocked_id)["blocks"] * BLOCK < 16 << 20, "the kernel's buffers and the high-water mark"
        assert resident_memory(server) - before < 4 << 20
        peer.reset()


def test_control_frames_wait_behind_an_app_that_does_not_receive(server: ServerProcess) -> None:
    """uvicorn pauses reading when one message waits, and sees neither Ping nor Close (issue 2033)."""
    with RawClient(server.port) as peer:
        peer.upgrade(target("/busy", id=new_report_id()))
        peer.send(frame(TEXT, b"first") + frame(TEXT, b"second") + frame(PING, b"now"))
        peer.socket.settimeout(0.9)
        pong = peer.read_frame()
        assert (pong.opcode, pong.payload) == (PONG, b"now")


def test_keepalive_kills_a_client_whose_handler_is_slow(
    servers: Servers, configuration: Configuration, client: Client
) -> None:
    """uvicorn does not see the pong of a live client while its handler is busy, and ends the connection with 1011."""
    options = ("--ws-ping-interval", "0.2", "--ws-ping-timeout", "0.2")
    server = servers.get(configuration, "main:app", *options)
    report_id = new_report_id()
    steps = [send_text("hello"), send_text("more"), receive(), close(1000)]
    seen = client.run_steps(server.ws("/busy", id=report_id), steps)
    assert seen.messages == ["hello"]
    assert seen.close == (1000, "")
    assert server.report(report_id)["event"]["code"] == 1000


def test_keepalive_ends_a_connection_that_is_dead(servers: Servers, configuration: Configuration) -> None:
    """Without keepalive, as in daphne's default of old, a half-open connection stays for ever (A8)."""
    server = servers.get(configuration, "main:app", "--ws-ping-interval", "0.2", "--ws-ping-timeout", "0.2")
    report_id = new_report_id()
    with RawClient(server.port) as peer:
        peer.upgrade(target("/echo", id=report_id))
        assert server.report(report_id)["event"]["code"] == 1006


def test_sends_of_two_tasks_interleave(server: ServerProcess, client: Client) -> None:
    """aiohttp issue 7859: compressed messages of concurrent senders were mixed."""
    seen = client.run_steps(server.ws("/send-together"), [wait_closed()])
    assert len(set(seen.messages)) == 50


def test_frames_sent_with_the_handshake_are_lost(server: ServerProcess) -> None:
    """Servers that switch protocols lose or refuse what came in the packet of the head (U14)."""
    with RawClient(server.port) as peer:
        peer.send(upgrade_head("/echo") + frame(TEXT, b"early") + close_frame(1000))
        assert peer.read_response().status == 101
        assert peer.read_frame().payload == b"early"
        assert peer.read_frame().opcode == CLOSE


def resident_memory(server: ServerProcess) -> int:
    """Return the bytes of memory that the server holds, as the kernel counts them (Linux)."""
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError("the kernel does not say how much memory the server holds")
