"""The playground example over a real socket: its endpoints, and the wire connection that its page drives."""

import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute

from examples.playground import app, control_session, routes, wire
from examples.playground.control_session import MAX_SESSIONS
from examples.playground.frames import Frame, FrameReader, FrameTooLargeError, mask
from examples.playground.page_files import FOLDER
from examples.playground.protocol import MAX_BYTES, MAX_TEXT
from examples.playground.wire import MAX_FRAGMENTS, MAX_FRAMES, MAX_PAYLOAD, MAX_RESPONSE
from tests.end_to_end.raw_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame, upgrade_head
from tests.server.live import KINDS, Live, Peer, get, live, use_directory
from wsserve import Include, Router

pytestmark = pytest.mark.anyio

MOUNTED = Router([Include("/tools/play ground", routes=routes)])


@pytest.fixture(scope="module", autouse=True)
def own_directory(tmp_path_factory: pytest.TempPathFactory) -> None:
    use_directory(tmp_path_factory.mktemp("playground"))


@pytest.fixture(autouse=True)
def no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


class Page:
    """What the page does on its control connection, and the reports that it gets."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.seen: list[dict[str, Any]] = []

    async def tell(self, kind: str, **command: Any) -> None:
        await self.peer.send(frame(TEXT, json.dumps({"type": kind, **command}).encode()))

    async def report(self) -> dict[str, Any]:
        """Read the next report."""
        while (received := await self.peer.frame()).opcode == PING:
            pass  # of the control connection itself
        assert received.opcode == TEXT, received
        self.seen.append(json.loads(received.payload))
        return self.seen[-1]

    async def until(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """Read reports up to one of this type that has these values."""
        while True:
            report = await self.report()
            if report["type"] == kind and all(report[name] == value for name, value in wanted.items()):
                return report

    async def connect(self, target: str = "echo", **options: Any) -> dict[str, Any]:
        await self.tell("connect", target=target, **({"compression": False} | options))
        return await self.until("handshake")

    async def got(self, opcode: int) -> dict[str, Any]:
        """Read reports up to a frame from the server with this opcode."""
        return await self.until("frame", direction="received", opcode=opcode)

    async def still_works(self) -> None:
        await self.tell("drop")
        await self.until("ended")
        assert (await self.connect())["status"] == 101

    def frames(self, direction: str) -> list[tuple[int, bool]]:
        return [(seen["opcode"], seen["fin"]) for seen in self.seen if seen.get("direction") == direction]


@asynccontextmanager
async def page_of(running: Live, path: str = "/control") -> AsyncIterator[Page]:
    async with running.websocket(path) as peer:
        yield Page(peer)


@asynccontextmanager
async def playground(kind: str = "tcp", **options: Any) -> AsyncIterator[Page]:
    """Serve the playground and open its control connection. At the end nothing of either must be left."""
    async with live(app, kind=kind, **options) as running, page_of(running) as page:
        yield page


# The handshake, on every kind of listener


@pytest.mark.parametrize("kind", KINDS)
async def test_the_wire_goes_to_the_servers_own_address(kind: str) -> None:
    async with playground(kind) as page:
        handshake = await page.connect()
        over = {"tcp": "TCP to 127.0.0.1:", "unix": "unix socket /", "tls": "TLSv1.3 over TCP to 127.0.0.1:"}[kind]
        assert handshake["transport"].startswith(over)
        await page.tell("message", text="through")
        assert (await page.got(TEXT))["text"] == "through"


async def test_the_handshake_is_shown_as_it_was() -> None:
    async with playground() as page:
        handshake = await page.connect(subprotocols=["superchat", "reverse"], compression=True)
        request, response = handshake["request"], handshake["response"]
        assert request.startswith("GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        assert "Sec-WebSocket-Protocol: superchat, reverse\r\n" in request
        assert "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" in request
        assert response.startswith("HTTP/1.1 101 Switching Protocols\r\n")
        assert response.endswith("\r\n\r\n")
        assert (handshake["status"], handshake["key_accepted"], handshake["subprotocol"]) == (101, True, "reverse")
        assert handshake["extensions"].startswith("permessage-deflate")
        assert handshake["time_us"] >= handshake["sent_us"] >= 0


async def test_a_denied_handshake_is_shown_with_its_body() -> None:
    async with playground() as page:
        handshake = await page.connect("close/1006")
        assert handshake["status"] == 400
        assert "close code 1006 cannot be sent" in handshake["response"]
        assert (await page.until("ended"))["text"] == "The server did not accept the handshake."
        assert (await page.connect("many?count=1001"))["status"] == 422
        await page.until("ended")
        assert (await page.connect())["status"] == 101


async def test_below_a_path_and_a_root_path() -> None:
    control = "/tools/play%20ground/control"
    async with live(MOUNTED, root_path="/behind/a proxy") as running, page_of(running, control) as page:
        handshake = await page.connect()
        assert handshake["request"].startswith("GET /tools/play%20ground/echo HTTP/1.1\r\n")
        assert handshake["status"] == 101


# What can be sent


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 65536])
async def test_a_message_comes_back(binary: bool, size: int) -> None:
    payload = b"x" * size
    async with playground() as page:
        await page.connect()
        await page.tell("message", binary=binary, hex=payload.hex())
        opcode = BINARY if binary else TEXT
        received = await page.got(opcode)
        sent = page.seen[-2]
        header = frame(opcode, payload)[: {0: 6, 1: 6, 125: 6, 126: 8, 65536: 14}[size]]
        assert bytes.fromhex(sent["header"])[:-4] == header[:-4]
        key = bytes.fromhex(sent["header"])[-4:]
        assert mask(bytes.fromhex(sent["wire"]), key) == payload[:64]
        assert bytes.fromhex(received["header"]) == frame(opcode, payload, masking_key=None)[: len(header) - 4]
        assert (sent["number"], received["number"]) == (1, 2)
        assert (sent["masked"], received["masked"]) == (True, False)
        for report in (sent, received):
            assert (report["fin"], report["rsv"], report["wire_length"], report["length"]) == (True, 0, size, size)
            assert report["hex"] == payload[:2048].hex()
        assert received["time_us"] >= sent["time_us"]


@pytest.mark.parametrize(("mode", "opcode"), [("text", TEXT), ("binary", BINARY)])
async def test_json_in_both_modes(mode: str, opcode: int) -> None:
    async with playground() as page:
        assert (await page.connect(f"json/{mode}", subprotocols=["json"]))["subprotocol"] == "json"
        for number, value in enumerate([{"a": [1, None]}, "é", 0.5], 1):
            await page.tell("message", text=json.dumps(value), binary=opcode == BINARY)
            answer = json.loads((await page.got(opcode))["text"])
            assert answer == {"answer": number, "received": value}
        await page.tell("message", text="{", binary=opcode == BINARY)
        assert (await page.got(CLOSE))["close_code"] == 1007


async def test_fragments_with_a_ping_in_between() -> None:
    async with playground() as page:
        await page.connect()
        await page.tell("message", text="Fragments arrive", fragment_size=6, ping_between=True)
        assert (await page.got(TEXT))["text"] == "Fragments arrive"
        sent = [(TEXT, False), (PING, True), (CONTINUATION, False), (CONTINUATION, True)]
        assert page.frames("sent") == sent
        assert page.frames("received") == [(PONG, True), (TEXT, True)]


async def test_a_ping_is_answered_while_the_endpoint_is_slow() -> None:
    async with playground() as page:
        await page.connect("slow?seconds=0.2")
        await page.tell("message", text="later")
        for payload in (b"", b"\0" * 125):
            await page.tell("frame", opcode=PING, hex=payload.hex())
            assert (await page.got(PONG))["hex"] == payload.hex()
        await page.tell("frame", opcode=PONG, text="nobody asked")
        assert (await page.got(TEXT))["text"] == "later"
        assert page.frames("received") == [(PONG, True), (PONG, True), (TEXT, True)]


CLOSES: list[tuple[dict[str, Any], int | None]] = [
    ({"code": 1000, "reason": "done"}, 1000),
    ({"code": 3000}, 3000),
    ({"code": 4999}, 4999),
    ({"code": 4000, "reason": "r" * 123}, 4000),
    ({}, None),
    ({"code": 4000, "reason": "r" * 124}, 1002),
    ({"code": 0}, 1002),
    ({"code": 999}, 1002),
    ({"code": 1005}, 1002),
    ({"code": 1006}, 1002),
    ({"code": 5000}, 1002),
]


@pytest.mark.parametrize(("close", "answer"), CLOSES)
async def test_any_close_code_can_be_sent(close: dict[str, Any], answer: int | None) -> None:
    async with playground() as page:
        await page.connect()
        await page.tell("close", **close)
        assert (await page.got(CLOSE))["close_code"] == answer
        assert (await page.until("ended"))["text"] == "The server ended the TCP connection."
        sent = [seen for seen in page.seen if seen.get("direction") == "sent"]
        assert [(seen["close_code"], seen["text"]) for seen in sent] == [(close.get("code"), close.get("reason", ""))]


FAULTS: list[tuple[dict[str, Any], int]] = [
    ({"text": "bare", "masked": False}, 1002),
    ({"rsv": 1}, 1002),
    ({"rsv": 2}, 1002),
    ({"rsv": 4}, 1002),
    ({"opcode": 3}, 1002),
    ({"opcode": 11}, 1002),
    ({"opcode": CONTINUATION}, 1002),
    ({"opcode": PING, "fin": False}, 1002),
    ({"opcode": PING, "hex": "00" * 126}, 1002),
    ({"opcode": CLOSE, "hex": "03"}, 1002),
    ({"opcode": CLOSE, "hex": "03e8ff"}, 1007),
    ({"opcode": TEXT, "hex": "4869c328"}, 1007),
    ({"opcode": BINARY, "hex": "00", "announced": (1 << 63) - 1}, 1009),
]


@pytest.mark.parametrize(("fault", "code"), FAULTS)
async def test_the_server_refuses_what_is_forbidden(fault: dict[str, Any], code: int) -> None:
    async with playground() as page:
        await page.connect()
        await page.tell("frame", **fault)
        assert (await page.got(CLOSE))["close_code"] == code
        await page.until("ended")
        if "announced" in fault:
            assert page.seen[1]["header"].startswith("82ff7fffffffffffffff")


async def test_a_frame_by_hand_is_part_of_a_message() -> None:
    async with playground() as page:
        await page.connect()
        await page.tell("frame", opcode=TEXT, fin=False, text="two ")
        await page.tell("frame", opcode=CONTINUATION, hex="70 61 72 74 73".replace(" ", ""))
        assert (await page.got(TEXT))["text"] == "two parts"


# Compression


@pytest.mark.parametrize("takeover", [True, False])
async def test_compressed_messages_are_shown_inflated(takeover: bool) -> None:
    text = json.dumps([{"name": f"item {number}", "price": number / 4} for number in range(12)])
    async with playground() as page:
        handshake = await page.connect(compression=True, context_takeover=takeover)
        assert ("server_no_context_takeover" in handshake["extensions"]) is not takeover
        for _ in range(3):
            await page.tell("message", text=text, compress=True, fragment_size=50)
            received = await page.got(TEXT)
            assert (received["rsv"], received["text"], received["length"]) == (4, text, len(text))
            assert received["wire_length"] < len(text)
        sent = [seen for seen in page.seen if seen.get("direction") == "sent"]
        assert [seen["rsv"] for seen in sent] == [4 if seen["opcode"] == TEXT else 0 for seen in sent]
        assert "".join(seen["text"] for seen in sent) == text * 3
        first, *later = [seen["wire_length"] for seen in page.seen if seen.get("direction") == "received"]
        assert all(size < first if takeover else size == first for size in later)


async def test_a_compressed_frame_that_is_no_deflate_data() -> None:
    async with playground() as page:
        await page.connect(compression=True)
        await page.tell("frame", opcode=TEXT, rsv=4, hex="ff" * 9)
        assert (await page.got(CLOSE))["close_code"] == 1007
        sent = page.seen[1]
        assert (sent["length"], sent["wire_length"], sent["hex"]) == (None, 9, "ff" * 9)


async def test_compressing_without_an_agreement_is_an_error() -> None:
    async with playground() as page:
        await page.connect()
        await page.tell("message", text="x", compress=True)
        assert "not agreed on" in (await page.until("error"))["text"]
        await page.tell("message", text="plain")
        assert (await page.got(TEXT))["text"] == "plain"


# What the endpoints do


async def test_echo_backwards() -> None:
    async with playground() as page:
        await page.connect(subprotocols=["reverse"])
        await page.tell("message", text="desrever")
        assert (await page.got(TEXT))["text"] == "reversed"
        await page.tell("message", binary=True, hex="010203")
        assert (await page.got(BINARY))["hex"] == "030201"


async def test_many_messages_then_a_close() -> None:
    async with playground() as page:
        await page.connect("many?count=1000&size=9")
        assert (await page.got(CLOSE))["close_code"] == 1000
        await page.until("ended")
        texts = [seen["text"] for seen in page.seen if seen.get("opcode") == TEXT]
        assert texts == [f"message {number} ".ljust(9, ".")[:9] for number in range(1000)]
        assert page.frames("sent") == [(CLOSE, True)]


async def test_the_endpoint_closes_with_code_and_reason() -> None:
    async with playground() as page:
        await page.connect("close/4001?reason=see%20you")
        close = await page.got(CLOSE)
        assert (close["close_code"], close["text"]) == (4001, "see you")
        await page.until("ended")
        assert page.frames("sent") == [(CLOSE, True)]


async def test_it_may_leave_pings_and_closes_unanswered() -> None:
    async with playground(ws_ping_interval=0.05, ws_ping_timeout=0, ws_close_timeout=0.1) as page:
        await page.connect(answer=False)
        await page.got(PING)
        assert page.frames("sent") == []
        await page.still_works()
        await page.until("frame", direction="sent", opcode=PONG)
        await page.tell("drop")
        await page.until("ended")
        await page.connect("close/4001", answer=False)
        await page.got(CLOSE)
        await page.until("ended")
        assert (CLOSE, True) not in page.frames("sent")


# Bounds


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        ({"text": "x" * MAX_TEXT}, {"text": "x" * (MAX_TEXT + 1)}),
        ({"hex": "00" * MAX_BYTES}, {"hex": "00" * (MAX_BYTES + 1)}),
        ({"text": "x" * MAX_FRAGMENTS, "fragment_size": 1}, {"text": "x" * (MAX_FRAGMENTS + 1), "fragment_size": 1}),
    ],
    ids=["text", "hex", "fragments"],
)
async def test_limits_of_a_message_crossed_by_one(within: dict[str, Any], beyond: dict[str, Any]) -> None:
    async with playground() as page:
        await page.connect()
        await page.tell("message", **beyond)
        await page.until("error")
        assert page.frames("sent") == []
        await page.tell("message", **within)
        await page.got(TEXT)


async def test_limit_of_a_connections_frames_crossed_by_one() -> None:
    async with playground() as page:
        await page.connect()
        whole, rest = divmod(MAX_FRAMES, MAX_FRAGMENTS + 1)  # each message has one frame for an answer
        for fragments in [MAX_FRAGMENTS] * whole + [rest - 1]:
            await page.tell("message", text="x" * fragments, fragment_size=1)
            await page.got(TEXT)
        assert page.seen[-1]["number"] == MAX_FRAMES
        await page.tell("frame", opcode=PONG)
        assert f"had {MAX_FRAMES} frames" in (await page.until("error"))["text"]
        await page.still_works()


@pytest.mark.parametrize(
    "command",
    [
        "no JSON",
        '{"type":"nothing"}',
        '{"type":"connect"}',
        '{"type":"connect","target":"echo","host":"127.0.0.1"}',
        '{"type":"connect","target":"control"}',
        '{"type":"connect","target":"../echo"}',
        '{"type":"connect","target":"/echo"}',
        '{"type":"connect","target":"http://127.0.0.1/echo"}',
        '{"type":"connect","target":"echo\\n"}',
        '{"type":"connect","target":"echo?a HTTP/1.1\\r\\nHost: elsewhere"}',
        '{"type":"connect","target":"echo","subprotocols":["a\\r\\nb"]}',
        '{"type":"connect","target":"echo","subprotocols":["1","2","3","4","5","6","7","8","9"]}',
        '{"type":"message","text":"no connection"}',
        '{"type":"close"}',
        '{"type":"drop"}',
        '{"type":"message","hex":"0"}',
        '{"type":"frame","opcode":16}',
        '{"type":"close","code":65536}',
    ],
)
async def test_a_command_that_cannot_be_done(command: str) -> None:
    async with playground() as page:
        await page.peer.send(frame(TEXT, command.encode()))
        await page.until("error")
        assert (await page.connect())["status"] == 101
        assert [seen["type"] for seen in page.seen] == ["error", "handshake"]


async def test_one_connection_at_a_time() -> None:
    async with playground() as page:
        await page.connect()
        await page.tell("connect", target="echo")
        assert "already" in (await page.until("error"))["text"]
        await page.tell("drop")
        assert (await page.until("ended"))["text"] == "Dropped, without a Close."
        await page.connect()
        await page.tell("message", text="again")
        assert (await page.got(TEXT))["text"] == "again"


async def test_so_many_pages_and_one_more() -> None:
    async with live(app) as running:
        async with AsyncExitStack() as stack:
            pages = [await stack.enter_async_context(page_of(running)) for _ in range(MAX_SESSIONS)]
            async with running.peer() as peer:
                await peer.send(upgrade_head("/control"))
                assert (await peer.response()).status == 503
            await pages[-1].connect()
            for page in pages:
                await page.peer.send(close_frame(1000))
                await page.peer.rest()
        async with page_of(running) as page:
            await page.connect()


async def test_another_sites_page_gets_no_control_connection() -> None:
    async with live(app) as running, running.peer() as peer:
        await peer.send(upgrade_head("/control", "Origin: http://elsewhere.example"))
        assert (await peer.response()).status == 403


@pytest.mark.parametrize("way", ["close", "reset"])
async def test_the_wire_ends_with_its_page(way: str) -> None:
    async with live(app) as running, running.websocket("/control") as peer:
        page = Page(peer)
        await page.connect("slow?seconds=10")
        await page.tell("message", text="thinking")
        await page.until("frame", direction="sent")
        assert len(running.context.connections) == 2
        await (peer.send(close_frame(1000)) if way == "close" else peer.reset())
        # at the end of live() no connection is left


async def test_a_server_that_does_not_tell_its_address() -> None:
    async def without_address(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"server": None}, receive, send)

    async with live(without_address, lifespan="off") as running, running.peer() as peer:
        await peer.send(upgrade_head("/control"))
        assert (await peer.response()).status == 501


@asynccontextmanager
async def playground_on(port: int) -> AsyncIterator[Page]:
    """Serve the playground as if its own address were another port of this machine."""

    async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"server": ("127.0.0.1", port)}, receive, send)

    async with live(elsewhere, lifespan="off") as running, page_of(running) as page:
        yield page


@asynccontextmanager
async def server_that_answers(answer: bytes, *, stays: bool = False) -> AsyncIterator[int]:
    """Run a server that reads a request's head, answers so, and goes or does nothing more."""

    async def serve(stream: ByteStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(answer)
            if stays:
                await anyio.sleep_forever()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield listener.extra(SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"", "The server ended the connection without a whole response."),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * MAX_RESPONSE, f"The response's head is over {MAX_RESPONSE} bytes."),
        (b"what?\r\n\r\n", "The server did not accept the handshake."),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nshort", "The server did not accept the handshake."),
        (
            SWITCHING + b"\x82\x7f" + (MAX_PAYLOAD + 1).to_bytes(8, "big"),
            f"a frame of {MAX_PAYLOAD + 1} bytes; the playground reads up to {MAX_PAYLOAD}",
        ),
        (SWITCHING + b"\x82", "The server ended the TCP connection."),
    ],
    ids=["nothing", "long", "no HTTP", "cut", "large frame", "half a frame"],
)
async def test_a_server_that_answers_badly(answer: bytes, text: str) -> None:
    async with server_that_answers(answer) as port, playground_on(port) as page:
        await page.tell("connect", target="echo")
        assert (await page.until("ended"))["text"] == text


