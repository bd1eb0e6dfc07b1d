"""Fuzz target: the frame codecs.

Invariant: on any bytes, in reads of any size, with any deflate parameters, the pure and the compiled wire codec give
the same events after each read, the codec on wsproto gives them too (`tests.codec.agreement` names the exceptions), and
so does each codec when all comes in one read. Nothing raises, and the last event is a Close, a Fault or an EndOfStream.

Input: a byte that picks the parameters, a byte that picks the sizes of the reads, and what the client sends.
"""

from tests.codec.agreement import assert_agreement
from tests.codec.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    PING,
    PONG,
    RSV1,
    TEXT,
    ClientDeflater,
    client_frame,
    deflated,
    fragments,
    frame_header,
    parameters,
)
from wsserve.codec.events import Close, EndOfStream, Fault
from wsserve.codec.frames import FrameLimits

LIMITS = [FrameLimits(max_message_size=140, max_fragments=4), FrameLimits(max_message_size=5, max_fragments=64)]
DEFLATES = [None, DEFLATE, parameters(client_no_context_takeover=True), parameters(client_max_window_bits=9)]
READS = [[1], [2, 0, 1], [7, 3], [1 << 30]]


def check(data: bytes) -> None:
    if len(data) < 2:
        return
    deflate = DEFLATES[data[0] % 4]
    limits = LIMITS[data[0] // 4 % 2]
    *_, last = assert_agreement(data[2:], READS[data[1] % 4], limits, deflate)
    assert isinstance(last, Close | Fault | EndOfStream), last


KEY = b"\0\0\0\0"
"""Bytes that are not changed by masking are easier to change for a fuzzer."""

_sender = ClientDeflater()
_wires = [
    client_frame(TEXT, "aé€😀".encode(), key=KEY) + client_frame(PING, b"ping", key=KEY),
    client_frame(BINARY, bytes(126), key=KEY) + client_frame(PONG, key=b"abcd") + client_frame(CLOSE, key=KEY),
    fragments(TEXT, ["é".encode()[:1], "é".encode()[1:], b"", b"end"]),
    client_frame(TEXT, b"a", fin=False, key=KEY)
    + client_frame(PING, key=KEY)
    + client_frame(CONTINUATION, b"b", key=KEY)
    + client_frame(CLOSE, b"\x03\xe8bye", key=KEY),
    frame_header(BINARY, 65536, key=KEY) + bytes(9),
    frame_header(BINARY, (1 << 63) - 1, key=KEY),
    b"".join(client_frame(TEXT, _sender.deflate(b"chat chat"), rsv=RSV1, key=KEY) for _ in range(3)),
    client_frame(BINARY, deflated(bytes(1000))[:9], rsv=RSV1, fin=False, key=KEY)
    + client_frame(CONTINUATION, deflated(bytes(1000))[9:], key=KEY),
    client_frame(TEXT, bytes.fromhex("f348cdc9c9070000"), rsv=RSV1, key=KEY) * 2,
    client_frame(TEXT, b"\x01\x03\x00\xfc\xff\xed\xa0\x80" + b"\x00\x00\x00\xff\xff" * 3, rsv=RSV1, key=KEY),
]
SEEDS = [bytes([setting, reads]) + wire for wire in _wires for setting in (0, 1, 6) for reads in (0, 2)]
