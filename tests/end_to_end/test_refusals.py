"""Requests that are refused (requirements U1 to U15), with bytes as they are on the wire."""

import time
from dataclasses import dataclass

import pytest

from tests.end_to_end.conftest import Servers
from tests.end_to_end.raw_client import KEY, TEXT, RawClient, frame, head, upgrade_head
from tests.end_to_end.server_process import Configuration, ServerProcess

HOST = "Host: 127.0.0.1"
CONNECTION = "Connection: Upgrade"
UPGRADE = "Upgrade: websocket"
VERSION = "Sec-WebSocket-Version: 13"
SEC_KEY = f"Sec-WebSocket-Key: {KEY}"
GET = "GET /echo HTTP/1.1"


@dataclass(frozen=True)
class Refused:
    """A request, the statuses that refuse it, and a header that the refusal must have."""

    request: bytes
    status: int
    header: tuple[str, str] | None = None


def upgrade(*, line: str = GET, host: str = HOST, more: tuple[str, ...] = ()) -> bytes:
    """Return an upgrade request with some lines changed or added."""
    return head(line, host, CONNECTION, UPGRADE, SEC_KEY, VERSION, *more)


ALLOW_GET = ("Allow", "GET")
VERSION_13 = ("Sec-WebSocket-Version", "13")