async def test_a_response_without_the_right_key_is_shown() -> None:
    async with server_that_answers(SWITCHING, stays=True) as port, playground_on(port) as page:
        handshake = await page.connect()
        assert (handshake["status"], handshake["key_accepted"]) == (101, False)


async def test_an_address_where_nobody_listens() -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)
    async with playground_on(port) as page:
        await page.tell("connect", target="echo")
        assert (await page.until("ended"))["text"].startswith("The connection was lost: ")


async def test_a_server_that_keeps_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "CONNECT_TIMEOUT", 0.05)
    async with server_that_answers(b"HTTP/1.1 101", stays=True) as port, playground_on(port) as page:
        await page.tell("connect", target="echo")
        assert "did not answer the handshake" in (await page.until("ended"))["text"]


async def test_a_server_that_reads_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "WRITE_TIMEOUT", 0.05)
    async with server_that_answers(SWITCHING, stays=True) as port, playground_on(port) as page:
        await page.connect()
        reports: list[dict[str, Any]] = []
        while not reports or reports[-1]["type"] == "frame":
            await page.tell("message", text="x" * MAX_TEXT)
            reports.append(await page.report())
        assert [report["type"] for report in reports[-2:]] == ["frame", "error"]
        assert reports[-1]["text"] == "The server takes no more data."


