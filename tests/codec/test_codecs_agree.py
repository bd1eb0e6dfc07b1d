"""R4-R20: pure, compiled and wsproto codecs do the same with the same random frames in random reads.

What may differ is named in `tests.codec.agreement`, and each exception has a test of its own here.
"""

import os
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codec.agreement import (
    assert_agreement,
    assert_wsproto_agrees,
    exact,
    faults_meet,
    last_header,
    wsproto_waits_for_the_extended_length,
)
from tests.codec.conversations import (
    FAULTY_FRAMES,
    LIMITS,
    Conversation,
    broken_conversations,
    conversations,
    deflates,
    reads,
)
from tests.codec.frames import (
    BINARY,
    CODECS,
    COMPILED,
    CONTINUATION,
    DEFLATE,
    MASKING_KEY,
    PING,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    CodecFactory,
    client_frame,
    fault,
    feed,
    frame_header,
    octets,
    outcome,
    parameters,
    pull,
    server_frame,
)
from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.events import Close, EndOfStream, Event, Fault, Ping
from wsserve.codec.frames import FrameCodec, FrameLimits
from wsserve.codec.wire import WireCodec
from wsserve.codec.wsproto_codec import WsprotoCodec


def test_the_compiled_codec_takes_part() -> None:
    missing = "the compiled wire codec is not built, so nothing compares it: SPEEDUPS=yes pip install -e ."
    if not COMPILED and os.environ.get("SPEEDUPS") == "yes":
        pytest.fail(missing)
    if not COMPILED:
        pytest.skip(missing)
    assert set(CODECS) == {"wsproto", "wire", "wire-compiled"}


@given(conversations(), reads)
def test_valid_conversations_lead_to_their_events(talk: Conversation, sizes: list[int]) -> None:
    events = assert_agreement(talk.wire, sizes, LIMITS, talk.deflate)
    assert [exact(event) for event in events] == [exact(event) for event in talk.events]


@pytest.mark.parametrize("deflate", [None, DEFLATE], ids=["plain", "deflate"])
@pytest.mark.parametrize("before", [b"", client_frame(TEXT, b"a", fin=False)], ids=["between messages", "inside one"])
@pytest.mark.parametrize("sizes", [[1], [3, 5], [1 << 20]], ids=["bytes", "pieces", "whole"])
def test_every_faulty_frame_leads_to_the_same_events(
    sizes: list[int], before: bytes, deflate: DeflateParameters | None
) -> None:
    for frame in FAULTY_FRAMES:
        assert_agreement(before + frame + client_frame(PING), sizes, LIMITS, deflate)


@settings(max_examples=250)
@given(broken_conversations(), reads)
def test_broken_conversations_lead_to_the_same_events(talk: Conversation, sizes: list[int]) -> None:
    *_, last = assert_agreement(talk.wire, sizes, LIMITS, talk.deflate)
    assert isinstance(last, Close | Fault | EndOfStream)


@given(st.binary(max_size=60), reads, deflates)
def test_random_bytes_lead_to_the_same_events(wire: bytes, sizes: list[int], deflate: DeflateParameters | None) -> None:
    assert_agreement(wire, sizes, LIMITS, deflate)


# Named exception 1: wsproto waits for the extended length


