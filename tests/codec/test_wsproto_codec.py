"""What is particular to the codec on wsproto; test_frame*.py hold what it shares with every codec.

Where wsproto 1.3.2 by itself is wrong, a shared test shows that the codec is right:

- R8, bytes kept after the end: test_frame_events.py, `test_r8_bytes_after_the_last_event_are_dropped_and_not_kept`
- R9, half a surrogate: test_frame_events.py, `TestInvalidText` with `eda0`
- R10, close code 1014: test_frame_events.py, `test_r10_every_close_code_is_a_close_or_a_fault`
- R14 and R15, no limits: test_frame_limits.py
- R16 and R17, offers that raise or get a wrong answer: test_deflate.py
- R18, a control frame inside a compressed message: test_frames.py, the vector of that name
- R19, BFINAL=1: test_frames.py; and R20, bombs: test_frame_limits.py
"""

from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from tests.codec.frames import (
    BINARY,
    CONTINUATION,
    MASKING_KEY,
    PING,
    PONG,
    RSV1,
    TEXT,
    client_frame,
    close_frame,
    fault,
    feed,
    frame_header,
    outcome,
)
from wsserve.codec.events import Close, Event, Fault, Ping, Pong
from wsserve.codec.frames import FrameCodec, FrameLimits
from wsserve.codec.wsproto_codec import WsprotoCodec


def test_it_is_a_frame_codec() -> None:
    codec: FrameCodec = WsprotoCodec(FrameLimits())
    assert codec.next_event() is None


def test_r6_what_wsproto_itself_refuses_keeps_its_code_and_words() -> None:
    [event] = feed(WsprotoCodec(FrameLimits()), [client_frame(BINARY, bytes(5), length_bits=16)])
    assert event == Fault(1002, "Payload length used 2 bytes when 1 would have sufficed")


def test_r4_wsproto_refuses_an_unmasked_frame_before_the_limits_do() -> None:
    [event] = feed(WsprotoCodec(FrameLimits()), [frame_header(BINARY, 1 << 40, key=None)])
    assert event == Fault(1002, "server received unexpected unmasked frame")


def test_r15_a_header_that_wsproto_parses_again_and_again_counts_once() -> None:
    codec = WsprotoCodec(FrameLimits(max_message_size=2, max_fragments=2))
    first, second = client_frame(BINARY, b"a", fin=False), client_frame(CONTINUATION, b"b")
    for end in range(1, len(first + second) + 1):
        for _ in range(3):
            codec.receive_data(b"")
            assert codec.next_event() is None
        codec.receive_data((first + second)[end - 1 : end])
    assert codec.next_event() == b"ab"


def bare(wire: bytes) -> list[Event]:
    """Return what wsproto alone makes of `wire`."""
    protocol = FrameProtocol(client=False, extensions=[])
    protocol.receive_bytes(wire)
    events: list[Event] = []
    parts: list[str | bytes] = []
    try:
        for frame in protocol.received_frames():
            match frame.opcode, frame.payload:
                case Opcode.PING, bytes(payload):
                    events.append(Ping(payload))
                case Opcode.PONG, bytes(payload):
                    events.append(Pong(payload))
                case Opcode.CLOSE, (int(code), str(reason)):
                    events.append(Close(code, reason))
                case opcode, (str() | bytes()) as part:
                    parts.append(part)
                    if frame.message_finished:
                        if opcode is Opcode.TEXT:
                            events.append("".join(part for part in parts if isinstance(part, str)))
                        else:
                            events.append(b"".join(part for part in parts if isinstance(part, bytes)))
                        parts = []
    except ParseFailed as failure:
        events.append(fault(int(failure.code)))
    return events


frames = st.builds(
    client_frame,
    st.sampled_from([CONTINUATION, CONTINUATION, TEXT, TEXT, BINARY, PING, PONG, 5]),
    st.binary(max_size=20) | st.text(max_size=20).map(str.encode),
    fin=st.booleans(),
    rsv=st.sampled_from([0] * 20 + [RSV1]),
    key=st.sampled_from([MASKING_KEY] * 20 + [None]),
)
closes = st.builds(
    close_frame, st.integers(0, 5001).filter(lambda code: code != 1014), st.text(max_size=9).map(str.encode)
)


@given(st.lists(frames | frames | closes, max_size=10).map(b"".join))
def test_without_limits_and_deflate_it_agrees_with_wsproto_alone(wire: bytes) -> None:
    assert outcome(feed(WsprotoCodec(FrameLimits()), [wire])) == bare(wire)
