"""Unmasking and the payload's buffer, in plain Python and compiled: the same tests."""

import importlib
import importlib.util
import tracemalloc
from types import ModuleType

import pytest

from tests.codec.frames import (
    BINARY,
    COMPILED,
    CONTINUATION,
    MASKING_KEY,
    NOISE,
    TEXT,
    CodecFactory,
    client_frame,
    feed,
    frame_header,
    mask,
)
from wsserve.codec import masking
from wsserve.codec.frames import FrameLimits
from wsserve.codec.wire import WireCodec

TWINS: dict[str, ModuleType] = {"pure": masking}
if importlib.util.find_spec("wsserve.codec._masking_c"):
    TWINS["compiled"] = importlib.import_module("wsserve.codec._masking_c")

every_twin = pytest.mark.parametrize("twin", list(TWINS.values()), ids=list(TWINS))
every_wire_codec = pytest.mark.parametrize("make", [WireCodec, *COMPILED.values()], ids=["pure", *COMPILED])

SIZES = [*range(40), 63, 64, 65, 1023, 1024, 1025, 16383, 16384, 16385, 32_768, 32_771, 100_001]
LONG = (NOISE * 51)[:100_001]
TEXTS = [
    "",
    "ascii only, and long enough for whole words",
    "κόσμε ß€😀" * 5,
    "sixteen ascii ch" + "€" * 9,
    "\ud7ff\ue000",
]


@every_twin
@pytest.mark.parametrize("size", SIZES)
def test_unmask_at_every_alignment(twin: ModuleType, size: int) -> None:
    for offset in range(9):
        wire = bytes(offset) + MASKING_KEY + mask(LONG[:size]) + b"behind"
        assert twin.unmask(wire, offset + 4, size) == LONG[:size]


@every_twin
@pytest.mark.parametrize("size", SIZES)
def test_unmask_text(twin: ModuleType, size: int) -> None:
    text = ("a€ß😀" * 11_000)[: size // 3]
    payload = text.encode()
    wire = MASKING_KEY + mask(payload) + b"behind"
    assert twin.unmask_text(wire, 4, len(payload)) == text
    if payload:
        with pytest.raises(UnicodeDecodeError):
            twin.unmask_text(MASKING_KEY + mask(payload + b"\xff"), 4, len(payload) + 1)


@pytest.mark.parametrize("twin", [twin for name, twin in TWINS.items() if name == "compiled"])
def test_the_compiled_twin_reads_nothing_outside_of_the_data(twin: ModuleType) -> None:
    wire = MASKING_KEY + bytes(8)
    for start, size in [(3, 1), (4, 9), (4, -1), (-1, 4), (13, 0)]:
        for unmask in (twin.unmask, twin.unmask_text):
            with pytest.raises(IndexError):
                unmask(wire, start, size)
    for start, size, key in [(0, 13, MASKING_KEY), (-1, 2, MASKING_KEY), (0, -1, MASKING_KEY), (0, 4, b"abc")]:
        with pytest.raises(IndexError):
            twin.new_payload_buffer().unmask(wire, start, size, key, 100)


@every_twin
@pytest.mark.parametrize("most", ["exact", "unknown"])
@pytest.mark.parametrize("step", [1, 3, 64, 1000, 40_000])
def test_a_buffer_takes_pieces_and_begins_again(twin: ModuleType, step: int, most: str) -> None:
    payload = LONG[: step * 40]
    buffer = twin.new_payload_buffer()
    assert buffer.take() == b""
    assert buffer.take_text() == ""
    for _ in range(2):
        for start in range(0, len(payload), step):
            piece = b"?" + mask(payload[start : start + step])
            buffer.unmask(piece, 1, len(piece) - 1, MASKING_KEY, len(payload) if most == "exact" else 1 << 20)
        assert buffer.take() == payload


@every_twin
@pytest.mark.parametrize("text", TEXTS)
def test_a_buffer_takes_text_cut_anywhere(twin: ModuleType, text: str) -> None:
    payload = text.encode()
    buffer = twin.new_payload_buffer()
    for cut in range(len(payload) + 1):
        for piece in (payload[:cut], payload[cut:]):
            buffer.unmask(mask(piece), 0, len(piece), MASKING_KEY, len(payload))
            assert buffer.can_begin_text()
        assert buffer.take_text() == text


@every_twin
@pytest.mark.parametrize("before", ["", "a", "seven b", "eight by", "ß€😀"])
@pytest.mark.parametrize("invalid", [b"\xff", b"\x80", b"\xed\xa0", b"\xed\xbf", b"\xf4\x90", b"\xe2\x82a"])
def test_a_buffer_tells_what_cannot_begin_a_text(twin: ModuleType, before: str, invalid: bytes) -> None:
    buffer = twin.new_payload_buffer()
    for piece, good in ((before.encode(), True), (invalid, False)):
        buffer.unmask(mask(piece), 0, len(piece), MASKING_KEY, 100)
        assert buffer.can_begin_text() is good
    with pytest.raises(UnicodeDecodeError):
        buffer.take_text()


@every_wire_codec
@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_r14_a_header_that_announces_much_takes_no_memory(make: CodecFactory, opcode: int, fin: bool) -> None:
    wire = frame_header(opcode, 1 << 20, fin=fin) + mask(bytes(500))
    codec = make(FrameLimits())
    tracemalloc.start()
    try:
        assert feed(codec, [wire]) == []
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()


@every_wire_codec
def test_a_large_read_is_not_kept_for_what_follows_it(make: CodecFactory) -> None:
    codec = make(FrameLimits())
    tracemalloc.start()
    try:
        wire = client_frame(BINARY, bytes(100_000)) + client_frame(BINARY, b"next")[:3]
        codec.receive_data(wire)
        assert codec.next_event() == bytes(100_000)
        assert codec.next_event() is None
        del wire
        assert tracemalloc.get_traced_memory()[0] < 5000
    finally:
        tracemalloc.stop()
    assert feed(codec, [client_frame(BINARY, b"next")[3:]]) == [b"next"]


@every_wire_codec
@pytest.mark.parametrize("size", [70_000, 1 << 20])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("frames", [1, 3])
def test_large_messages_in_reads_of_every_kind(make: CodecFactory, opcode: int, frames: int, size: int) -> None:
    payload = ("a€" * size)[: size // 2].encode()[:size]
    payload = payload.decode(errors="ignore").encode()
    step = -(-len(payload) // frames)
    pieces = [payload[start : start + step] for start in range(0, len(payload), step)]
    wire = b"".join(
        client_frame(opcode if index == 0 else CONTINUATION, piece, fin=index == len(pieces) - 1)
        for index, piece in enumerate(pieces)
    )
    expected = payload.decode() if opcode == TEXT else payload
    for read in (1 << 21, 256_000, 65_536, 16_384, 9_999):
        reads = [wire[start : start + read] for start in range(0, len(wire), read)]
        assert feed(make(FrameLimits()), reads) == [expected]
