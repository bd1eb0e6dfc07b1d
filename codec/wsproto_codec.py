"""The frame codec on wsproto's `FrameProtocol`, guarded so that every limit and every rule of RFC 6455 holds.

wsproto parses frame headers, unmasks payloads and builds frames. What it lacks hangs on its own `Extension` interface:
the guard sees each header before any payload is there, and takes every payload out of wsproto's hands, so that nothing
is joined, inflated or decoded without a bound. Where wsproto 1.3.2 by itself is wrong:

- after a Close or a fault it keeps whatever bytes it is fed (R8);
- it lets half a surrogate pass at the end of the bytes at hand (R9);
- it takes close code 1014 for an unknown one (R10);
- it knows no limits, and notices a frame out of order only when its payload comes (R14, R15);
- its permessage-deflate raises on some offers (R16), forgets that a message is compressed when a control frame comes
  between its fragments (R18), fails after a block with BFINAL=1 (R19) and inflates without bound (R20). It is not
  used here.
"""

from typing import cast

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Frame, FrameDecoder, FrameProtocol, Opcode, ParseFailed, RsvBits

from wsserve.codec import close_codes
from wsserve.codec.deflate import DeflateParameters, Deflater, Inflater, max_deflated_size
from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.events import Close, EndOfStream, Event, Fault, Ping, Pong
from wsserve.codec.frames import FrameLimits
from wsserve.codec.message import IncomingMessage, parse_close

_MAX_CONTROL_PAYLOAD = 125


class WsprotoCodec:
    """One server connection's frames; a `FrameCodec` (`wsserve.codec.frames`).

    `deflate` is what the handshake agreed on, or None. Each frame is checked in this order: its form (1002), whether
    it may come now (1002), the size of its message (1009), the number of its message's frames (1008).
    """

    __slots__ = ("_eof", "_finished", "_frames", "_guard")

    def __init__(self, limits: FrameLimits, deflate: DeflateParameters | None = None) -> None:
        self._guard = _Guard(limits, deflate)
        self._frames = FrameProtocol(client=False, extensions=[self._guard])
        self._eof = False
        self._finished = False

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer; after the last event, or the end of file, they are dropped."""
        if not self._finished and not self._eof:
            self._frames.receive_bytes(data)

    def receive_eof(self) -> None:
        """Note that the peer will send nothing more."""
        self._eof = True

    def next_event(self) -> Event | None:
        """Return the next event, or None until there are more bytes, and for ever after the last event."""
        if self._finished:
            return None
        event = self._parse()
        if event is None and self._eof:
            event = EndOfStream()
        if isinstance(event, (Close, Fault, EndOfStream)):
            self._finished = True
            self._release()
        return event

    def _release(self) -> None:
        # Let go of what was received and not parsed. wsproto's object and its generator hold each other, so dropping it
        # would leave its buffer to the garbage collector. The guard stays, for its deflate context goes on.
        vars(self._frames).clear()
        self._guard.drop_message()
        self._frames = FrameProtocol(client=False, extensions=[self._guard])

    def _parse(self) -> Event | None:
        try:
            for frame in self._frames.received_frames():
                event = self._guard.take(frame)
                if event is not None:
                    return event
        except ParseFailed as failure:
            return self._guard.fault or Fault(int(failure.code), str(failure))
        return None

    def rest(self) -> None:
        """Give back the compressor's memory when no message was compressed since the last call."""
        self._guard.rest()

    def text(self, data: str) -> bytes:
        """Return a text message as one frame. Raises `LocalProtocolError` when `data` has lone surrogates."""
        try:
            return bytes(self._frames.send_data(data))
        except UnicodeEncodeError as error:
            raise LocalProtocolError(
                f"text cannot be encoded as UTF-8: lone surrogate {data[error.start]!r} at index {error.start}"
            ) from error

    def binary(self, data: bytes) -> bytes:
        """Return a binary message as one frame."""
        return bytes(self._frames.send_data(data))

    def ping(self, payload: bytes = b"") -> bytes:
        """Return a Ping frame. Raises `LocalProtocolError` when `payload` is over 125 bytes."""
        return bytes(self._frames.ping(_control_payload(payload)))

    def pong(self, payload: bytes = b"") -> bytes:
        """Return a Pong frame. Raises `LocalProtocolError` when `payload` is over 125 bytes."""
        return bytes(self._frames.pong(_control_payload(payload)))

    def close(self, code: int | None = None, reason: str = "") -> bytes:
        """Return a Close frame, empty when `code` is None; a reason is cut to 123 bytes on a character boundary.

        Raises `LocalProtocolError` for a code that may not be on the wire, a reason that UTF-8 cannot carry, and a
        reason without a code.
        """
        if code is not None:
            close_codes.check_code(code)
        elif reason:
            raise LocalProtocolError(f"close reason {reason!r} cannot be sent without a close code")
        return bytes(self._frames.close(code, close_codes.truncate_reason(reason).decode()))


