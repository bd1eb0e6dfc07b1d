"""Frames as a client writes and reads them (RFC 6455, section 5).

A client in earnest has good reasons to build correct frames only. This one builds whatever it is told, because the
playground is there to show what a server answers to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
RSV1 = 0b100  # the first of the three reserved bits: in permessage-deflate, "this message is compressed"


class FrameTooLargeError(Exception):
    """The peer announced a frame that is larger than the reader takes."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `payload` is what it carries, unmasked but still compressed; `rsv` are the reserved bits, 0 to 7.

    `announced` is the length that the header claims, where that is another one than the payload's.
    """

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    masking_key: bytes | None = None
    announced: int | None = None

    @property
    def is_control(self) -> bool:
        """True for Close, Ping, Pong and the opcodes that are reserved for further ones."""
        return self.opcode >= CLOSE

    def header(self) -> bytes:
        """Return the header, masking key included: 2 to 14 bytes (section 5.2)."""
        length = len(self.payload) if self.announced is None else self.announced
        mask_bit = 0 if self.masking_key is None else 0x80
        first = self.fin << 7 | self.rsv << 4 | self.opcode
        if length < 126:
            start = bytes((first, mask_bit | length))
        elif length < 1 << 16:
            start = bytes((first, mask_bit | 126)) + length.to_bytes(2, "big")
        else:
            start = bytes((first, mask_bit | 127)) + length.to_bytes(8, "big")
        return start + (self.masking_key or b"")

    def payload_on_wire(self) -> bytes:
        """Return the payload as it travels: masked, if the frame has a key."""
        return self.payload if self.masking_key is None else mask(self.payload, self.masking_key)

    def __bytes__(self) -> bytes:
        """Return the whole frame as it travels."""
        return self.header() + self.payload_on_wire()


def mask(payload: bytes, key: bytes) -> bytes:
    """Return the payload, each byte combined with one of the key's four: masking and its reverse (section 5.3)."""
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


class FrameReader:
    """Cuts a stream of bytes into frames, of which none may be larger than `max_payload` bytes."""

    def __init__(self, max_payload: int) -> None:
        self._max_payload = max_payload
        self._unread = bytearray()

    def receive(self, data: bytes) -> Iterator[Frame]:
        """Take bytes in and yield the frames that they complete. Raises `FrameTooLargeError`."""
        self._unread += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        unread = self._unread
        if len(unread) < 2:
            return None
        masked, length = unread[1] >> 7, unread[1] & 0x7F
        start = 2
        if length >= 126:  # the length itself follows, in 2 or 8 bytes
            start += 2 if length == 126 else 8
            if len(unread) < start:
                return None
            length = int.from_bytes(unread[2:start], "big")
        if length > self._max_payload:
            raise FrameTooLargeError(f"a frame of {length} bytes; the playground reads up to {self._max_payload}")
        key_start, start = start, start + 4 * masked
        if len(unread) < start + length:
            return None
        key = bytes(unread[key_start:start]) if masked else None
        payload = bytes(unread[start : start + length])
        first = unread[0]
        del unread[: start + length]
        return Frame(
            opcode=first & 0x0F,
            payload=payload if key is None else mask(payload, key),
            fin=bool(first & 0x80),
            rsv=first >> 4 & 0b111,
            masking_key=key,
        )
