"""What holds for a session whatever its peer, its application, the clock and the server do, in any order."""

import logging
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.asgi_bridge.exchanges import Call, WebSocketExchange, open_websocket, split_frames
from tests.asgi_bridge.memory import settle
from tests.codec.frames import BINARY, CLOSE, PING, TEXT, client_frame, close_frame
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.messages import InvalidMessageError

pytestmark = pytest.mark.anyio

STEPS = {
    # How often each is taken, so that runs are not over after a step or two.
    "message": 8,
    "large": 3,
    "ping": 3,
    "close": 1,
    "fault": 1,
    "part": 1,
    "end": 1,
    "loss": 1,
    "stall": 2,
    "take": 3,
    "time": 3,
    "receive": 8,
    "cancel": 2,
    "accept": 6,
    "send": 6,
    "send-large": 3,
    "app-close": 1,
    "start": 1,
    "body": 2,
    "return": 1,
    "raise": 1,
    "shutdown": 1,
}
steps = st.lists(
    st.sampled_from([step for step, weight in STEPS.items() for _ in range(weight)]), min_size=1, max_size=25
)


PARTS = (client_frame(BINARY, bytes(100))[:50], client_frame(BINARY, bytes(100))[50:])


class Run:
    """Takes steps, and keeps what can be checked in the end."""

    def __init__(self, ws: WebSocketExchange) -> None:
        self.ws = ws
        self.receives: list[Call] = []
        self.sends: list[tuple[str | bytes, Call]] = []
        self.messages = 0
        self.parts = list(PARTS)
        self.ended = False

    async def take(self, step: str) -> None:
        ws, session = self.ws, self.ws.session
        wire = {
            "message": client_frame(TEXT, b"%d" % self.messages),
            "large": client_frame(TEXT, b"%0700d" % self.messages),
            "ping": client_frame(PING, b"x"),
            "close": close_frame(4000, b"peer"),
            "fault": client_frame(3),
            "part": self.parts[0],
        }
        if step in wire:
            in_a_frame = self.parts[0] is not PARTS[0]
            if ws.transport.is_reading() and not ws.transport.is_closed() and (step == "part" or not in_a_frame):
                session.data_received(wire[step])
                self.messages += step in ("message", "large")
                if step == "part":
                    self.parts.reverse()
        elif step == "end":
            if not ws.transport.is_closed():
                session.eof_received()
        elif step == "loss":
            ws.transport.lose()
        elif step == "stall":
            ws.transport.stalled = True
        elif step == "take":
            if not ws.transport.lost:
                ws.transport.take()
        elif step == "time":
            await ws.advance(0.7)
        elif step == "receive":
            self.receives.append(await ws.begin(ws.app.receive))
        elif step == "cancel":
            for call in self.receives[-1:]:
                call.scope.cancel()
        elif step == "send":
            await self.send(str(len(self.sends)))
        elif step == "send-large":
            await self.send(b"%0900d" % len(self.sends))
        elif step in ("return", "raise"):
            if not self.ended:
                ws.app.end(ValueError("secret") if step == "raise" else None)
            self.ended = True
        elif step == "shutdown":
            session.shutdown()
        else:
            messages: dict[str, dict[str, Any]] = {
                "accept": {"type": "websocket.accept"},
                "app-close": {"type": "websocket.close", "code": 4001},
                "start": {"type": "websocket.http.response.start", "status": 401},
                "body": {"type": "websocket.http.response.body", "body": bytes(600), "more_body": True},
            }
            await ws.begin(ws.app.send, messages[step])
        await settle()

    async def send(self, data: str | bytes) -> None:
        key = "text" if isinstance(data, str) else "bytes"
        self.sends.append((data, await self.ws.begin(self.ws.app.send, {"type": "websocket.send", key: data})))

    def check(self) -> None:
        for call in self.ws.calls:
            assert call.error is None or isinstance(call.error, (ClientDisconnected, InvalidMessageError)), call.error
        self.check_received([call.result for call in self.receives if call.is_done() and call.error is None])
        self.check_sent(b"".join(data for data, _ in self.ws.transport.writes))

    def check_received(self, results: list[dict[str, Any]]) -> None:
        kinds = Counter(result["type"] for result in results)
        assert kinds["websocket.connect"] <= 1
        assert kinds["websocket.disconnect"] <= 1
        if results:
            assert {"type": "websocket.connect"} in results
        numbers = sorted(int(result["text"]) for result in results if "text" in result)
        assert numbers == list(range(len(numbers))), "none is lost, none comes twice"
        assert len(numbers) <= self.messages

    def check_sent(self, wire: bytes) -> None:
        sent = [data.encode() if isinstance(data, str) else data for data, call in self.sends if call.is_done()]
        refused = [call for _, call in self.sends if call.is_done() and call.error is not None]
        assert b"secret" not in wire
        if not wire.startswith(b"HTTP/1.1 101 "):
            assert len(refused) == len(sent)
            assert len(re.findall(rb"HTTP/1\.1 [0-9]{3} ", wire)) <= 1
            return
        frames = [frame[1:] for frame in split_frames(wire.partition(b"\r\n\r\n")[2])]
        assert CLOSE not in [opcode for opcode, _ in frames[:-1]], "nothing follows the Close"
        assert len([opcode for opcode, _ in frames if opcode in (TEXT, BINARY)]) == len(sent) - len(refused)
        numbers = [int(payload) for opcode, payload in frames if opcode in (TEXT, BINARY)]
        assert len(set(numbers)) == len(numbers)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
async def test_g3_r8_r11_a20_no_order_of_events_breaks_a_session(
    steps: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        async with open_websocket(accept=False, max_queue_bytes=1000, high_water=1000) as ws:
            run = Run(ws)
            for step in steps:
                await run.take(step)
        run.check()
    assert not [record for record in caplog.records if "Internal" in record.getMessage()]
    assert ws.session.disconnect is not None or ws.session.accepted
