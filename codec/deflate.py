"""permessage-deflate: what is agreed on, and bounded inflation and deflation of messages (RFC 7692)."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wsserve.codec import close_codes
from wsserve.codec.deflate_engine import Compressor, NewCompressor, new_compressor
from wsserve.codec.events import Fault
from wsserve.codec.extensions import ExtensionOffer, parse_extensions

_TAIL: Final = b"\x00\x00\xff\xff"
"""What a sender takes off the end of each message, and a receiver puts back (RFC 7692, sections 7.2.1 and 7.2.2)."""

_WINDOW_BITS: Final = {str(bits): bits for bits in range(8, 16)}
_MIN_WINDOW_BITS: Final = 9
_MAX_WINDOW_BITS: Final = 15

_INPUT_STEP: Final = 16 * 1024
_OUTPUT_STEP: Final = 64 * 1024
_MAX_IN_ONE_CALL: Final = 1024 * 1024
_MAX_FINAL_BLOCKS: Final = 64

_RANGES: Final = {
    # zlib compresses with a window of 512 bytes at least, though RFC 7692 goes down to 256 (8 bits).
    "server_max_window_bits": (_MIN_WINDOW_BITS, _MAX_WINDOW_BITS),
    "client_max_window_bits": (_MIN_WINDOW_BITS, _MAX_WINDOW_BITS),
    "memory_level": (1, 9),
    "level": (0, 9),
    "threshold": (0, 2**30),
}


@dataclass(frozen=True, slots=True)
class DeflateOptions:
    """What this side is willing to do about permessage-deflate (RFC 7692, section 7.1).

    Window bits are the base-2 logarithm of the compression window in bytes, 9 to 15; `memory_level`, 1 to 9, and
    `level`, 0 to 9, are zlib's. Where ISA-L is installed it is what levels 1 to 3 stand for, all the same, and one
    memory level is like another from 2 on. Messages of fewer than `threshold` bytes go out uncompressed.

    Level 3 is the default: on chat-like JSON of 1 KiB ISA-L takes some 40% of the time of zlib's level 3 for the same
    size. With zlib, level 3 takes 5% more time than level 1 to save 3% of the bytes; level 6 takes another 34% (at
    64 KiB 49%) to save another 5%.

    Raises `ValueError` when a value is out of its range.
    """

    server_max_window_bits: int = 12
    client_max_window_bits: int = 12
    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    memory_level: int = 5
    level: int = 3
    threshold: int = 128

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}")


@dataclass(frozen=True, slots=True)
class DeflateParameters:
    """What both sides agreed on; the fields are those of `DeflateOptions`, but client window bits may be 8."""

    server_max_window_bits: int
    client_max_window_bits: int
    server_no_context_takeover: bool
    client_no_context_takeover: bool
    memory_level: int
    level: int
    threshold: int


def negotiate(
    headers: Sequence[tuple[bytes, bytes]], options: DeflateOptions | None
) -> tuple[DeflateParameters, bytes] | None:
    """Return what the first acceptable permessage-deflate offer of a request leads to, and the response's value.

    `headers` are the request's, with names in lower case. The value is for the response's Sec-WebSocket-Extensions
    header. None means: go on without compression, because nothing acceptable was offered or `options` is None. An
    offer with an unknown, duplicate or badly valued parameter is declined (RFC 7692, section 7).
    """
    if options is None:
        return None
    for offer in parse_extensions(value for name, value in headers if name == b"sec-websocket-extensions"):
        agreed = _agree(offer, options) if offer.name == "permessage-deflate" else None
        if agreed is not None:
            return agreed
    return None


def _agree(offer: ExtensionOffer, options: DeflateOptions) -> tuple[DeflateParameters, bytes] | None:
    offered = dict(offer.parameters)
    if len(offered) != len(offer.parameters):
        return None
    server_bits = client_bits = _MAX_WINDOW_BITS
    for name, value in offered.items():
        match name, value:
            case (("server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits"), None):
                pass
            case "server_max_window_bits", str() if value in _WINDOW_BITS:
                server_bits = _WINDOW_BITS[value]
            case "client_max_window_bits", str() if value in _WINDOW_BITS:
                client_bits = _WINDOW_BITS[value]
            case _:
                return None
    if server_bits < _MIN_WINDOW_BITS:
        return None  # zlib cannot keep to it, and a smaller window is not for us to break
    may_limit_client = "client_max_window_bits" in offered
    parameters = DeflateParameters(
        server_max_window_bits=min(server_bits, options.server_max_window_bits),
        client_max_window_bits=min(client_bits, options.client_max_window_bits) if may_limit_client else client_bits,
        server_no_context_takeover=options.server_no_context_takeover or "server_no_context_takeover" in offered,
        client_no_context_takeover=options.client_no_context_takeover or "client_no_context_takeover" in offered,
        memory_level=options.memory_level,
        level=options.level,
        threshold=options.threshold,
    )
    answer = ["permessage-deflate"]
    if parameters.server_no_context_takeover:
        answer.append("server_no_context_takeover")
    if parameters.client_no_context_takeover:
        answer.append("client_no_context_takeover")
    if "server_max_window_bits" in offered or parameters.server_max_window_bits < _MAX_WINDOW_BITS:
        answer.append(f"server_max_window_bits={parameters.server_max_window_bits}")
    if may_limit_client:
        answer.append(f"client_max_window_bits={parameters.client_max_window_bits}")
    return parameters, "; ".join(answer).encode()


def max_deflated_size(size: int) -> int:
    """Return how many bytes a message of `size` bytes may take when deflated; more serves no honest purpose.

    Incompressible bytes grow: by an eighth with DEFLATE's fixed codes (9 bits for a byte), by 5 bytes a stored block.
    """
    return size + size // 7 + 1024


class Inflater:
    """Inflates the compressed messages of one connection, in bounded memory (RFC 7692, section 7.2.2).

    A message that is there as a whole goes to `inflate_message`. One that comes in pieces, or that gets None from it,
    takes any number of `inflate`, then one `finish`, all with the same `into`, which starts empty.

    Each message has a zlib stream of its own, which starts with the window that the last one left. That takes half a
    microsecond, and between messages nothing but the window is kept: 4 to 8 KiB at 12 bits, where a live stream takes
    12 beside it.
    """

    __slots__ = ("_context", "_final_blocks", "_history", "_keeps_history", "_window")

    def __init__(self, parameters: DeflateParameters) -> None:
        # A larger window inflates what a smaller one deflated.
        self._window = 1 << max(parameters.client_max_window_bits, _MIN_WINDOW_BITS)
        self._keeps_history = not parameters.client_no_context_takeover
        self._history = bytearray()
        self._context: zlib._Decompress | None = None
        self._final_blocks = 0

    def inflate_message(self, data: bytes, limit: int) -> bytes | None:
        """Return the whole message `data` inflated, in one call of zlib.

        None stands for one that is invalid, has a final block, or is over `limit` bytes or 1 MiB. Nothing has changed
        then: `inflate` and `finish` take it up from its beginning, and tell what is wrong, if anything.
        """
        # zlib joins its output in the end, and so holds it twice: more than 1 MiB is better taken piece by piece.
        if len(data) > _MAX_IN_ONE_CALL:
            return None
        limit = min(limit, _MAX_IN_ONE_CALL)
        context = zlib.decompressobj(-_MAX_WINDOW_BITS, self._history)
        try:
            message = context.decompress(data + _TAIL, limit + 1)
        except zlib.error:
            return None
        if len(message) > limit or context.eof:
            return None
        self._remember(message)
        return message

    def inflate(self, data: bytes, into: bytearray, limit: int) -> Fault | None:
        """Inflate `data` to the end of `into`, which grows to `limit` + 1 bytes at most.

        Returns the fault, when there is one: 1009 over the limit, 1007 for data that DEFLATE does not allow, 1008 for
        final blocks without end.
        """
        # zlib copies the input that it has not used yet each time its output is full, so it gets small pieces.
        for start in range(0, len(data), _INPUT_STEP):
            fault = self._inflate_piece(data[start : start + _INPUT_STEP], into, limit)
            if fault is not None:
                return fault
        return None

    def finish(self, into: bytearray, limit: int) -> Fault | None:
        """End the message in `into`; returns a fault as `inflate` does."""
        # The tail completes a message that ends in a sync flush. One that ends with a final block (section 7.2.3.4) is
        # complete, whether or not the empty block follows that the RFC asks for; and one without any bytes, as zlib
        # makes it from a second flush in a row, holds nothing to complete.
        if self._context is not None:
            fault = self._inflate_piece(_TAIL, into, limit)
            if fault is not None:
                return fault
        self._remember(into)
        self._context = None
        self._final_blocks = 0
        return None

    def _inflate_piece(self, data: bytes, into: bytearray, limit: int) -> Fault | None:
        while True:
            context = self._context
            if context is None:
                if not data:
                    return None
                window = (self._history + into[-self._window :])[-self._window :]
                context = self._context = zlib.decompressobj(-_MAX_WINDOW_BITS, window)
            room = min(limit + 1 - len(into), _OUTPUT_STEP)
            try:
                inflated = context.decompress(data, room)
            except zlib.error:
                return Fault(close_codes.INVALID_PAYLOAD, "compressed message is not valid DEFLATE data")
            into += inflated
            if len(into) > limit:
                return Fault(
                    close_codes.MESSAGE_TOO_BIG, f"compressed message inflates to over the limit of {limit} bytes"
                )
            if context.eof:
                # A block with BFINAL=1 ends zlib's stream, but neither the message nor the window (section 7.2.3.4): a
                # new stream goes on with the window of the old one. It costs microseconds, so there is a bound.
                data = context.unused_data
                self._context = None
                self._final_blocks += 1
                if self._final_blocks > _MAX_FINAL_BLOCKS:
                    return Fault(
                        close_codes.POLICY_VIOLATION,
                        f"compressed message has over {_MAX_FINAL_BLOCKS} final DEFLATE blocks",
                    )
            else:
                data = context.unconsumed_tail
                if not data and len(inflated) < room:
                    return None

    def _remember(self, message: bytes | bytearray) -> None:
        if self._keeps_history:
            self._history += message[-self._window :]
            del self._history[: -self._window]


class Deflater:
    """Deflates the messages of one connection (RFC 7692, section 7.2.1)."""

    __slots__ = ("_context", "_is_resting", "_new_compressor", "_parameters", "_threshold")

    def __init__(self, parameters: DeflateParameters, engine: NewCompressor = new_compressor) -> None:
        self._parameters = parameters
        self._threshold = parameters.threshold
        self._new_compressor = engine
        self._context: Compressor | None = None
        self._is_resting = True

    def deflate(self, data: bytes) -> bytes | None:
        """Return a whole message deflated, or None when it is below the threshold and goes out as it is."""
        if len(data) < self._threshold:
            return None
        if not data:
            return b"\x00"  # section 7.2.3.6; zlib gives nothing at all for a second flush in a row
        context = self._context
        if context is None:
            parameters = self._parameters
            context = self._new_compressor(parameters.level, parameters.server_max_window_bits, parameters.memory_level)
            if not parameters.server_no_context_takeover:
                self._context = context
        self._is_resting = False
        return context.compress(data) + context.flush(zlib.Z_SYNC_FLUSH)[: -len(_TAIL)]

    def rest(self) -> None:
        """Let go of the compressor, 40 to 90 KiB, when nothing was deflated since the last call.

        The next message makes a new one. It is compressed without what came before, which section 7.1.1.1 leaves to
        the sender: the peer need not know.
        """
        if self._is_resting:
            self._context = None
        self._is_resting = True