async def test_a_connection_does_not_last_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_session, "LIFETIME", 0.05)
    async with playground() as page:
        await page.connect()
        assert "as long as the playground allows" in (await page.until("ended"))["text"]


async def test_behind_a_proxy_that_has_the_tls() -> None:
    async with live(app) as running, running.peer() as peer:
        await peer.upgrade("/control", "X-Forwarded-Proto: https")
        handshake = await Page(peer).connect()
        assert (handshake["status"], handshake["transport"].split(":")[0]) == (101, "TCP to 127.0.0.1")


# The page and its files


async def test_the_page_and_its_files() -> None:
    async with live(app) as running, running.peer() as peer:
        await peer.send(get("/"))
        response = await peer.response()
        assert response.status == 200
        assert response.values("Content-Type") == ["text/html; charset=utf-8"]
        assert "default-src 'none'" in response.values("Content-Security-Policy")[0]
        await peer.send(get("/files/nothing.js"))
        assert (await peer.response()).status == 404
        for path in FOLDER.iterdir():
            await peer.send(get(f"/files/{path.name}"))
            assert (await peer.response()).body == path.read_bytes()


async def test_the_page_is_sent_to_an_address_with_a_slash() -> None:
    async with live(MOUNTED) as running, running.peer() as peer:
        await peer.send(get("/tools/play%20ground"))
        response = await peer.response()
        assert (response.status, response.values("Location")) == (307, ["play%20ground/"])
        await peer.send(get("/tools/play%20ground/"))
        assert (await peer.response()).status == 200


