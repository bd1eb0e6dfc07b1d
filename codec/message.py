"""A message while its frames arrive, and the payload of a Close frame: what both frame codecs make of payloads."""

from wsserve.codec import close_codes
from wsserve.codec.deflate import Inflater
from wsserve.codec.events import Close, Fault
from wsserve.codec.masking import PayloadBuffer


class IncomingMessage:
    """A message while it arrives: its payload in one growing buffer, inflated when need be.

    A codec may give it a buffer, and put what is not compressed there itself; then it counts `wire_size` as well.
    """

    __slots__ = ("_inflater", "_is_text", "_max_size", "_payload", "frames", "is_compressed", "wire_size")

    def __init__(
        self, *, is_text: bool, inflater: Inflater | None, max_size: int, payload: PayloadBuffer | None = None
    ) -> None:
        self.frames = 0
        """How many of its frames are complete."""
        self.wire_size = 0
        """How many bytes of payload it has taken on the wire."""
        self.is_compressed = inflater is not None
        """Whether its first frame had RSV1 (RFC 7692, section 6)."""
        self._is_text = is_text
        self._inflater = inflater
        self._max_size = max_size
        self._payload = PayloadBuffer() if payload is None else payload

    def add(self, data: bytes) -> Fault | None:
        """Take a piece of its payload, unmasked; returns the fault in it, if any."""
        self.wire_size += len(data)
        if self._inflater is None:
            self._payload += data  # its size was checked with the frame's header
            return None
        fault = self._inflater.inflate(data, self._payload, self._max_size)
        # What came before the fault counts first, so that reads of any size lead to the same event.
        return fault and (self.check_text() or fault)

    def check_text(self) -> Fault | None:
        """Check that the payload so far can begin a text; a character may still be incomplete at its end."""
        return invalid_text() if self._is_text and not self._payload.can_begin_text() else None

    def finish(self) -> str | bytes | Fault:
        """Return the whole message, or what is wrong with it."""
        if self._inflater is not None:
            fault = self._inflater.finish(self._payload, self._max_size)
            if fault is not None:
                return self.check_text() or fault
        if not self._is_text:
            return self._payload.take()
        try:
            return self._payload.take_text()
        except UnicodeDecodeError:
            return invalid_text()


def invalid_text() -> Fault:
    """Return the fault of a text message that is not UTF-8 (RFC 6455, section 8.1)."""
    return Fault(close_codes.INVALID_PAYLOAD, "text message is not valid UTF-8")


def parse_close(payload: bytes) -> Close | Fault:
    """Return what a Close frame with this payload means (RFC 6455, sections 5.5.1 and 7.4)."""
    if not payload:
        return Close(close_codes.NO_STATUS_RECEIVED, "")
    if len(payload) == 1:
        return Fault(close_codes.PROTOCOL_ERROR, "Close frame with a payload of one byte")
    code = int.from_bytes(payload[:2], "big")
    if not close_codes.is_valid(code):
        return Fault(close_codes.PROTOCOL_ERROR, f"close code {code} may not be on the wire")
    try:
        return Close(code, payload[2:].decode())
    except UnicodeDecodeError:
        return Fault(close_codes.INVALID_PAYLOAD, "close reason is not valid UTF-8")
