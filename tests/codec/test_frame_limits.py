"""R14, R15, R20, A5-A7: sizes and numbers, memory and time; each codec passes the same tests."""

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.codec.frames import (
    BINARY,
    CODECS,
    CONTINUATION,
    DEFLATE,
    NOISE,
    RSV1,
    TEXT,
    ClientDeflater,
    CodecFactory,
    client_frame,
    compressed_frame,
    deflated,
    every_codec,
    fault,
    feed,
    fragments,
    frame_header,
    octets,
    outcome,
)
from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.events import Fault
from wsserve.codec.frames import FrameLimits

pytestmark = every_codec

LIMITS = FrameLimits()
SMALL = FrameLimits(max_message_size=1000, max_fragments=8)


@pytest.mark.parametrize("length", [1001, 65535, 65536, 1 << 31, 1 << 32, (1 << 63) - 1])
@pytest.mark.parametrize("opcode", [TEXT, BINARY, CONTINUATION])
def test_r14_a_header_over_the_limit_fails_before_any_payload(make: CodecFactory, opcode: int, length: int) -> None:
    before = client_frame(BINARY, b"", fin=False) if opcode == CONTINUATION else b""
    wire = before + frame_header(opcode, length)
    assert outcome(feed(make(SMALL), [wire])) == [fault(1009)]
    assert outcome(feed(make(SMALL), octets(wire))) == [fault(1009)]


@pytest.mark.parametrize("length", [3000, 1 << 31, (1 << 63) - 1])
@pytest.mark.parametrize("opcode", [TEXT, BINARY, CONTINUATION])
def test_r14_a_compressed_frame_that_cannot_be_honest_fails_at_its_header(
    make: CodecFactory, opcode: int, length: int
) -> None:
    if opcode == CONTINUATION:
        wire = compressed_frame(BINARY, b"", fin=False) + frame_header(CONTINUATION, length)
    else:
        wire = frame_header(opcode, length, rsv=RSV1)
    assert outcome(feed(make(SMALL, DEFLATE), [wire])) == [fault(1009)]


def test_r14_a_length_is_summed_without_overflow(make: CodecFactory) -> None:
    wire = client_frame(BINARY, b"a", fin=False) + frame_header(CONTINUATION, (1 << 63) - 1)
    assert outcome(feed(make(SMALL), [wire])) == [fault(1009)]


def test_r14_a_fault_names_size_and_limit(make: CodecFactory) -> None:
    [event] = feed(make(FrameLimits()), [frame_header(BINARY, (1 << 20) + 1)])
    assert event == Fault(1009, "message of 1048577 bytes is over the limit of 1048576")