REFUSED = {
    "u1-post": Refused(upgrade(line="POST /echo HTTP/1.1"), 405, ALLOW_GET),
    "u1-head": Refused(upgrade(line="HEAD /echo HTTP/1.1"), 405, ALLOW_GET),
    "u2-http-1.2": Refused(upgrade(line="GET /echo HTTP/1.2"), 505),
    "u2-http-2.0": Refused(upgrade(line="GET /echo HTTP/2.0"), 505),
    "u2-http-9.9": Refused(upgrade(line="GET /echo HTTP/9.9"), 505),
    "u2-preface": Refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "u2-upgrade-in-1.0": Refused(upgrade(line="GET /echo HTTP/1.0"), 505),
    "u3-host-missing": Refused(head(GET, CONNECTION, UPGRADE, SEC_KEY, VERSION), 400),
    "u3-host-twice": Refused(upgrade(more=("Host: b",)), 400),
    "u3-host-empty": Refused(upgrade(host="Host:"), 400),
    **{f"u3-host-with-{character}": Refused(upgrade(host=f"Host: a{character}b"), 400) for character in " /?#@,"},
    "u3-target-without-slash": Refused(upgrade(line="GET echo HTTP/1.1"), 400),
    "u3-target-with-fragment": Refused(upgrade(line="GET /echo#part HTTP/1.1"), 400),
    "u4-folding": Refused(upgrade(more=("X-A: b", " c")), 400),
    "u4-bare-lf": Refused(upgrade().replace(b"\r\n", b"\n"), 400),
    "u4-one-bare-lf": Refused(upgrade(more=("X-A: b\nX-C: d",)), 400),
    "u4-bare-cr": Refused(upgrade(more=("X-A: b\rX-C: d",)), 400),
    "u4-space-before-colon": Refused(upgrade(more=("X-A : b",)), 400),
    **{
        f"u4-value-with-{ord(character):02x}": Refused(upgrade(more=(f"X-A: b{character}c",)), 400)
        for character in "\0\x07\x0b\x0c\x1c\x1d\x1e\x7f\x85"
    },
    "u4-protocol-not-ascii": Refused(upgrade(more=("Sec-WebSocket-Protocol: caf\xe9",)), 400),
    "u4-extensions-not-ascii": Refused(upgrade(more=("Sec-WebSocket-Extensions: caf\xe9",)), 400),
    "u5-content-length": Refused(upgrade(more=("Content-Length: 5",)) + b"hello", 400),
    "u5-transfer-encoding": Refused(upgrade(more=("Transfer-Encoding: chunked",)) + b"0\r\n\r\n", 400),
    "u6-target-too-long": Refused(upgrade(line=f"GET /{'x' * 8200} HTTP/1.1"), 414),
    "u6-target-too-long-for-http": Refused(head(f"GET /{'x' * 8200} HTTP/1.1", HOST), 414),
    "u7-too-many-headers": Refused(upgrade(more=tuple(f"X-{number}: a" for number in range(130))), 431),
    "u7-head-too-large": Refused(upgrade(more=tuple(f"X-{number}: {'a' * 1000}" for number in range(17))), 431),
    "u7-head-without-end": Refused(upgrade()[:-2] + b"X-A: " + b"a" * 17_000, 431),
    "u8-key-empty": Refused(head(GET, HOST, CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key:"), 400),
    "u8-key-missing": Refused(head(GET, HOST, CONNECTION, UPGRADE, VERSION), 400),
    "u8-key-short": Refused(head(GET, HOST, CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: dGhl"), 400),
    "u8-key-not-canonical": Refused(
        head(GET, HOST, CONNECTION, UPGRADE, VERSION, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="), 400
    ),
    "u8-key-twice": Refused(upgrade(more=(SEC_KEY,)), 400),
    "u9-version-missing": Refused(head(GET, HOST, CONNECTION, UPGRADE, SEC_KEY), 400, VERSION_13),
    "u9-version-8": Refused(head(GET, HOST, CONNECTION, UPGRADE, SEC_KEY, "Sec-WebSocket-Version: 8"), 426, VERSION_13),
    "u9-version-13.0": Refused(
        head(GET, HOST, CONNECTION, UPGRADE, SEC_KEY, "Sec-WebSocket-Version: 13.0"), 426, VERSION_13
    ),
    "h11-request-line": Refused(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    "h11-conflicting-lengths": Refused(head(GET, HOST, "Content-Length: 1", "Content-Length: 2"), 400),
    "h11-transfer-encoding": Refused(head(GET, HOST, "Transfer-Encoding: gzip, chunked"), 501),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(server: ServerProcess, name: str) -> None:
    case = REFUSED[name]
    with RawClient(server.port) as peer:
        peer.send(case.request)
        response = peer.read_response(to_head=name == "u1-head")
        assert response.status == case.status, response
        if case.header:
            assert response.values(case.header[0]) == [case.header[1]]
        assert "close" in response.values("Connection"), "426 has the upgrade token too"
        assert len(response.values("Content-Length")) == 1
        assert response.values("Content-Type")[0].startswith("text/plain")
        if name != "u1-head":
            assert 0 < len(response.body) < 300, "a short text says why"
        assert peer.at_end(), "then FIN"


def test_u4_kelvin_sign_is_no_k(server: ServerProcess) -> None:
    """U+212A lower-cases to k, in Unicode; here it makes no upgrade, so the request is plain HTTP or refused."""
    with RawClient(server.port) as peer:
        line = "Upgrade: websoc\u212aet".encode().decode("latin-1")
        peer.send(head("GET /http/hello HTTP/1.1", HOST, CONNECTION, line, SEC_KEY, VERSION))
        assert peer.read_response().status in (200, 400)


def test_u5_the_body_is_never_a_request(server: ServerProcess) -> None:
    smuggled = head("GET /http/hello HTTP/1.1", HOST)
    with RawClient(server.port) as peer:
        peer.send(upgrade(more=(f"Content-Length: {len(smuggled)}",)) + smuggled)
        assert peer.read_response().status == 400
        assert peer.at_end()


def test_u10_tokens_are_gathered_over_lines_in_any_case(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        lines = ("Connection: keep-alive", "connection: foo, UPGRADE", "upgrade: WebSocket", SEC_KEY, VERSION)
        peer.send(head(GET, HOST, *lines))
        assert peer.read_response().status == 101
        peer.send(frame(TEXT, b"hello"))
        assert peer.read_frame().payload == b"hello"


def test_u11_no_upgrade_headers_is_plain_http(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        peer.send(head("GET /http/hello HTTP/1.1", HOST, SEC_KEY, VERSION))
        assert peer.read_response().body == b"hello"


@pytest.mark.parametrize("start", [b"", b"GET /echo HTTP/1.1\r\n", b"SSH-2.0-OpenSSH_9.2", upgrade()[:-1]])
def test_u12_a_head_that_stalls_ends_at_the_deadline(server: ServerProcess, start: bytes) -> None:
    with RawClient(server.port) as peer:
        began = time.monotonic()
        peer.send(start)
        answer = peer.read_until_end()
        took = time.monotonic() - began
    assert answer == b"" or answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 "))
    assert took < 3


def test_u12_a_head_that_drips_ends_at_the_same_deadline(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        began = time.monotonic()
        try:
            for byte in upgrade(more=("X-A: " + "a" * 200,)):
                peer.send(bytes([byte]))
                time.sleep(0.02)  # the drip itself
        except (BrokenPipeError, ConnectionResetError):
            pass
        took = time.monotonic() - began
    assert took < 3


def test_u13_over_the_connection_limit(servers: Servers, configuration: Configuration) -> None:
    server = servers.get(configuration, "main:app", "--limit-concurrency", "2")
    with RawClient(server.port) as first, RawClient(server.port) as second:
        first.upgrade("/echo")
        second.upgrade("/echo")
        with RawClient(server.port) as third:
            third.send(upgrade())
            response = third.read_response()
            assert response.status == 503
            assert response.values("Retry-After")
            assert third.at_end()
        first.send_text("still here")
        assert first.read_frame().payload == b"still here"


def test_u15_nothing_is_processed_after_a_refusal(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        bad = head(GET, HOST, CONNECTION, UPGRADE, SEC_KEY, "Sec-WebSocket-Version: 8")
        peer.send(bad + head("GET /http/hello HTTP/1.1", HOST) * 3)
        assert peer.read_response().status == 426
        assert peer.at_end()


def test_u15_nothing_is_processed_after_a_denial(server: ServerProcess) -> None:
    with RawClient(server.port) as peer:
        peer.send(upgrade_head("/deny?id=") + head("GET /http/hello HTTP/1.1", HOST))
        assert peer.read_response().status == 403
        assert peer.at_end()


def test_u15_pipelined_requests_that_nobody_reads_are_bounded(server: ServerProcess) -> None:
    """The client writes until the server reads no more; what it wrote is far from all, and the server serves on."""
    requests = head("GET /http/hello HTTP/1.1", HOST) * 1_000_000  # 50 MB
    with RawClient(server.port, receive_buffer=4096) as peer:
        peer.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            peer.send(requests)
        with RawClient(server.port) as other:
            other.send(head("GET /http/hello HTTP/1.1", HOST))
            assert other.read_response().body == b"hello"


def test_a19_random_bytes_do_not_stop_the_server(server: ServerProcess) -> None:
    for garbage in (bytes(range(256)) * 8, bytes(2000), b"\xff" * 2000, b"\r\n" * 1000, b"GET" * 1000):
        with RawClient(server.port) as peer:
            peer.send(garbage + b"\r\n\r\n")
            answer = peer.read_until_end()
            assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    with RawClient(server.port) as peer:
        peer.upgrade("/echo")
