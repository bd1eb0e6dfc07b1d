import json
import random
import zlib
from itertools import accumulate

import pytest

from benchmarks.load_generator.frames import (
    FrameCounter,
    Opcode,
    chat_messages,
    client_frame,
    deflate,
    frame_head,
    inflate,
    mask,
    parse_head,
)

SIZES = [0, 1, 125, 126, 65535, 65536]


@pytest.mark.parametrize("size", SIZES)
def test_head_is_parsed_as_it_is_made(size: int) -> None:
    head = frame_head(Opcode.BINARY, size)
    assert parse_head(head, 0, len(head)) == (len(head), size)


@pytest.mark.parametrize("size", [125, 126, 65536])
def test_part_of_a_head(size: int) -> None:
    head = frame_head(Opcode.BINARY, size)
    assert all(parse_head(head, 0, end) is None for end in range(len(head)))


def test_example_of_the_rfc() -> None:  # RFC 6455, section 5.7
    assert frame_head(Opcode.TEXT, 5) + b"Hello" == bytes.fromhex("810548656c6c6f")
    assert frame_head(Opcode.BINARY, 256) == bytes.fromhex("827e0100")


def test_mask_twice_is_the_payload() -> None:
    assert mask(mask(b"payload")) == b"payload"
    assert mask(b"payload") != b"payload"


@pytest.mark.parametrize("step", [1, 7, 300, 100_000])
def test_counter_counts_frames_in_any_pieces(step: int) -> None:
    chance = random.Random(3)
    sizes = [chance.choice([0, 1, 125, 126, 300]) for _ in range(20)] + [65536, 3]
    frames = [frame_head(Opcode.BINARY, size) + bytes(size) for size in sizes]
    stream = b"".join(frames)
    ends = list(accumulate(map(len, frames)))
    counter = FrameCounter()
    count = 0
    buffer = bytearray(step)
    for start in range(0, len(stream), step):
        piece = stream[start : start + step]
        buffer[: len(piece)] = piece
        count += counter.feed(buffer, len(piece))
        assert count == sum(end <= start + len(piece) for end in ends)
        assert counter.between_frames == (start + len(piece) in ends)
    assert count == len(frames)


def test_chat_messages_are_json_of_the_size_and_differ() -> None:
    messages = chat_messages(20, 1024)
    assert [len(message) for message in messages] == [1024] * 20
    assert len(set(messages)) == 20
    assert json.loads(messages[0])["type"] == "message"
    assert messages == chat_messages(20, 1024)


@pytest.mark.parametrize("window_bits", [9, 12, 15])
def test_each_compressed_message_stands_alone(window_bits: int) -> None:
    first, second = (deflate(message, window_bits) for message in chat_messages(2, 1024))
    assert len(first) < 1024
    assert [inflate(first), inflate(second)] == chat_messages(2, 1024)
    context = zlib.decompressobj(wbits=-window_bits)  # as a server inflates that keeps its context
    inflated = [context.decompress(message + b"\x00\x00\xff\xff") for message in (first, second)]
    assert inflated == chat_messages(2, 1024)


def test_frames_are_what_a_server_reads() -> None:
    assert client_frame(Opcode.TEXT, b"Hello")[:2] == b"\x81\x85"
    assert client_frame(Opcode.TEXT, b"Hello", fin=False, rsv1=True)[:2] == b"\x41\x85"
    assert mask(client_frame(Opcode.TEXT, b"Hello")[6:]) == b"Hello"