@pytest.mark.parametrize("limit", [1, 125, 126, 1000, 65535, 65536, 100_000])
@pytest.mark.parametrize("count", [1, 2, 5], ids="in {} frames".format)
@pytest.mark.parametrize("kind", ["zeros", "noise"])
@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("deflate", [None, DEFLATE], ids=["plain", "compressed"])
def test_r15_exactly_the_limit_passes_and_more_fails(
    make: CodecFactory, limit: int, count: int, kind: str, opcode: int, deflate: DeflateParameters | None
) -> None:
    for over in (0, 1, 2, 300):
        size = limit + over
        message = (
            bytes(size) if kind == "zeros" else bytes(byte & 127 for byte in NOISE * (size // len(NOISE) + 1))[:size]
        )
        payload, rsv = (message, 0) if deflate is None else (deflated(message), RSV1)
        step = -(-len(payload) // count)
        wire = fragments(opcode, [payload[index * step : (index + 1) * step] for index in range(count)], rsv=rsv)
        good = message.decode() if opcode == TEXT else message
        events = feed(make(FrameLimits(max_message_size=limit), deflate), [wire])
        assert outcome(events) == [fault(1009) if over else good]


def test_nothing_is_parsed_before_it_is_asked_for(make: CodecFactory) -> None:
    sender = ClientDeflater()
    wire = b"".join(compressed_frame(BINARY, sender.deflate(bytes(500_000))) for _ in range(100))
    codec = make(LIMITS, DEFLATE)
    tracemalloc.start()
    try:
        codec.receive_data(wire)
        assert codec.next_event() == bytes(500_000)
        assert tracemalloc.get_traced_memory()[1] < 2_500_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("reads", ["1-byte fragments", "1-byte reads"])
def test_a5_a6_memory_is_at_most_twice_the_payload(make: CodecFactory, opcode: int, reads: str) -> None:
    size = 8000
    text = "😀€ab".encode() * (size // 9)
    first = client_frame(opcode, b"", fin=False)
    if reads == "1-byte reads":
        pieces = octets(first + client_frame(CONTINUATION, text)[:-1])
    else:
        pieces = [first, *(client_frame(CONTINUATION, byte, fin=False) for byte in octets(text))]
    codec = make(FrameLimits(max_fragments=size + 1))
    tracemalloc.start()
    try:
        assert feed(codec, pieces) == []
        assert tracemalloc.get_traced_memory()[1] < 2 * len(text) + 65536 // 4
    finally:
        tracemalloc.stop()


def seconds(make: CodecFactory, pieces: list[bytes], deflate: DeflateParameters | None) -> float:
    best = float("inf")
    for _ in range(5):
        codec = make(FrameLimits(max_message_size=1 << 26, max_fragments=1 << 20), deflate)
        start = time.process_time()
        assert len(feed(codec, pieces)) == 1
        best = min(best, time.process_time() - start)
    return best


def empty_fragments(count: int) -> list[bytes]:
    return [fragments(BINARY, [b""] * count)]


def one_byte_fragments(count: int) -> list[bytes]:
    return [fragments(TEXT, [b"a"] * count)]


def one_byte_fragments_in_small_reads(count: int) -> list[bytes]:
    wire = fragments(BINARY, [b"a"] * count)
    return [wire[index : index + 100] for index in range(0, len(wire), 100)]


def one_byte_reads(count: int) -> list[bytes]:
    return octets(client_frame(TEXT, "é".encode() * count))


def compressed_one_byte_fragments(count: int) -> list[bytes]:
    return [fragments(TEXT, octets(deflated(b"a" * count, level=0)), rsv=RSV1)]


def one_compressed_frame(count: int) -> list[bytes]:
    return [compressed_frame(BINARY, deflated(NOISE * count, level=0))]


@pytest.mark.parametrize(
    "build",
    [
        empty_fragments,
        one_byte_fragments,
        one_byte_fragments_in_small_reads,
        one_byte_reads,
        compressed_one_byte_fragments,
        one_compressed_frame,
    ],
    ids=lambda build: str(build.__name__),
)
def test_a5_a6_time_is_linear(make: CodecFactory, build: Callable[[int], list[bytes]]) -> None:
    deflate = DEFLATE if "compressed" in build.__name__ else None
    single, double = seconds(make, build(1500), deflate), seconds(make, build(3000), deflate)
    # A clean factor is 2; the slack is for a busy machine and a coarse clock.
    assert double < 2.5 * single + 0.01


BOMB = """
import zlib
from tests.codec.frames import BINARY, CODECS, DEFLATE, RSV1, client_frame
from wsserve.codec.frames import FrameLimits

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

context = zlib.compressobj(9, zlib.DEFLATED, -15)
mebibyte = context.compress(bytes(1 << 20)) + context.flush(zlib.Z_FULL_FLUSH)
frame = client_frame(BINARY, mebibyte * 256, rsv=RSV1)
assert 250_000 < len(frame) < 300_000
codec = CODECS["{codec}"](FrameLimits(max_message_size={limit}), DEFLATE)
before = peak()
codec.receive_data(frame)
event = codec.next_event()
assert event.code == 1009, event
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
@pytest.mark.parametrize("limit", [1 << 20, 16 << 20])
def test_r20_a_bomb_of_256_mib_takes_the_limit_and_2_mib_at_most(make: CodecFactory, limit: int) -> None:
    codec = next(name for name, factory in CODECS.items() if factory is make)
    result = subprocess.run(
        [sys.executable, "-c", BOMB.format(codec=codec, limit=limit)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    # Memory that was freed before is used again, so there may be less than the limit.
    assert limit - (1 << 20) < int(result.stdout) <= limit + (2 << 20)