def _control_payload(payload: bytes) -> bytes:
    if len(payload) > _MAX_CONTROL_PAYLOAD:
        raise LocalProtocolError(
            f"control frame payload of {len(payload)} bytes is over {_MAX_CONTROL_PAYLOAD} (RFC 6455, section 5.5)"
        )
    return payload


class _Guard(Extension):
    """Checks each frame header, holds the message that is arriving, and deflates messages that go out."""

    name = "wsserve-guard"

    def __init__(self, limits: FrameLimits, deflate: DeflateParameters | None) -> None:
        self.fault: Fault | None = None
        self._limits = limits
        self._inflater = None if deflate is None else Inflater(deflate)
        self._deflater = None if deflate is None else Deflater(deflate)
        self._message: IncomingMessage | None = None
        self._opcode = Opcode.CONTINUATION
        self._is_compressed = False
        self._control_payload = b""

    def enabled(self) -> bool:
        return True

    offer = Extension.enabled  # which says no: the handshake negotiates without wsproto

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        # wsproto calls this again for the same header as long as its masking key is incomplete.
        self._opcode = opcode
        self._is_compressed = rsv.rsv1
        fault = self._check_rsv(opcode, rsv)
        is_masked = cast(FrameDecoder, proto).buffer.buffer[1] & 0x80
        if fault is None and is_masked and not opcode.iscontrol():  # wsproto refuses an unmasked frame next
            fault = self._check_order(opcode) or self._check_limits(payload_length)
        return rsv if fault is None else self._fail(fault)

    def frame_inbound_payload_data(self, _proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        if self._opcode.iscontrol():
            self._control_payload = data  # wsproto waits for all of it
            return b""
        if self._message is None:
            self._message = IncomingMessage(
                is_text=self._opcode is Opcode.TEXT,
                inflater=self._inflater if self._is_compressed else None,
                max_size=self._limits.max_message_size,
            )
        fault = self._message.add(data)
        return b"" if fault is None else self._fail(fault)

    def frame_outbound(
        self, _proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, data: bytes, _fin: bool
    ) -> tuple[RsvBits, bytes]:
        if self._deflater is not None and not opcode.iscontrol():
            deflated = self._deflater.deflate(data)
            if deflated is not None:
                return RsvBits(True, False, False), deflated
        return rsv, data

    def take(self, frame: Frame) -> Event | None:
        """Return the event that `frame`, whole or in part, completes, if any."""
        match frame.opcode:
            case Opcode.PING:
                return Ping(self._control_payload)
            case Opcode.PONG:
                return Pong(self._control_payload)
            case Opcode.CLOSE:
                return parse_close(self._control_payload)
        message = cast(IncomingMessage, self._message)
        if not frame.frame_finished:
            return message.check_text()
        message.frames += 1
        if not frame.message_finished:
            return message.check_text()
        self._message = None
        return message.finish()

    def rest(self) -> None:
        """Give back the compressor's memory when it was not used since the last call."""
        if self._deflater is not None:
            self._deflater.rest()

    def drop_message(self) -> None:
        """Let go of an unfinished message."""
        self._message = None

    def _fail(self, fault: Fault) -> CloseReason:
        self.fault = fault
        return CloseReason(fault.code)

    def _check_rsv(self, opcode: Opcode, rsv: RsvBits) -> Fault | None:
        if rsv.rsv2 or rsv.rsv3:
            return Fault(close_codes.PROTOCOL_ERROR, "reserved bits RSV2 and RSV3 have no meaning here")
        if rsv.rsv1 and self._inflater is None:
            return Fault(close_codes.PROTOCOL_ERROR, "reserved bit RSV1 without permessage-deflate")
        if rsv.rsv1 and opcode not in (Opcode.TEXT, Opcode.BINARY):
            return Fault(close_codes.PROTOCOL_ERROR, "reserved bit RSV1 on a frame that does not begin a message")
        return None

    def _check_order(self, opcode: Opcode) -> Fault | None:
        if self._message is None and opcode is Opcode.CONTINUATION:
            return Fault(close_codes.PROTOCOL_ERROR, "continuation frame without a message to continue")
        if self._message is not None and opcode is not Opcode.CONTINUATION:
            return Fault(close_codes.PROTOCOL_ERROR, "new message inside a fragmented message")
        return None

    def _check_limits(self, payload_length: int) -> Fault | None:
        message = self._message
        is_compressed = self._is_compressed if message is None else message.is_compressed
        received, frames = (0, 0) if message is None else (message.wire_size, message.frames)
        size = received + payload_length
        max_size = self._limits.max_message_size
        if size > (max_deflated_size(max_size) if is_compressed else max_size):
            kind = "compressed message" if is_compressed else "message"
            return Fault(close_codes.MESSAGE_TOO_BIG, f"{kind} of {size} bytes is over the limit of {max_size}")
        if frames >= self._limits.max_fragments:
            return Fault(
                close_codes.POLICY_VIOLATION,
                f"message has more fragments than the limit of {self._limits.max_fragments}",
            )
        return None
