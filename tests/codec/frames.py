"""Client frames built by hand, and what every frame codec's tests share.

Nothing here uses a WebSocket library, so that a codec is never checked against itself.
"""

import importlib
import importlib.util
import zlib
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import pytest

from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.events import Event, Fault
from wsserve.codec.frames import FrameCodec, FrameLimits
from wsserve.codec.wire import WireCodec
from wsserve.codec.wsproto_codec import WsprotoCodec

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
DATA_OPCODES: Final = (CONTINUATION, TEXT, BINARY)
CONTROL_OPCODES: Final = (CLOSE, PING, PONG)

RSV1: Final = 0x40
RSV2: Final = 0x20
RSV3: Final = 0x10

MASKING_KEY: Final = b"\x37\xfa\x21\x3d"


class CodecFactory(Protocol):
    """Anything that makes a frame codec."""

    def __call__(self, limits: FrameLimits, deflate: DeflateParameters | None = None) -> FrameCodec: ...


COMPILED: Final[dict[str, CodecFactory]] = {}
if importlib.util.find_spec("wsserve.codec._wire_c"):
    COMPILED["wire-compiled"] = importlib.import_module("wsserve.codec._wire_c").WireCodec

CODECS: Final[dict[str, CodecFactory]] = {"wsproto": WsprotoCodec, "wire": WireCodec, **COMPILED}
"""Every frame codec by name; all pass the same tests."""

every_codec: Final = pytest.mark.parametrize("make", list(CODECS.values()), ids=list(CODECS))
"""Runs a test, or as `pytestmark` each test of a module, with `make` as each codec's factory."""


def parameters(
    *,
    server_max_window_bits: int = 15,
    client_max_window_bits: int = 15,
    server_no_context_takeover: bool = False,
    client_no_context_takeover: bool = False,
    memory_level: int = 8,
    level: int = 6,
    threshold: int = 0,
) -> DeflateParameters:
    """Return agreed parameters: the protocol's defaults, and no threshold."""
    return DeflateParameters(
        server_max_window_bits=server_max_window_bits,
        client_max_window_bits=client_max_window_bits,
        server_no_context_takeover=server_no_context_takeover,
        client_no_context_takeover=client_no_context_takeover,
        memory_level=memory_level,
        level=level,
        threshold=threshold,
    )


DEFLATE: Final = parameters()


def mask(payload: bytes, key: bytes = MASKING_KEY) -> bytes:
    size = len(payload)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")


def frame_header(
    opcode: int,
    length: int,
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = MASKING_KEY,
    length_bits: int | None = None,
) -> bytes:
    """Return a frame header that declares `length`, in its shortest form unless `length_bits` (7, 16, 64) says."""
    if length_bits is None:
        length_bits = 7 if length < 126 else 16 if length < 1 << 16 else 64
    masked = 0 if key is None else 0x80
    first = (0x80 if fin else 0) | rsv | opcode
    if length_bits == 7:
        return bytes([first, masked | length]) + (key or b"")
    marker, size = (126, 2) if length_bits == 16 else (127, 8)
    return bytes([first, masked | marker]) + length.to_bytes(size, "big") + (key or b"")


def client_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = MASKING_KEY,
    length_bits: int | None = None,
) -> bytes:
    """Return a frame as a client sends it; one without a key is unmasked."""
    header = frame_header(opcode, len(payload), fin=fin, rsv=rsv, key=key, length_bits=length_bits)
    return header + (payload if key is None else mask(payload, key))


def fragments(opcode: int, payloads: Sequence[bytes], *, rsv: int = 0) -> bytes:
    """Return one message with each payload in a frame of its own."""
    last = len(payloads) - 1
    return b"".join(
        client_frame(opcode if index == 0 else CONTINUATION, payload, fin=index == last, rsv=rsv if index == 0 else 0)
        for index, payload in enumerate(payloads)
    )


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return client_frame(CLOSE, code.to_bytes(2, "big") + reason)


class ClientDeflater:
    """Plain zlib as an independent peer: deflates messages as RFC 7692, section 7.2.1, says."""

    def __init__(self, *, window_bits: int = 15, takeover: bool = True, level: int = 6) -> None:
        self._window_bits = window_bits
        self._takeover = takeover
        self._level = level
        self._context = self._new_context()

    def _new_context(self) -> "zlib._Compress":
        return zlib.compressobj(self._level, zlib.DEFLATED, -self._window_bits)

    def deflate(self, payload: bytes) -> bytes:
        deflated = self._context.compress(payload) + self._context.flush(zlib.Z_SYNC_FLUSH)
        if not self._takeover:
            self._context = self._new_context()
        return deflated.removesuffix(b"\x00\x00\xff\xff")


def compressed_frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """Return a frame whose payload is compressed already, and says so."""
    return client_frame(opcode, payload, fin=fin, rsv=RSV1)


def deflated(payload: bytes, *, level: int = 6) -> bytes:
    return ClientDeflater(level=level).deflate(payload)


def server_frame(wire: bytes) -> tuple[int, int, bytes]:
    """Take one final, unmasked frame in its shortest form apart; return its RSV bits, opcode and payload."""
    assert type(wire) is bytes
    first, second = wire[0], wire[1]
    assert first & 0x80, "not final"
    assert not second & 0x80, "masked"
    if second < 126:
        length, start = second, 2
    elif second == 126:
        length, start = int.from_bytes(wire[2:4], "big"), 4
        assert length > 125
    else:
        length, start = int.from_bytes(wire[2:10], "big"), 10
        assert length > 0xFFFF
    assert len(wire) == start + length
    return first & 0x70, first & 0x0F, wire[start:]


def pull(codec: FrameCodec) -> list[Event]:
    """Return all events that are there."""
    events = []
    while (event := codec.next_event()) is not None:
        events.append(event)
    return events


def feed(codec: FrameCodec, pieces: Iterable[bytes]) -> list[Event]:
    """Feed the pieces one by one, pulling all events after each."""
    events = []
    for piece in pieces:
        codec.receive_data(piece)
        events += pull(codec)
    return events


def octets(wire: bytes) -> list[bytes]:
    return [wire[index : index + 1] for index in range(len(wire))]


def outcome(events: Iterable[Event]) -> list[Event]:
    """Return events that can be compared: codecs may word the reason of a fault as they like."""
    comparable: list[Event] = []
    for event in events:
        if isinstance(event, Fault):
            assert 0 < len(event.reason.encode()) <= 123
            assert type(event.code) is int
            comparable.append(Fault(event.code, ""))
        else:
            comparable.append(event)
    return comparable


NOISE: Final = bytes((index * index * 7 + index // 3) % 251 for index in range(2000))


def fault(code: int) -> Fault:
    """Return a fault as `outcome` does."""
    return Fault(code, "")
