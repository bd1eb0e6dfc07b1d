"""permessage-deflate, a client's side of it (RFC 7692), by zlib.

Offer `OFFER` in Sec-WebSocket-Extensions; when the response names the extension, `Parameters.agreed` reads what was
agreed on, and a `Compressor` and two `Inflater`s do the rest.
"""

import zlib
from dataclasses import dataclass
from typing import Self

from examples.playground.frames import RSV1, Frame

NAME = "permessage-deflate"
OFFER = f"{NAME}; client_max_window_bits"
OFFER_WITHOUT_TAKEOVER = f"{NAME}; client_no_context_takeover; server_no_context_takeover; client_max_window_bits"

TAIL = b"\x00\x00\xff\xff"  # ends each message, and is left out on the wire (section 7.2.1)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What one direction was agreed to do: the window's size as a power of two, and whether it is kept."""

    window_bits: int = 15
    context_takeover: bool = True

    @classmethod
    def agreed(cls, extensions: str, side: str) -> Self | None:
        """Return what the response's Sec-WebSocket-Extensions says of `client` or `server`; None: no compression."""
        name, *parameters = (part.strip() for part in extensions.split(";"))
        if name != NAME:
            return None
        values = dict(parameter.partition("=")[::2] for parameter in parameters)
        bits = values.get(f"{side}_max_window_bits", "").strip('"')
        return cls(int(bits) if bits.isdecimal() else 15, f"{side}_no_context_takeover" not in values)


class Compressor:
    """Compresses messages: what came before serves as dictionary, if context takeover was agreed on."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._start()

    def _start(self) -> None:
        bits = max(9, self._parameters.window_bits)  # zlib knows no window of 8 bits
        self._compressor = zlib.compressobj(wbits=-bits)

    def compress(self, message: bytes) -> bytes:
        """Return the payload of the compressed message."""
        if not self._parameters.context_takeover:
            self._start()
        return (self._compressor.compress(message) + self._compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


class Inflater:
    """Looks into the frames that go in one direction, compressed or not.

    Without `parameters` nothing is compressed. No frame may inflate to more than `max_size` bytes.
    """

    def __init__(self, parameters: Parameters | None, max_size: int) -> None:
        self._parameters = parameters
        self._max_size = max_size
        self._compressed = False  # the message whose frames are passing
        self._start()

    def _start(self) -> None:
        self._inflater = zlib.decompressobj(wbits=-15)

    def inflate(self, frame: Frame) -> bytes | None:
        """Return what the frame holds; None when that is no deflate data, or too much of it."""
        if frame.is_control:
            return frame.payload
        if frame.opcode:  # a message begins
            self._compressed = self._parameters is not None and bool(frame.rsv & RSV1)
        if self._parameters is None or not self._compressed:
            return frame.payload
        try:
            content = self._inflater.decompress(frame.payload + (TAIL if frame.fin else b""), self._max_size)
        except zlib.error:
            return None
        if self._inflater.unconsumed_tail:
            return None
        if frame.fin and not self._parameters.context_takeover:
            self._start()
        return content