def test_the_page_needs_nothing_from_elsewhere() -> None:
    for path in FOLDER.iterdir():
        content = path.read_text()
        addresses = set(re.findall(r"\b(?:https?|wss?)://[^\s\"'`]+", content)) - {"http://www.w3.org/2000/svg"}
        assert addresses == set(), path.name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|style=|onclick=", content
        )


# The frame reader


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
@pytest.mark.parametrize("key", [None, b"\x01\x02\x03\x04"])
def test_frames_in_pieces(size: int, key: bytes | None) -> None:
    frames = [Frame(BINARY, bytes(size), True, 4, key), Frame(PING, b"p", masking_key=key)]
    stream = frame(BINARY, bytes(size), rsv=4, masking_key=key) + frame(PING, b"p", masking_key=key)
    assert b"".join(map(bytes, frames)) == stream
    for step in (1, 1000, len(stream)):
        reader = FrameReader(max(size, 1))
        pieces = (stream[at : at + step] for at in range(0, len(stream), step))
        assert [received for piece in pieces for received in reader.receive(piece)] == frames


def test_a_frame_that_is_too_large() -> None:
    reader = FrameReader(10)
    assert [one.payload for one in reader.receive(frame(TEXT, b"x" * 10))] == [b"x" * 10]
    with pytest.raises(FrameTooLargeError, match="11 bytes"):
        list(reader.receive(frame(TEXT, b"x" * 11)[:6]))