@pytest.mark.parametrize("length", [126, 65536], ids=["16 bits", "64 bits"])
@pytest.mark.parametrize(
    ("opcode", "rsv", "key", "deflate"),
    [
        (BINARY, 0, None, None),
        (BINARY, RSV1, MASKING_KEY, None),
        (BINARY, RSV2, MASKING_KEY, DEFLATE),
        (TEXT, RSV3, MASKING_KEY, DEFLATE),
        (CONTINUATION, RSV1, MASKING_KEY, DEFLATE),
    ],
)
def test_wsproto_looks_at_rsv_and_mask_when_it_has_the_whole_length(
    opcode: int, rsv: int, key: bytes | None, deflate: DeflateParameters | None, length: int
) -> None:
    header = frame_header(opcode, length, rsv=rsv, key=key)
    complete = 4 if length == 126 else 10
    for end in range(2, complete + 1):
        wire, wsproto = WireCodec(LIMITS, deflate), WsprotoCodec(LIMITS, deflate)
        assert outcome(feed(wire, [header[:end]])) == [fault(1002)]
        assert outcome(feed(wsproto, [header[:end]])) == ([] if end < complete else [fault(1002)])
        assert wsproto_waits_for_the_extended_length(header[:end], deflate) == (end < complete)
        # It is a matter of time alone, unless the peer's bytes end there.
        expected: list[Event] = [EndOfStream()] if end < complete else []
        wsproto.receive_eof()
        assert pull(wsproto) == expected
    assert_agreement(client_frame(PING, b"before") + header, [1], LIMITS, deflate)


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"\xa2",
        frame_header(BINARY, 126)[:3],
        frame_header(BINARY, 126, rsv=RSV2),
        frame_header(BINARY, 5, rsv=RSV2),
        frame_header(PING, 126, rsv=RSV2)[:3],
        client_frame(BINARY, bytes(200), key=None),
    ],
    ids=bytes.hex,
)
def test_wsproto_waits_for_nothing_else(wire: bytes) -> None:
    assert not wsproto_waits_for_the_extended_length(wire, None)
    assert not wsproto_waits_for_the_extended_length(client_frame(TEXT, bytes(126)) + wire, None)


def test_the_last_header_is_where_the_incomplete_frame_begins() -> None:
    frames = [client_frame(BINARY, bytes(size), key=key) for size in (0, 125, 126, 65536) for key in (None, b"abcd")]
    for frame in frames:
        for end in {1, 2, 3, 5, 9, len(frame) - 1} & set(range(len(frame))):
            assert last_header(b"".join(frames) + frame[:end]) == frame[:end]
    assert last_header(b"".join(frames)) == b""


# Named exception 2: zlib looks ahead


INVALID_DATA = Fault(1007, "compressed message is not valid DEFLATE data")


def test_invalid_data_behind_the_byte_over_the_limit_is_1007_or_1009() -> None:
    # A block with fixed codes: six times "a", then a code that stands for nothing.
    bits = "110" + "10010001" * 6 + "11000110"
    payload = int(bits[::-1], 2).to_bytes(8, "little")
    limits = FrameLimits(max_message_size=5)
    wire = client_frame(BINARY, payload, rsv=RSV1)
    for make in CODECS.values():
        whole, pieces = feed(make(limits, DEFLATE), [wire]), feed(make(limits, DEFLATE), octets(wire))
        assert (outcome(whole), outcome(pieces)) == ([fault(1007)], [fault(1009)])
        assert faults_meet(pieces, whole, DEFLATE)
        assert not faults_meet(whole, pieces, DEFLATE)
    assert_agreement(wire, [1], limits, DEFLATE)


@pytest.mark.parametrize(
    ("in_pieces", "at_once", "deflate"),
    [
        ([fault(1009)], [INVALID_DATA], None),
        ([fault(1002)], [INVALID_DATA], DEFLATE),
        ([EndOfStream()], [INVALID_DATA], DEFLATE),
        ([fault(1009)], [Fault(1007, "text message is not valid UTF-8")], DEFLATE),
        (["a", fault(1009)], [INVALID_DATA], DEFLATE),
        (["a", fault(1009)], ["b", INVALID_DATA], DEFLATE),
    ],
)
def test_no_other_faults_meet(in_pieces: list[Event], at_once: list[Event], deflate: DeflateParameters | None) -> None:
    assert not faults_meet(in_pieces, at_once, deflate)


# What the comparison itself must notice


def spoiled(spoil: Callable[[list[Event]], None]) -> type[WireCodec]:
    """Return a wire codec whose events `spoil` changes."""

    class Spoiled(WireCodec):
        def next_event(self) -> Event | None:
            event = super().next_event()
            if event is None:
                return None
            events = [event]
            spoil(events)
            return events[0]

    return Spoiled


def as_bytearray(events: list[Event]) -> None:
    if isinstance(events[0], Ping):
        events[0].payload = cast(bytes, bytearray(events[0].payload))


