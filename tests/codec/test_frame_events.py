"""R8-R12: close codes, fail-fast UTF-8, and the end; each codec passes the same tests."""

import gc
import tracemalloc

import pytest

from tests.codec.frames import (
    BINARY,
    CONTINUATION,
    DEFLATE,
    PING,
    PONG,
    RSV1,
    TEXT,
    CodecFactory,
    client_frame,
    close_frame,
    compressed_frame,
    deflated,
    every_codec,
    fault,
    feed,
    fragments,
    octets,
    outcome,
    pull,
)
from wsserve.codec.close_codes import is_valid
from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.events import Close, EndOfStream, Ping, Pong
from wsserve.codec.frames import FrameLimits

pytestmark = every_codec

LIMITS = FrameLimits()
SMALL = FrameLimits(max_message_size=1000, max_fragments=8)
UTF8 = "κόσμε ß€😀"


def test_r10_every_close_code_is_a_close_or_a_fault(make: CodecFactory) -> None:
    for code in [*range(5002), 32768, 65535]:
        expected = Close(code, "why") if is_valid(code) else fault(1002)
        assert outcome(feed(make(LIMITS), [close_frame(code, b"why")])) == [expected]


# UTF-8

FOUR_BYTES = "😀".encode()


@pytest.mark.parametrize("deflate", [None, DEFLATE], ids=["plain", "compressed"])
@pytest.mark.parametrize("cut", range(5))
def test_r9_every_split_of_a_four_byte_character_decodes_alike(
    make: CodecFactory, cut: int, deflate: DeflateParameters | None
) -> None:
    text = b"a" + FOUR_BYTES + b"b"
    payload, rsv = (text, 0) if deflate is None else (deflated(text, level=0), RSV1)
    start = payload.index(FOUR_BYTES) + cut
    wire = fragments(TEXT, [payload[:start], payload[start:]], rsv=rsv)
    for pieces in ([wire], octets(wire), *([wire[:at], wire[at:]] for at in range(len(wire)))):
        assert feed(make(LIMITS, deflate), pieces) == ["a😀b"]


# The good beginning, and the first byte that no character can have there (Unicode, table 3-7).
INVALID_UTF8 = [
    ("", "80"),
    ("", "bf"),
    ("", "c0"),
    ("", "c1"),
    ("", "f5"),
    ("", "ff"),
    ("c3", "28"),
    ("e0", "9f"),
    ("ed", "a0"),
    ("e282", "28"),
    ("f0", "8f"),
    ("f4", "90"),
    ("f09f98", "c0"),
]


@pytest.mark.parametrize("begin", ["", "cebae1bdb9"], ids=["at once", "after a good text"])
@pytest.mark.parametrize("invalid", INVALID_UTF8, ids="".join)
class TestInvalidText:
    def test_r9_fails_at_the_byte_inside_an_incomplete_frame(
        self, make: CodecFactory, invalid: tuple[str, str], begin: str
    ) -> None:
        good, bad = bytes.fromhex(begin + invalid[0]), bytes.fromhex(invalid[1])
        wire = client_frame(TEXT, good + bad + b"more")
        header = len(wire) - len(good) - 5
        codec = make(LIMITS)
        assert feed(codec, octets(wire[: header + len(good)])) == []
        assert outcome(feed(codec, [wire[header + len(good) :][:1]])) == [fault(1007)]
        assert outcome(feed(make(LIMITS), [wire[:-4]])) == [fault(1007)]

    def test_r9_fails_at_the_fragment(self, make: CodecFactory, invalid: tuple[str, str], begin: str) -> None:
        good, bad = bytes.fromhex(begin + invalid[0]), bytes.fromhex(invalid[1])
        codec = make(LIMITS)
        assert feed(codec, [client_frame(TEXT, good, fin=False)]) == []
        assert outcome(feed(codec, [client_frame(CONTINUATION, bad, fin=False)])) == [fault(1007)]

    def test_r9_fails_in_compressed_bytes_at_hand(
        self, make: CodecFactory, invalid: tuple[str, str], begin: str
    ) -> None:
        good, bad = bytes.fromhex(begin + invalid[0]), bytes.fromhex(invalid[1])
        wire = compressed_frame(TEXT, deflated(good + bad + b"more", level=0))
        cut = 6 + 5 + len(good)
        codec = make(LIMITS, DEFLATE)
        assert feed(codec, [wire[:cut]]) == []
        assert outcome(feed(codec, [wire[cut : cut + 1]])) == [fault(1007)]


