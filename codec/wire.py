# cython: annotation_typing=False
"""The project's own frame codec: RFC 6455 and RFC 7692 on the server's side, strict, incremental and without I/O.

It is plain Python that runs as it is, and that Cython compiles, with the types of `_wire_c.pxd`, to the same behaviour
at a fraction of the cost. Each clause names the rule that it keeps.
"""

import struct
from typing import Final

from wsserve.codec import close_codes
from wsserve.codec.deflate import DeflateParameters, Deflater, Inflater, max_deflated_size
from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.events import Close, EndOfStream, Event, Fault, Ping, Pong
from wsserve.codec.frames import FrameLimits
from wsserve.codec.masking import new_payload_buffer, unmask, unmask_text
from wsserve.codec.message import IncomingMessage, invalid_text, parse_close

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

FIN: Final = 0x80
RSV: Final = 0x70
RSV1: Final = 0x40
RSV2_RSV3: Final = 0x30
OPCODE: Final = 0x0F
MASKED: Final = 0x80
LENGTH: Final = 0x7F
LENGTH_IN_2_BYTES: Final = 126
LENGTH_IN_8_BYTES: Final = 127
MAX_CONTROL_PAYLOAD: Final = 125

MAX_KEPT: Final = 1024
"""How many bytes that have been parsed may stay in memory while there is nothing to parse."""

MAX_INFLATED_AT_ONCE: Final = 1 << 20
"""How large a compressed message may be to be inflated in one call, which takes twice its memory at its end."""

_pack_short: Final = struct.Struct("!BB").pack
_pack_medium: Final = struct.Struct("!BBH").pack
_pack_long: Final = struct.Struct("!BBQ").pack


