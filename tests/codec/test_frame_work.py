"""A5, A6: the work of a frame codec is linear in what the peer sends, however it is cut up.

Work is counted, not timed: the lines that run in the codec, and the bytes that are copied from what was received and
from the payload of the message that is arriving. The compiled codec comes from the same source.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from tests.codec.frames import (
    BINARY,
    CONTINUATION,
    DEFLATE,
    NOISE,
    PING,
    RSV1,
    TEXT,
    ClientDeflater,
    CodecFactory,
    client_frame,
    compressed_frame,
    deflated,
    feed,
    fragments,
    octets,
)
from wsserve.codec import deflate, message
from wsserve.codec.frames import FrameLimits
from wsserve.codec.wire import WireCodec
from wsserve.codec.wsproto_codec import WsprotoCodec

LIMITS = FrameLimits(max_message_size=1 << 26, max_fragments=1 << 20)


class Copied:
    """How many bytes were copied."""

    total = 0


class CountedBytes(bytes):
    """Counts what slices and sums of it copy."""

    def __getitem__(self, index: Any) -> Any:
        result = super().__getitem__(index)
        if not isinstance(result, bytes):
            return result
        Copied.total += len(result)
        return CountedBytes(result)

    def __add__(self, other: Any) -> "CountedBytes":
        Copied.total += len(self) + len(other)
        return CountedBytes(super().__add__(other))

    def __radd__(self, other: Any) -> Any:
        if not isinstance(other, bytes):
            return NotImplemented  # a bytearray grows by itself
        Copied.total += len(self) + len(other)
        return CountedBytes(other + bytes(self))


class CountedBytearray(bytearray):
    """Counts what slices of it copy; it grows in place."""

    def __getitem__(self, index: Any) -> Any:
        result = super().__getitem__(index)
        if isinstance(result, bytearray):
            Copied.total += len(result)
        return result


def lines_run(work: Callable[[], object]) -> int:
    """Return how many lines `work` runs in the codec and in wsproto."""
    lines = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal lines
        if event == "call" and not frame.f_globals.get("__name__", "").startswith(("wsserve.codec", "wsproto")):
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def work(make: CodecFactory, pieces: list[bytes]) -> tuple[int, int]:
    """Return how many lines run and how many bytes are copied when these pieces are fed."""
    codec = make(LIMITS, DEFLATE)
    counted = [CountedBytes(piece) for piece in pieces]
    Copied.total = 0
    lines = lines_run(lambda: feed(codec, counted))
    return lines, Copied.total


def small_messages(count: int) -> list[bytes]:
    return [client_frame(TEXT, b"chat") * count]


def small_compressed_messages(count: int) -> list[bytes]:
    sender = ClientDeflater()
    return [b"".join(compressed_frame(TEXT, sender.deflate(b"chat")) for _ in range(count))]


def empty_fragments(count: int) -> list[bytes]:
    return [fragments(BINARY, [b""] * count)]


def one_byte_fragments(count: int) -> list[bytes]:
    return [fragments(TEXT, [b"a"] * count)]


def one_byte_fragments_in_small_reads(count: int) -> list[bytes]:
    wire = fragments(BINARY, [b"a"] * count)
    return [wire[index : index + 100] for index in range(0, len(wire), 100)]


def one_byte_reads(count: int) -> list[bytes]:
    return octets(client_frame(TEXT, "é".encode() * count))


def one_byte_reads_of_small_frames(count: int) -> list[bytes]:
    return octets(client_frame(PING, b"a") * (count // 7) + client_frame(BINARY, b"a") * (count // 7))


def control_frames_inside_a_message(count: int) -> list[bytes]:
    inside = client_frame(PING, b"a") + client_frame(CONTINUATION, b"a", fin=False)
    return [client_frame(BINARY, b"a" * count, fin=False) + inside * (count // 2) + client_frame(CONTINUATION)]


def compressed_one_byte_fragments(count: int) -> list[bytes]:
    return [fragments(TEXT, octets(deflated(b"a" * count, level=0)), rsv=RSV1)]


def compressed_one_byte_reads(count: int) -> list[bytes]:
    return octets(compressed_frame(TEXT, deflated(b"a" * count, level=0)))


def one_compressed_frame(count: int) -> list[bytes]:
    return [compressed_frame(BINARY, deflated(NOISE * count, level=0))]


SHAPES = [
    small_messages,
    small_compressed_messages,
    empty_fragments,
    one_byte_fragments,
    one_byte_fragments_in_small_reads,
    one_byte_reads,
    one_byte_reads_of_small_frames,
    control_frames_inside_a_message,
    compressed_one_byte_fragments,
    compressed_one_byte_reads,
    one_compressed_frame,
]


@pytest.fixture(autouse=True)
def counted_payloads(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (message, deflate):
        monkeypatch.setattr(module, "bytearray", CountedBytearray, raising=False)


@pytest.mark.parametrize("make", [WireCodec, WsprotoCodec])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.__name__))
def test_a5_a6_twice_as_much_is_twice_the_work(make: CodecFactory, shape: Callable[[int], list[bytes]]) -> None:
    lines, copied = work(make, shape(200))
    twice_lines, twice_copied = work(make, shape(400))
    assert lines > 100 or shape is one_compressed_frame
    assert twice_lines <= 2.1 * lines
    assert twice_copied <= 2.1 * copied + 200


class KeepsAll(WireCodec):
    """Copies everything that it has received at each read."""

    def receive_data(self, data: bytes) -> None:
        self._data += data


class ParsesAgain(WireCodec):
    """Runs more lines with each read."""

    reads = 0

    def next_event(self) -> Any:
        self.reads += 1
        for _ in range(self.reads):
            super().receive_data(b"")
        return super().next_event()


@pytest.mark.parametrize(("make", "counter"), [(ParsesAgain, 0), (KeepsAll, 1)])
def test_quadratic_work_is_noticed(make: CodecFactory, counter: int) -> None:
    single, double = (work(make, octets(client_frame(BINARY, bytes(size))))[counter] for size in (200, 400))
    assert double > 3 * single
