"""Frames as the load generator sends and counts them (RFC 6455, section 5.2)."""

import json
import random
import zlib
from enum import IntEnum

KEY = bytes.fromhex("5ac3179e")
"""The masking key of all frames: any key costs a server the same."""


class Opcode(IntEnum):
    """The opcodes that the loads need."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8


def mask(payload: bytes) -> bytes:
    """Return the payload masked with KEY, or unmasked when it was masked."""
    keys = (KEY * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(keys)).to_bytes(len(payload))


def frame_head(opcode: int, size: int, *, fin: bool = True, rsv1: bool = False, masked: bool = False) -> bytes:
    """Return the bytes of a frame before its masking key and payload of `size` bytes."""
    first = fin << 7 | rsv1 << 6 | opcode
    mask_bit = masked << 7
    if size < 126:
        return bytes([first, mask_bit | size])
    if size < 65536:
        return bytes([first, mask_bit | 126]) + size.to_bytes(2)
    return bytes([first, mask_bit | 127]) + size.to_bytes(8)


def client_frame(opcode: int, payload: bytes, *, fin: bool = True, rsv1: bool = False) -> bytes:
    """Return a masked frame."""
    return frame_head(opcode, len(payload), fin=fin, rsv1=rsv1, masked=True) + KEY + mask(payload)


def parse_head(data: bytes | bytearray | memoryview, start: int, end: int) -> tuple[int, int] | None:
    """Return the sizes of head and payload of the unmasked frame at `start`; None when its head is not whole."""
    if end - start < 2:
        return None
    size = data[start + 1]
    extended = 2 if size == 126 else 8 if size == 127 else 0
    if end - start < 2 + extended:
        return None
    if extended:
        size = int.from_bytes(data[start + 2 : start + 2 + extended])
    return 2 + extended, size


class FrameCounter:
    """Counts the whole frames in a stream of unmasked frames, whatever their sizes."""

    def __init__(self) -> None:
        self._head = b""  # of a frame whose head is not whole
        self._missing = 0  # bytes of a frame whose head is known

    @property
    def between_frames(self) -> bool:
        """Whether the last frame that began is whole."""
        return not self._head and not self._missing

    def feed(self, data: bytearray, end: int) -> int:
        """Take the first `end` bytes of `data`; return how many frames they complete."""
        count = 0
        start = self._missing
        if self._missing:
            if end < self._missing:
                self._missing -= end
                return 0
            self._missing = 0
            count = 1
        if self._head:
            data = bytearray(self._head + data[:end])
            end = len(data)
            self._head = b""
        while start < end:
            sizes = parse_head(data, start, end)
            if sizes is None:
                self._head = bytes(data[start:end])
                break
            start += sum(sizes)
            if start > end:
                self._missing = start - end
                break
            count += 1
        return count


def chat_messages(count: int, size: int) -> list[bytes]:
    """Return `count` different messages in JSON as a chat sends them, of `size` bytes each; the same at each call."""
    chance = random.Random(7)  # noqa: S311 - the same text each time, no secret
    words = ["".join(chance.choice("etaoinshrdlucmfwypvbgk") for _ in range(chance.randint(2, 9))) for _ in range(400)]
    messages = []
    for number in range(count):
        fields = {
            "type": "message",
            "id": chance.getrandbits(53),
            "room": f"room-{chance.randint(1, 40)}",
            "user": {"id": chance.randint(1, 9999), "name": " ".join(chance.choices(words, k=2)), "status": "online"},
            "time": f"2025-06-01T12:{number % 60:02}:{chance.randint(0, 59):02}Z",
            "reactions": [{"emoji": chance.choice(words), "count": chance.randint(1, 9)} for _ in range(3)],
            "text": "",
        }
        room = size - len(json.dumps(fields))
        text = " ".join(chance.choices(words, k=size // 3))[:room]
        messages.append(json.dumps(fields | {"text": text}).encode())
    return messages


def deflate(payload: bytes, window_bits: int) -> bytes:
    """Return a message compressed by itself (RFC 7692, section 7.2.1), which needs no context on either side."""
    compressor = zlib.compressobj(wbits=-window_bits)
    compressed = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return compressed.removesuffix(b"\x00\x00\xff\xff")


def inflate(payload: bytes) -> bytes:
    """Return the first message of a stream inflated."""
    return zlib.decompressobj(wbits=-15).decompress(payload + b"\x00\x00\xff\xff")
