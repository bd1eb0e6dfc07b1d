"""R4-R20: what every frame codec does with a client's bytes; each codec passes the same tests."""

from dataclasses import dataclass

import pytest

from tests.codec.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    CONTROL_OPCODES,
    DATA_OPCODES,
    DEFLATE,
    NOISE,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    CodecFactory,
    client_frame,
    close_frame,
    compressed_frame,
    deflated,
    every_codec,
    fault,
    feed,
    fragments,
    frame_header,
    octets,
    outcome,
    parameters,
    pull,
)
from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.events import Close, EndOfStream, Event, Fault, Ping, Pong
from wsserve.codec.frames import FrameLimits

pytestmark = every_codec

LIMITS = FrameLimits()
SMALL = FrameLimits(max_message_size=1000, max_fragments=8)
UTF8 = "κόσμε ß€😀"
HELLO_FINAL = bytes.fromhex("f348cdc9c9070000")


@dataclass(frozen=True)
class Vector:
    wire: bytes
    events: list[Event]
    deflate: DeflateParameters | None = None
    limits: FrameLimits = LIMITS


def vector(
    name: str,
    wire: bytes,
    *events: Event,
    deflate: DeflateParameters | None = None,
    limits: FrameLimits = LIMITS,
) -> tuple[str, Vector]:
    return name, Vector(wire, list(events), deflate, limits)