def other_code(events: list[Event]) -> None:
    if isinstance(events[0], Fault):
        events[0].code = 1008


def other_words(events: list[Event]) -> None:
    if isinstance(events[0], Fault):
        events[0].reason = "something is wrong"


SPOILED_WIRE = client_frame(PING, b"a") + client_frame(TEXT, b"\xff")


@pytest.mark.parametrize("spoil", [as_bytearray, other_code, other_words])
def test_a_twin_that_differs_in_a_type_a_code_or_a_word_is_noticed(spoil: Callable[[list[Event]], None]) -> None:
    codecs: dict[str, CodecFactory] = {"wsproto": WsprotoCodec, "wire": WireCodec, "twin": spoiled(spoil)}
    with pytest.raises(AssertionError, match="twin"):
        assert_agreement(SPOILED_WIRE, [3], LIMITS, None, codecs)


@pytest.mark.parametrize("spoil", [as_bytearray, other_code])
def test_a_wire_codec_that_differs_from_wsproto_is_noticed(spoil: Callable[[list[Event]], None]) -> None:
    with pytest.raises(AssertionError):
        assert_agreement(SPOILED_WIRE, [3], LIMITS, None, {"wsproto": WsprotoCodec, "wire": spoiled(spoil)})


def test_an_event_that_comes_later_than_wsprotos_is_noticed() -> None:
    with pytest.raises(AssertionError):
        assert_wsproto_agrees([[], [Ping(b"")]], [[Ping(b"")], []], [client_frame(PING)], None)


# Out


def built(codec: FrameCodec, call: tuple[str, tuple[object, ...]]) -> object:
    name, arguments = call
    try:
        return getattr(codec, name)(*arguments)
    except LocalProtocolError as error:
        return type(error), str(error)


any_text = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(codec=None), max_size=5),
    st.sampled_from([62, 63, 32767, 32768]).map(lambda size: "é" * size),
)
any_bytes = st.binary(max_size=130) | st.sampled_from([125, 126, 65535, 65536]).map(bytes)
calls = st.one_of(
    st.tuples(st.just("text"), st.tuples(any_text)),
    st.tuples(st.just("binary"), st.tuples(any_bytes)),
    st.tuples(st.sampled_from(["ping", "pong"]), st.just(()) | st.tuples(any_bytes)),
    st.tuples(st.just("close"), st.just(()) | st.tuples(st.none() | st.integers(999, 5001), any_text)),
)


@given(st.lists(calls, max_size=6))
def test_all_build_the_same_bytes(sequence: list[tuple[str, tuple[object, ...]]]) -> None:
    codecs = [make(LIMITS) for make in CODECS.values()]
    for call in sequence:
        first, *others = (built(codec, call) for codec in codecs)
        assert type(first) in (bytes, tuple)
        for other in others:
            assert (type(other), other) == (type(first), first)


@given(
    st.lists(calls.filter(lambda call: call[0] in ("text", "binary", "ping")), max_size=6),
    st.sampled_from([parameters(server_max_window_bits=bits, threshold=size) for bits in (9, 15) for size in (0, 30)]),
    st.booleans(),
)
def test_all_deflate_to_the_same_messages(
    sequence: list[tuple[str, tuple[object, ...]]], agreed: DeflateParameters, takeover: bool
) -> None:
    agreed = replace(agreed, server_no_context_takeover=not takeover)
    codecs = [make(LIMITS, agreed) for make in CODECS.values()]
    inflaters = [zlib.decompressobj(-agreed.server_max_window_bits) for _ in codecs]
    for call in sequence:
        seen: list[object] = []
        for index, codec in enumerate(codecs):
            wire = built(codec, call)
            if not isinstance(wire, bytes):
                seen.append(wire)
                continue
            rsv, opcode, payload = server_frame(wire)
            if rsv:
                payload = inflaters[index].decompress(payload + b"\0\0\xff\xff")
                if not takeover:
                    inflaters[index] = zlib.decompressobj(-agreed.server_max_window_bits)
            seen.append((rsv, opcode, payload))
        assert seen == seen[:1] * len(codecs)
