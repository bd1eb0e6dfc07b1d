"""R8-R9, R15, R18-R20: properties of random frames in random reads; each codec passes the same tests."""

import zlib
from itertools import cycle, product

from hypothesis import given
from hypothesis import strategies as st

from tests.codec.agreement import are_same, faults_meet, split
from tests.codec.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    MASKING_KEY,
    PING,
    PONG,
    RSV1,
    RSV2,
    TEXT,
    ClientDeflater,
    CodecFactory,
    client_frame,
    close_frame,
    deflated,
    every_codec,
    feed,
    outcome,
    parameters,
    pull,
    server_frame,
)
from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.events import Close, EndOfStream, Event, Fault, Ping, Pong
from wsserve.codec.frames import FrameLimits

pytestmark = every_codec

SMALL = FrameLimits(max_message_size=40, max_fragments=4)

payloads = st.binary(max_size=30) | st.text(max_size=15).map(str.encode) | st.sampled_from([b"\xed\xa0", b"\xf4\x90"])
any_frame = st.builds(
    client_frame,
    st.sampled_from([CONTINUATION, CONTINUATION, TEXT, TEXT, BINARY, BINARY, PING, PONG, CLOSE, 3]),
    payloads | payloads.map(deflated),
    fin=st.booleans(),
    rsv=st.sampled_from([0] * 6 + [RSV1] * 3 + [RSV2]),
    key=st.sampled_from([MASKING_KEY] * 8 + [b"\0\0\0\0", None]),
)
control_frame = st.builds(client_frame, st.sampled_from([PING, PONG]), st.binary(max_size=20)) | st.builds(
    close_frame, st.sampled_from([1000, 1005, 1014, 2999, 3000]), st.binary(max_size=5)
)
reads = st.lists(st.integers(1, 40), min_size=1, max_size=8)


@st.composite
def fragmented(draw: st.DrawFn) -> bytes:
    """Draw one message in order, with control frames between its fragments, compressed or not."""
    payload = draw(payloads)
    rsv = draw(st.sampled_from([0, RSV1]))
    if rsv:
        payload = deflated(payload)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=4)))
    wire = b""
    opcode = draw(st.sampled_from([TEXT, BINARY]))
    for start, stop in zip([0, *cuts], [*cuts, len(payload)], strict=True):
        wire += client_frame(opcode, payload[start:stop], fin=False, rsv=rsv)
        wire += b"".join(draw(st.lists(control_frame, max_size=1)))
        opcode, rsv = CONTINUATION, 0
    return wire + client_frame(CONTINUATION)


wires = st.lists(any_frame | fragmented() | fragmented() | control_frame, max_size=8).map(b"".join)


@given(wires, reads, st.sampled_from([None, DEFLATE, parameters(client_no_context_takeover=True)]))
def test_r8_r9_random_frames_in_random_reads_give_the_same_events(
    make: CodecFactory, wire: bytes, sizes: list[int], deflate: DeflateParameters | None
) -> None:
    whole, pieces = make(SMALL, deflate), make(SMALL, deflate)
    expected = feed(whole, [wire])
    events = feed(pieces, split(wire, sizes))
    assert are_same(events, expected) or faults_meet(events, expected, deflate)
    if not any(isinstance(event, Close | Fault) for event in expected):
        for codec in (whole, pieces):
            codec.receive_eof()
            assert pull(codec) == [EndOfStream()]


@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from([None, DEFLATE]))
def test_random_bytes_never_raise(make: CodecFactory, pieces: list[bytes], deflate: DeflateParameters | None) -> None:
    codec = make(SMALL, deflate)
    outcome(feed(codec, pieces))
    codec.receive_eof()
    assert all(isinstance(event, EndOfStream) for event in pull(codec))


messages = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=60),
    st.just("chat " * 100),
    st.builds(Ping, st.binary(max_size=125)),
    st.builds(Pong, st.binary(max_size=125)),
)
ALL_PARAMETERS = [
    parameters(
        server_max_window_bits=bits,
        client_max_window_bits=bits,
        server_no_context_takeover=not takeover,
        client_no_context_takeover=not takeover,
        threshold=threshold,
    )
    for bits, takeover, threshold in product((9, 11, 15), (True, False), (0, 30))
]


@given(st.lists(messages, max_size=8), st.sampled_from(ALL_PARAMETERS), st.lists(st.booleans(), min_size=1), reads)
def test_r18_messages_make_the_round_trip_to_plain_zlib(
    make: CodecFactory, sent: list[Event], agreed: DeflateParameters, compress: list[bool], sizes: list[int]
) -> None:
    bits, takeover = agreed.server_max_window_bits, not agreed.server_no_context_takeover
    codec = make(FrameLimits(), agreed)
    sender = ClientDeflater(window_bits=bits, takeover=takeover)
    receiver = zlib.decompressobj(-bits)
    for event, compressed in zip(sent, cycle(compress), strict=False):
        match event:
            case Ping(payload):
                wire, outgoing, opcode = client_frame(PING, payload), codec.ping(payload), PING
            case Pong(payload):
                wire, outgoing, opcode = client_frame(PONG, payload), codec.pong(payload), PONG
            case str() as text:
                payload, outgoing, opcode = text.encode(), codec.text(text), TEXT
            case bytes() as payload:
                outgoing, opcode = codec.binary(payload), BINARY
        if opcode in (TEXT, BINARY):
            wire = client_frame(opcode, payload)
            if compressed:
                wire = client_frame(opcode, sender.deflate(payload) or b"\0", rsv=RSV1)
        assert feed(codec, split(wire, sizes)) == [event]
        rsv, seen_opcode, seen = server_frame(outgoing)
        assert rsv == (RSV1 if opcode in (TEXT, BINARY) and len(payload) >= agreed.threshold else 0)
        if rsv:
            seen = receiver.decompress(seen + b"\0\0\xff\xff")
            if not takeover:
                receiver = zlib.decompressobj(-bits)
        assert (seen_opcode, seen) == (opcode, payload)