VECTORS = [
    # Messages
    vector("empty text", client_frame(TEXT), ""),
    vector("empty binary", client_frame(BINARY), b""),
    vector("text", client_frame(TEXT, UTF8.encode()), UTF8),
    vector("binary", client_frame(BINARY, b"\xff\x00"), b"\xff\x00"),
    *(
        vector(f"{size} bytes", client_frame(BINARY, NOISE[:1] * size), NOISE[:1] * size)
        for size in (1, 3, 4, 5, 125, 126, 127)
    ),
    vector(
        "every mask",
        b"".join(client_frame(BINARY, b"abcdefg", key=bytes([n] * 4)) for n in range(0, 256, 85)),
        *[b"abcdefg"] * 4,
    ),
    vector("fragmented text", fragments(TEXT, [b"Hel", b"", b"lo"]), "Hello"),
    vector("fragmented binary", fragments(BINARY, [b"", b"\xff", b"\xfe"]), b"\xff\xfe"),
    vector("only empty fragments", fragments(TEXT, [b"", b"", b""]), ""),
    vector(
        "two messages",
        client_frame(TEXT, b"1") + fragments(BINARY, [b"2", b"3"]),
        "1",
        b"23",
    ),
    # Opcodes and order
    *(
        vector(f"R4 unmasked, opcode {opcode}", client_frame(opcode, b"hi", key=None), fault(1002))
        for opcode in (*DATA_OPCODES, *CONTROL_OPCODES)
    ),
    vector("R4 unmasked and over the limit", client_frame(BINARY, bytes(2000), key=None), fault(1002), limits=SMALL),
    vector(
        "R4 unmasked inside a message",
        client_frame(TEXT, b"a", fin=False) + client_frame(CONTINUATION, key=None),
        fault(1002),
    ),
    *(
        vector(f"opcode {opcode}", client_frame(opcode, b"a"), fault(1002))
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    ),
    vector("continuation of nothing", client_frame(CONTINUATION, b"a"), fault(1002)),
    vector("empty continuation of nothing", client_frame(CONTINUATION), fault(1002)),
    vector(
        "continuation after a message",
        client_frame(TEXT, b"a") + client_frame(CONTINUATION, b"b"),
        "a",
        fault(1002),
    ),
    vector("text inside a message", client_frame(TEXT, b"a", fin=False) + client_frame(TEXT, b"b"), fault(1002)),
    vector("binary inside a message", client_frame(TEXT, b"a", fin=False) + client_frame(BINARY, b"b"), fault(1002)),
    vector("empty text inside an empty message", client_frame(TEXT, fin=False) + client_frame(TEXT), fault(1002)),
    *(
        vector(f"fragmented control, opcode {opcode}", client_frame(opcode, fin=False), fault(1002))
        for opcode in CONTROL_OPCODES
    ),
    *(
        vector(f"control of 126 bytes, opcode {opcode}", client_frame(opcode, bytes(126)), fault(1002))
        for opcode in CONTROL_OPCODES
    ),
    vector("control of 65536 bytes", client_frame(PING, bytes(65536)), fault(1002)),
    # Reserved bits
    *(
        vector(f"R5 RSV {rsv:#x}, opcode {opcode}", client_frame(opcode, b"a", rsv=rsv), fault(1002))
        for opcode in (*DATA_OPCODES, *CONTROL_OPCODES)
        for rsv in (RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3)
    ),
    *(
        vector(
            f"R5 RSV {rsv:#x} with deflate, opcode {opcode}",
            client_frame(opcode, b"\0", rsv=rsv),
            fault(1002),
            deflate=DEFLATE,
        )
        for opcode in (*DATA_OPCODES, *CONTROL_OPCODES)
        for rsv in (RSV2, RSV3, RSV1 | RSV2, RSV1 | RSV3)
    ),
    *(
        vector(
            f"R5 RSV1 on opcode {opcode} with deflate",
            compressed_frame(TEXT, b"\0", fin=False) + compressed_frame(opcode, b""),
            fault(1002),
            deflate=DEFLATE,
        )
        for opcode in (CONTINUATION, *CONTROL_OPCODES)
    ),
    # Lengths
    vector("R6 0 in 16 bits", client_frame(BINARY, b"", length_bits=16), fault(1002)),
    vector("R6 125 in 16 bits", client_frame(BINARY, bytes(125), length_bits=16), fault(1002)),
    vector("R6 0 in 64 bits", client_frame(BINARY, b"", length_bits=64), fault(1002)),
    vector("R6 65535 in 64 bits", client_frame(BINARY, bytes(65535), length_bits=64), fault(1002)),
    vector("R6 2^63", frame_header(BINARY, 1 << 63), fault(1002)),
    vector("R6 2^64-1", frame_header(BINARY, (1 << 64) - 1), fault(1002)),
    vector("R6 control length in 16 bits", client_frame(PING, b"", length_bits=16), fault(1002)),
    # Control frames
    vector("empty ping and pong", client_frame(PING) + client_frame(PONG), Ping(b""), Pong(b"")),
    vector(
        "R7 ping and pong of 125 bytes",
        client_frame(PING, NOISE[:125]) + client_frame(PONG, NOISE[:125]),
        Ping(NOISE[:125]),
        Pong(NOISE[:125]),
    ),
    vector(
        "R7 control frames inside a message",
        client_frame(TEXT, b"a", fin=False)
        + client_frame(PING, b"\xff1")
        + client_frame(CONTINUATION, b"b", fin=False)
        + client_frame(PONG, b"2")
        + client_frame(PING)
        + client_frame(CONTINUATION, b"c"),
        Ping(b"\xff1"),
        Pong(b"2"),
        Ping(b""),
        "abc",
    ),
    vector(
        "R7 R18 control frames inside a compressed message",  # wsproto's own extension forgets that it is compressed
        compressed_frame(TEXT, deflated(b"Hello")[:3], fin=False)
        + client_frame(PING, b"p")
        + client_frame(CONTINUATION, deflated(b"Hello")[3:]),
        Ping(b"p"),
        "Hello",
        deflate=DEFLATE,
    ),
    # Close
    vector("R12 empty Close", client_frame(CLOSE), Close(1005, "")),
    vector("Close", close_frame(1000, UTF8.encode()), Close(1000, UTF8)),
    vector("Close with 123 bytes of reason", close_frame(4999, b"x" * 123), Close(4999, "x" * 123)),
    vector("7.1.5 Close inside a message", client_frame(TEXT, b"a", fin=False) + close_frame(1000), Close(1000, "")),
    vector(
        "R8 nothing after Close", close_frame(1001) + client_frame(TEXT, b"a") + client_frame(PING), Close(1001, "")
    ),
    vector("R10 a body of one byte", client_frame(CLOSE, b"\x03"), fault(1002)),
    vector("R10 bad UTF-8 in the reason", close_frame(1000, b"\xce\xba\xed\xa0\x80"), fault(1007)),
    vector("R10 half a character in the reason", close_frame(1000, "€".encode()[:2]), fault(1007)),
    vector("R10 bad code and bad reason", close_frame(1005, b"\xff"), fault(1002)),
    # Order of failure
    vector(
        "R8 messages before a fault",
        client_frame(TEXT, b"a") + client_frame(PING, b"b") + client_frame(3) + client_frame(TEXT, b"c"),
        "a",
        Ping(b"b"),
        fault(1002),
    ),
    # UTF-8
    vector(
        "R9 character over fragments",
        fragments(TEXT, [bytes([byte]) for byte in UTF8.encode()]),
        UTF8,
        limits=FrameLimits(max_fragments=100),
    ),
    vector("R9 incomplete at the end", client_frame(TEXT, "€".encode()[:2]), fault(1007)),
    vector("R9 incomplete at the end of fragments", fragments(TEXT, [b"a", "😀".encode()[:3], b""]), fault(1007)),
    vector(
        "R9 a ping inside a character",
        client_frame(TEXT, "€".encode()[:1], fin=False)
        + client_frame(PING)
        + client_frame(CONTINUATION, "€".encode()[1:]),
        Ping(b""),
        "€",
    ),
    vector(
        "R9 the first message's bytes are not the second's",
        client_frame(TEXT, b"a") + client_frame(BINARY, b"\xe2") + client_frame(TEXT, b"\x82\xac"),
        "a",
        b"\xe2",
        fault(1007),
    ),
    vector("R9 compressed, invalid", compressed_frame(TEXT, deflated(b"ok\xed\xa0\x80")), fault(1007), deflate=DEFLATE),
    vector(
        "R9 compressed, incomplete at the end",
        compressed_frame(TEXT, deflated("€".encode()[:2])),
        fault(1007),
        deflate=DEFLATE,
    ),
    vector(
        "R9 compressed, incomplete and over the limit",
        compressed_frame(TEXT, deflated(b"\xff" + bytes(2000))),
        fault(1007),
        deflate=DEFLATE,
        limits=SMALL,
    ),
    # Sizes and numbers
    vector("R15 at the fragment limit", fragments(BINARY, [b"a"] * 8), b"a" * 8, limits=SMALL),
    vector("R15 empty fragments at the limit", fragments(BINARY, [b""] * 8), b"", limits=SMALL),
    *(
        vector(f"R15 fragment limit +{over}", fragments(BINARY, [b""] * (8 + over)), fault(1008), limits=SMALL)
        for over in (1, 2, 300)
    ),
    *(
        vector(
            f"R15 fragment limit +{over}, compressed",
            fragments(BINARY, [b"\0", *[b""] * (7 + over)], rsv=RSV1),
            fault(1008),
            deflate=DEFLATE,
            limits=SMALL,
        )
        for over in (1, 2, 300)
    ),
    vector(
        "R15 fragment limit, compressed",
        fragments(BINARY, [b"\0", *[b""] * 7], rsv=RSV1),
        b"",
        deflate=DEFLATE,
        limits=SMALL,
    ),
    vector(
        "R15 limits are per message",
        fragments(BINARY, [NOISE[:125]] * 8) * 3,
        *[NOISE[:125] * 8] * 3,
        limits=SMALL,
    ),
    vector(
        "R15 pings do not count",
        client_frame(TEXT, b"a", fin=False) + client_frame(PING) * 20 + client_frame(CONTINUATION, b"b"),
        *[Ping(b"")] * 20,
        "ab",
        limits=SMALL,
    ),
    vector(
        "a pong does not reset the limit",
        client_frame(BINARY, bytes(999), fin=False) + client_frame(PONG) + client_frame(CONTINUATION, bytes(2)),
        Pong(b""),
        fault(1009),
        limits=SMALL,
    ),
    vector(
        "control frames are not under the message limit",
        client_frame(PING, bytes(125)),
        Ping(bytes(125)),
        limits=FrameLimits(max_message_size=20),
    ),
    # permessage-deflate
    vector(
        "R18 uncompressed between compressed",
        compressed_frame(TEXT, bytes.fromhex("f248cdc9c90700"))
        + client_frame(TEXT, b"plain")
        + compressed_frame(TEXT, bytes.fromhex("f200110000")),
        "Hello",
        "plain",
        "Hello",
        deflate=DEFLATE,
    ),
    vector(
        "R18 no context takeover",
        compressed_frame(TEXT, bytes.fromhex("f248cdc9c90700")) + compressed_frame(TEXT, bytes.fromhex("f200110000")),
        "Hello",
        fault(1007),
        deflate=parameters(client_no_context_takeover=True),
    ),
    vector(
        "R18 compressed fragments",
        fragments(BINARY, octets(deflated(NOISE[:40])), rsv=RSV1),
        NOISE[:40],
        deflate=DEFLATE,
        limits=FrameLimits(max_fragments=100),
    ),
    vector(
        "R19 stored block",
        compressed_frame(TEXT, bytes.fromhex("000500faff48656c6c6f00")),
        "Hello",
        deflate=DEFLATE,
    ),
    vector(
        "R19 two blocks",
        compressed_frame(TEXT, bytes.fromhex("f24805000000ffffcac9c90700")),
        "Hello",
        deflate=DEFLATE,
    ),
    vector("R19 empty 00", compressed_frame(TEXT, b"\0") * 2, "", "", deflate=DEFLATE),
    vector(
        "R19 no bytes",
        compressed_frame(TEXT, b"") + compressed_frame(TEXT, HELLO_FINAL),
        "",
        "Hello",
        deflate=DEFLATE,
    ),
    vector(
        "R19 BFINAL=1",
        compressed_frame(TEXT, HELLO_FINAL) * 2 + compressed_frame(TEXT, bytes.fromhex("f200110000")),
        *["Hello"] * 3,
        deflate=DEFLATE,
    ),
    vector("R19 garbage", compressed_frame(BINARY, b"\xff" * 20), fault(1007), deflate=DEFLATE),
    vector("R19 garbage at the end", compressed_frame(BINARY, bytes.fromhex("000500")), fault(1007), deflate=DEFLATE),
]


@pytest.mark.parametrize("case", [case for _, case in VECTORS], ids=[name for name, _ in VECTORS])
class TestVectors:
    def test_whole(self, make: CodecFactory, case: Vector) -> None:
        assert outcome(feed(make(case.limits, case.deflate), [case.wire])) == case.events

    def test_byte_by_byte(self, make: CodecFactory, case: Vector) -> None:
        assert outcome(feed(make(case.limits, case.deflate), octets(case.wire))) == case.events

    def test_trailing_data(self, make: CodecFactory, case: Vector) -> None:
        codec = make(case.limits, case.deflate)
        ended = isinstance(case.events[-1], Close | Fault)
        trailing = client_frame(PING, b"trailing") + client_frame(TEXT, b"half a frame")[:-1]
        after: list[Event] = [] if ended else [Ping(b"trailing")]
        assert outcome(feed(codec, [case.wire + trailing])) == case.events + after
        codec.receive_eof()
        assert pull(codec) == ([] if ended else [EndOfStream()])