def test_results_are_bytes_and_str_exactly(make: CodecFactory) -> None:
    wire = fragments(BINARY, [b"a", b"b"]) + client_frame(BINARY) + client_frame(PING, b"p") + client_frame(PONG, b"p")
    wire += compressed_frame(BINARY, deflated(b"c")) + client_frame(TEXT, b"t") + close_frame(1000, b"r")
    binary, empty, ping, pong, inflated, text, close = feed(make(LIMITS, DEFLATE), [wire])
    for event in (binary, empty, inflated):
        assert isinstance(event, bytes)
        assert type(event) is bytes
    for event in (ping, pong):
        assert isinstance(event, Ping | Pong)
        assert type(event.payload) is bytes
    assert isinstance(text, str)
    assert type(text) is str
    assert isinstance(close, Close)
    assert (type(close.code), type(close.reason)) == (int, str)


# The end


def test_r12_the_end_of_the_stream_comes_after_the_events_before_it(make: CodecFactory) -> None:
    codec = make(LIMITS)
    codec.receive_data(client_frame(TEXT, b"a") + client_frame(TEXT, b"b", fin=False) + client_frame(PING)[:3])
    codec.receive_eof()
    assert codec.next_event() == "a"
    assert codec.next_event() == EndOfStream()
    assert codec.next_event() is None
    codec.receive_data(client_frame(TEXT, b"c"))
    codec.receive_eof()
    assert pull(codec) == []


def test_r12_the_end_of_the_stream_alone(make: CodecFactory) -> None:
    codec = make(LIMITS)
    assert codec.next_event() is None
    codec.receive_eof()
    codec.receive_data(client_frame(TEXT, b"too late"))
    assert pull(codec) == [EndOfStream()]


def test_r12_a_fault_before_the_end_is_a_fault(make: CodecFactory) -> None:
    codec = make(LIMITS)
    codec.receive_data(client_frame(3))
    codec.receive_eof()
    assert outcome(pull(codec)) == [fault(1002)]


@pytest.mark.parametrize("last", ["Close", "fault", "end"])
def test_r8_bytes_after_the_last_event_are_dropped_and_not_kept(make: CodecFactory, last: str) -> None:
    codec = make(LIMITS)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        codec.receive_data(client_frame(BINARY, bytes(100_000), fin=False))
        match last:
            case "Close":
                codec.receive_data(close_frame(1000) + bytes(200_000))
            case "fault":
                codec.receive_data(client_frame(3) + bytes(200_000))
            case _:
                codec.receive_data(client_frame(CONTINUATION, bytes(200_000))[:-1])
                codec.receive_eof()
        assert len(pull(codec)) == 1
        for _ in range(10):
            codec.receive_data(bytes(100_000))
            assert codec.next_event() is None
        assert tracemalloc.get_traced_memory()[0] < 50_000
    finally:
        tracemalloc.stop()
        gc.enable()


def test_r8_frames_can_be_sent_after_a_fault(make: CodecFactory) -> None:
    codec = make(LIMITS, DEFLATE)
    first = codec.text("Hello" * 10)
    feed(codec, [client_frame(3)])
    second = codec.text("Hello" * 10)  # in the same context: the peer's window goes on
    assert len(second) < len(first)
    assert codec.close(1002, "no") == b"\x88\x04\x03\xeano"


@pytest.mark.parametrize("deflate", [None, DEFLATE])
def test_a_codec_that_rests_goes_on_as_new(make: CodecFactory, deflate: DeflateParameters | None) -> None:
    codec = make(LIMITS, deflate)
    text = "a text that is worth compressing " * 8
    first = codec.text(text)
    again = codec.text(text)
    assert (len(again) < len(first)) is (deflate is not None), "the second refers to the first"
    for _ in range(3):
        codec.rest()
    assert codec.text(text) == first
