"""Fuzz target: the Inflater.

Invariant: whatever a peer sends as compressed messages, nothing raises, and no message ever takes more than its limit
and one byte. Pieces of any size lead to the same bytes, or to the same fault, as the whole; what comes out is what zlib
makes of it, as far as zlib goes: it stops at a block with BFINAL=1. The one exception is `faults_meet`.

Input: a byte that picks the parameters, one for the limit, one for the size of the pieces, and messages, each of them
a byte with its size and as many bytes.
"""

import zlib
from collections.abc import Iterator

from tests.codec.frames import ClientDeflater, parameters
from wsserve.codec.deflate import DeflateParameters, Inflater

PARAMETERS = [
    parameters(),
    parameters(client_no_context_takeover=True),
    parameters(client_max_window_bits=8),
    parameters(client_max_window_bits=9, client_no_context_takeover=True),
]
LIMITS = [0, 1, 20, 1000, 70_000]
FAULTS = {1007, 1008, 1009}


def check(data: bytes) -> None:
    if len(data) < 3:
        return
    agreed = PARAMETERS[data[0] % len(PARAMETERS)]
    limit = LIMITS[data[1] % len(LIMITS)]
    messages = list(messages_in(data[3:]))
    whole = list(inflated(agreed, limit, messages, 1 << 30))
    pieces = list(inflated(agreed, limit, messages, 1 + data[2] % 32))
    assert pieces == whole or faults_meet(pieces, whole), (pieces, whole)
    for index, expected in enumerate(inflated_by_zlib(agreed, limit, messages)):
        assert whole[index] == expected or faults_meet([*whole[:index], expected], whole), (index, whole, expected)


def faults_meet(pieces: list[bytes | int], whole: list[bytes | int]) -> bool:
    """Named exception 2 of `tests.codec.agreement`: invalid data right behind the byte that is over the limit."""
    return len(pieces) == len(whole) and pieces[:-1] == whole[:-1] and {pieces[-1], whole[-1]} == {1007, 1009}


def messages_in(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        stop = start + 1 + data[start]
        yield data[start + 1 : stop]
        start = stop


def inflated(agreed: DeflateParameters, limit: int, messages: list[bytes], size: int) -> Iterator[bytes | int]:
    """Give each message, or the close code of the fault that ends them, from pieces of `size` bytes."""
    inflater = Inflater(agreed)
    for message in messages:
        into = bytearray()
        fault = None
        for start in range(0, len(message), size):
            fault = inflater.inflate(message[start : start + size], into, limit)
            assert len(into) <= limit + 1, len(into)
            if fault is not None:
                break
        else:
            fault = inflater.finish(into, limit)
            assert len(into) <= limit + 1, len(into)
        if fault is not None:
            assert fault.code in FAULTS, fault
            yield fault.code
            return
        assert len(into) <= limit, len(into)
        yield bytes(into)


def inflated_by_zlib(agreed: DeflateParameters, limit: int, messages: list[bytes]) -> Iterator[bytes | int]:
    """Give what zlib alone makes of each message in one piece, up to the message with a block that has BFINAL=1.

    A client may refer to what is in the window that was agreed on, and zlib lets it refer to all of the message itself.
    """
    window = 1 << max(agreed.client_max_window_bits, 9)
    history = b""
    for message in messages:
        context = zlib.decompressobj(-15, history)
        result = b""
        try:
            # A message without any bytes has no end to be completed.
            for data in (message, b"\0\0\xff\xff") if message else ():
                while data and not context.eof and len(result) <= limit:
                    result += context.decompress(data, limit + 1 - len(result))
                    data = context.unconsumed_tail
        except zlib.error:
            yield 1007
            return
        if len(result) > limit:
            yield 1009
            return
        if context.eof:
            return
        yield result
        if not agreed.client_no_context_takeover:
            history = (history + result)[-window:]


def _packed(*messages: bytes) -> bytes:
    return b"".join(bytes([len(message)]) + message for message in messages)


_sender = ClientDeflater(window_bits=9)
_WIRES = [
    _packed(*(_sender.deflate(b"chat chat chat") for _ in range(3)), b"", b"\0"),
    _packed(_sender.deflate(bytes(70_000))),
    _packed(bytes.fromhex("f348cdc9c9070000"), bytes.fromhex("f348cdc9c90700")),
    _packed(b"\x00\x03\x00\xfc\xffabc\x00\x00\x00\xff\xff\x01\x00\x00\xff\xff" * 3),
    _packed(ClientDeflater(level=9).deflate(bytes(range(100)) + b"abcabcabcabd" * 4)),
    _packed(b"\x03\x00" * 66, b"\x03"),
]
SEEDS = [bytes([setting, limit, 0]) + wire for wire in _WIRES for setting in range(4) for limit in (2, 3, 4)]