class WireCodec:
    """One server connection's frames; a `FrameCodec` (`wsserve.codec.frames`).

    `deflate` is what the handshake agreed on, or None. Each frame is checked in this order: its form (1002), whether
    it may come now (1002), the size of its message (1009), the number of its message's frames (1008). Each check is
    made as soon as the bytes that it needs are there.
    """

    __slots__ = (
        "_data",
        "_deflater",
        "_eof",
        "_fin",
        "_in_payload",
        "_inflater",
        "_key",
        "_left",
        "_max_fragments",
        "_max_size",
        "_message",
        "_over",
        "_payload",
        "_position",
    )

    def __init__(self, limits: FrameLimits, deflate: DeflateParameters | None = None) -> None:
        self._max_size = limits.max_message_size
        self._max_fragments = limits.max_fragments
        self._inflater = None if deflate is None else Inflater(deflate)
        self._deflater = None if deflate is None else Deflater(deflate)
        # Bytes that were received; those before the position have been parsed.
        self._data = b""
        self._position = 0
        self._eof = False
        self._over = False
        # The message that is arriving, its payload (if it is compressed, the piece at hand), and the frame that is.
        self._message: IncomingMessage | None = None
        self._payload = new_payload_buffer()
        self._in_payload = False
        self._left = 0
        self._key = b""
        self._fin = False

    # In

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer; after the last event, or the end of file, they are dropped."""
        if self._over or self._eof:
            return
        # What is left over is a part of a header or of a control frame, unless events were not pulled to the end.
        self._data = data if self._position == len(self._data) else self._data[self._position :] + data
        self._position = 0

    def receive_eof(self) -> None:
        """Note that the peer will send nothing more."""
        self._eof = True

    def next_event(self) -> Event | None:
        """Return the next event, or None until there are more bytes, and for ever after the last event."""
        if self._over:
            return None
        event = self._parse()
        if isinstance(event, (str, bytes)):
            return event
        if event is None:
            if not self._eof:
                if self._position > MAX_KEPT:
                    self._data = self._data[self._position :]
                    self._position = 0
                return None
            event = EndOfStream()
        if isinstance(event, (Close, Fault, EndOfStream)):
            # Nothing after these is processed (RFC 6455, sections 5.5.1 and 7.1.7), so nothing of it is kept.
            self._over = True
            self._message = None
            self._payload = new_payload_buffer()
            self._data = b""
            self._position = 0
        return event

    def _parse(self) -> Event | None:
        data = self._data
        end = len(data)
        while True:
            if self._in_payload:
                event = self._parse_payload()
                if event is not None or self._in_payload:
                    return event
            position = self._position
            if end - position < 2:
                return None
            first = data[position]
            second = data[position + 1]
            opcode = first & OPCODE
            length = second & LENGTH
            # Section 5.2: RSV bits must be 0 unless an extension gives them a meaning.
            if first & RSV:
                if first & RSV2_RSV3:
                    return _violation("reserved bits RSV2 and RSV3 have no meaning here")
                # RFC 7692, section 6: RSV1 is permessage-deflate's, and only on the first frame of a message.
                if self._inflater is None:
                    return _violation("reserved bit RSV1 without permessage-deflate")
                if opcode != TEXT and opcode != BINARY:
                    return _violation("reserved bit RSV1 on a frame that does not begin a message")
            # Section 5.1: a server must fail the connection when a frame is not masked.
            if not second & MASKED:
                return _violation("frame is not masked")
            if opcode > BINARY:
                # Section 5.2: an unknown opcode fails the connection.
                if opcode < CLOSE or opcode > PONG:
                    return _violation(f"unknown opcode {opcode:#x}")
                # Section 5.5: control frames have at most 125 bytes of payload, and are not fragmented.
                if length > MAX_CONTROL_PAYLOAD:
                    return _violation(f"control frame with a payload of over {MAX_CONTROL_PAYLOAD} bytes")
                if not first & FIN:
                    return _violation("fragmented control frame")
                start = position + 6
                if end < start + length:
                    return None
                self._position = start + length
                payload = unmask(data, start, length)
                if opcode == PING:
                    return Ping(payload)
                if opcode == PONG:
                    return Pong(payload)
                return parse_close(payload)
            start = position + 6
            # Section 5.2: the length must have its shortest form, and 64 bits begin with a zero.
            if length == LENGTH_IN_2_BYTES:
                start = position + 8
                if end < position + 4:
                    return None
                length = data[position + 2] << 8 | data[position + 3]
                if length <= MAX_CONTROL_PAYLOAD:
                    return _violation("payload length is not in its shortest form")
            elif length == LENGTH_IN_8_BYTES:
                start = position + 14
                if end < position + 10:
                    return None
                if data[position + 2] & 0x80:
                    return _violation("payload length has its most significant bit set")
                length = int.from_bytes(data[position + 2 : position + 10], "big")
                if length <= 0xFFFF:
                    return _violation("payload length is not in its shortest form")
            if opcode == CONTINUATION or self._message is not None or length > self._max_size:
                fault = self._check_data_frame(opcode, bool(first & RSV1), length)
                if fault is not None:
                    return fault
            if end < start:
                return None
            if opcode != CONTINUATION:
                inflater = self._inflater if first & RSV1 else None
                if first & FIN and end >= start + length:
                    # The common case: a whole message in one frame, all of it at hand.
                    self._position = start + length
                    try:
                        if inflater is None:
                            return unmask(data, start, length) if opcode == BINARY else unmask_text(data, start, length)
                        inflated = inflater.inflate_message(
                            unmask(data, start, length), min(self._max_size, MAX_INFLATED_AT_ONCE)
                        )
                        if inflated is not None:
                            return inflated if opcode == BINARY else inflated.decode()
                    except UnicodeDecodeError:
                        return invalid_text()
                self._message = IncomingMessage(
                    is_text=opcode == TEXT,
                    inflater=inflater,
                    max_size=self._max_size,
                    payload=self._payload if inflater is None else None,
                )
            self._position = start
            self._key = data[start - 4 : start]
            self._left = length
            self._fin = bool(first & FIN)
            self._in_payload = True

    def _check_data_frame(self, opcode: int, is_compressed: bool, length: int) -> Fault | None:
        """Check by its header whether a data frame may come now and whether its message stays within the limits."""
        message = self._message
        frames = 0
        if message is None:
            # Section 5.4: a continuation needs a message to continue.
            if opcode == CONTINUATION:
                return _violation("continuation frame without a message to continue")
        else:
            # Section 5.4: the fragments of one message must not be interleaved with those of another.
            if opcode != CONTINUATION:
                return _violation("new message inside a fragmented message")
            is_compressed = message.is_compressed
            frames = message.frames
            length += message.wire_size
        # Section 10.4: limits on frames and on reassembled messages protect an endpoint.
        if length > self._max_size and (not is_compressed or length > max_deflated_size(self._max_size)):
            kind = "compressed message" if is_compressed else "message"
            return Fault(close_codes.MESSAGE_TOO_BIG, f"{kind} of {length} bytes is over the limit of {self._max_size}")
        if frames >= self._max_fragments:
            return Fault(
                close_codes.POLICY_VIOLATION, f"message has more fragments than the limit of {self._max_fragments}"
            )
        return None

    def _parse_payload(self) -> Event | None:
        """Take what is at hand of the payload of a data frame; returns an event when the message ends or fails."""
        message = self._message
        assert message is not None  # noqa: S101  # for type checkers: a frame in progress has its message
        start = self._position
        size = min(self._left, len(self._data) - start)
        self._position = start + size
        self._left -= size
        if message.is_compressed:
            self._payload.unmask(self._data, start, size, self._key, size)
            fault = message.add(self._payload.take())
            if fault is not None:
                return fault
        else:
            message.wire_size += size  # which was checked with the frame's header
            most = message.wire_size + self._left if self._fin else self._max_size
            self._payload.unmask(self._data, start, size, self._key, most)
        if self._left:
            turn = size & 3
            self._key = self._key[turn:] + self._key[:turn]
            # Section 8.1: text that is not UTF-8 fails the connection; as soon as the bytes are seen.
            return message.check_text()
        self._in_payload = False
        message.frames += 1
        if not self._fin:
            return message.check_text()
        self._message = None
        return message.finish()

    def rest(self) -> None:
        """Give back the compressor's memory when no message was compressed since the last call."""
        if self._deflater is not None:
            self._deflater.rest()

    # Out

    def text(self, data: str) -> bytes:
        """Return a text message as one frame. Raises `LocalProtocolError` when `data` has lone surrogates."""
        try:
            return self._message_frame(TEXT, data.encode())
        except UnicodeEncodeError as error:
            raise LocalProtocolError(
                f"text cannot be encoded as UTF-8: lone surrogate {data[error.start]!r} at index {error.start}"
            ) from error

    def binary(self, data: bytes) -> bytes:
        """Return a binary message as one frame."""
        return self._message_frame(BINARY, data)

    def ping(self, payload: bytes = b"") -> bytes:
        """Return a Ping frame. Raises `LocalProtocolError` when `payload` is over 125 bytes."""
        return _control_frame(PING, payload)

    def pong(self, payload: bytes = b"") -> bytes:
        """Return a Pong frame. Raises `LocalProtocolError` when `payload` is over 125 bytes."""
        return _control_frame(PONG, payload)

    def close(self, code: int | None = None, reason: str = "") -> bytes:
        """Return a Close frame, empty when `code` is None; a reason is cut to 123 bytes on a character boundary.

        Raises `LocalProtocolError` for a code that may not be on the wire, a reason that UTF-8 cannot carry, and a
        reason without a code.
        """
        if code is not None:
            return _control_frame(
                CLOSE, close_codes.check_code(code).to_bytes(2, "big") + close_codes.truncate_reason(reason)
            )
        if reason:
            raise LocalProtocolError(f"close reason {reason!r} cannot be sent without a close code")
        return _control_frame(CLOSE, b"")

    def _message_frame(self, opcode: int, payload: bytes) -> bytes:
        first = FIN | opcode
        if self._deflater is not None:
            deflated = self._deflater.deflate(payload)
            if deflated is not None:
                payload = deflated
                first |= RSV1
        # Section 5.1: a server must not mask.
        size = len(payload)
        if size <= MAX_CONTROL_PAYLOAD:
            return _pack_short(first, size) + payload
        if size <= 0xFFFF:
            return _pack_medium(first, LENGTH_IN_2_BYTES, size) + payload
        return _pack_long(first, LENGTH_IN_8_BYTES, size) + payload


def _control_frame(opcode: int, payload: bytes) -> bytes:
    if len(payload) > MAX_CONTROL_PAYLOAD:
        raise LocalProtocolError(
            f"control frame payload of {len(payload)} bytes is over {MAX_CONTROL_PAYLOAD} (RFC 6455, section 5.5)"
        )
    return bytes((FIN | opcode, len(payload))) + payload


def _violation(reason: str) -> Fault:
    return Fault(close_codes.PROTOCOL_ERROR, reason)
