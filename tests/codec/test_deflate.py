"""R16-R20: what is agreed on, bounded inflation, deflation; plain zlib is the independent peer."""

import hashlib
import re
import zlib
from collections.abc import Callable
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.codec.frames import ClientDeflater, deflated, parameters
from wsserve.codec.deflate import DeflateOptions, Deflater, Inflater, max_deflated_size, negotiate
from wsserve.codec.deflate_engine import DEFLATE_ENGINES, NewCompressor
from wsserve.codec.events import Fault

LIMIT = 100_000
TAIL = b"\x00\x00\xff\xff"
PREFIX = "permessage-deflate"


def answer(*values: str, options: DeflateOptions | None = None) -> str | None:
    """Return the response's value for these offers; by default with nothing of our own to ask for."""
    options = options or DeflateOptions(server_max_window_bits=15, client_max_window_bits=15)
    agreed = negotiate([(b"sec-websocket-extensions", value.encode()) for value in values], options)
    return agreed and agreed[1].decode()


def inflate(inflater: Inflater, *pieces: bytes, limit: int = LIMIT) -> bytes | Fault:
    """Inflate a message that comes in pieces."""
    message = bytearray()
    for piece in pieces:
        fault = inflater.inflate(piece, message, limit)
        if fault is not None:
            return fault
    return inflater.finish(message, limit) or bytes(message)


def inflate_whole(inflater: Inflater, wire: bytes, limit: int = LIMIT) -> bytes | Fault:
    """Inflate a message that is there as a whole, as its callers do."""
    message = inflater.inflate_message(wire, limit)
    return inflate(inflater, wire, limit=limit) if message is None else message


def inflate_octets(inflater: Inflater, wire: bytes, limit: int = LIMIT) -> bytes | Fault:
    step = 1 if len(wire) <= 5000 else 1009
    return inflate(inflater, *(wire[index : index + step] for index in range(0, len(wire), step)), limit=limit)


Inflate = Callable[[Inflater, bytes, int], bytes | Fault]

in_every_way: Final = pytest.mark.parametrize("inflate_by", [inflate_whole, inflate_octets], ids=["whole", "octets"])

# Negotiation


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        ("", ""),
        ("; server_no_context_takeover", "; server_no_context_takeover"),
        ("; client_no_context_takeover", "; client_no_context_takeover"),
        ("; client_max_window_bits", "; client_max_window_bits=15"),
        *((f"; client_max_window_bits={bits}", f"; client_max_window_bits={bits}") for bits in range(8, 16)),
        *((f"; server_max_window_bits={bits}", f"; server_max_window_bits={bits}") for bits in range(9, 16)),
        ('; server_max_window_bits="10"', "; server_max_window_bits=10"),
        ('; client_max_window_bits="\\9"', "; client_max_window_bits=9"),
        (
            "; client_max_window_bits; server_max_window_bits=11; client_no_context_takeover"
            "; server_no_context_takeover",
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11"
            "; client_max_window_bits=15",
        ),
    ],
)
def test_r3_r16_r17_r18_an_offer_is_answered_with_no_more_than_it_allows(offer: str, expected: str) -> None:
    assert answer(PREFIX + offer) == PREFIX + expected


@pytest.mark.parametrize(
    "offer",
    [
        "; unknown",
        "; unknown=1",
        "; Server_no_context_takeover",
        "; server_no_context_takeover; server_no_context_takeover",
        "; client_max_window_bits; client_max_window_bits=10",
        "; server_no_context_takeover=1",
        "; client_no_context_takeover=true",
        '; client_no_context_takeover=""',
        "; server_max_window_bits",
        "; server_max_window_bits=8",
        *(
            f"; {side}_max_window_bits={value}"
            for side in ("server", "client")
            for value in ("", "abc", "=", '""', "010", '"010"', "7", "16", "0", "-9", "+9", "9.0", "1000000", "1_0")
        ),
    ],
)
def test_r16_r17_a_bad_offer_is_declined_and_the_next_one_considered(offer: str) -> None:
    assert answer(PREFIX + offer) is None
    assert answer(PREFIX + offer + ", permessage-deflate") == PREFIX
    assert answer(PREFIX + offer, "permessage-deflate") == PREFIX


def test_r16_the_first_acceptable_offer_wins() -> None:
    offers = "x-webkit-deflate-frame", f"{PREFIX}; server_max_window_bits=10, {PREFIX}"
    assert answer(*offers) == f"{PREFIX}; server_max_window_bits=10"


def test_r3_nothing_is_agreed_on_without_an_offer_or_options() -> None:
    assert answer() is None
    assert answer("permessage-bzip2") is None
    assert negotiate([(b"sec-websocket-protocol", b"permessage-deflate")], DeflateOptions()) is None
    assert negotiate([(b"sec-websocket-extensions", b"permessage-deflate")], None) is None


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        ("", "; server_max_window_bits=12"),
        ("; client_max_window_bits", "; server_max_window_bits=12; client_max_window_bits=11"),
        ("; client_max_window_bits=10", "; server_max_window_bits=12; client_max_window_bits=10"),
        ("; client_max_window_bits=15", "; server_max_window_bits=12; client_max_window_bits=11"),
        ("; server_max_window_bits=10", "; server_max_window_bits=10"),
        ("; server_max_window_bits=14", "; server_max_window_bits=12"),
    ],
)
def test_r17_our_window_bits_are_asked_for_where_the_offer_allows_it(offer: str, expected: str) -> None:
    options = DeflateOptions(server_max_window_bits=12, client_max_window_bits=11)
    assert answer(PREFIX + offer, options=options) == PREFIX + expected


def test_r17_a_client_that_cannot_be_limited_has_the_largest_window() -> None:
    agreed = negotiate([(b"sec-websocket-extensions", b"permessage-deflate")], DeflateOptions())
    assert agreed is not None
    assert agreed[0].client_max_window_bits == 15


def test_r18_our_own_wish_for_no_context_takeover_is_part_of_the_answer() -> None:
    options = DeflateOptions(15, 15, server_no_context_takeover=True, client_no_context_takeover=True)
    assert answer(PREFIX, options=options) == f"{PREFIX}; server_no_context_takeover; client_no_context_takeover"


def test_agreed_parameters_carry_the_options() -> None:
    options = DeflateOptions(memory_level=3, level=2, threshold=77)
    agreed = negotiate([(b"sec-websocket-extensions", b"permessage-deflate; server_no_context_takeover")], options)
    assert agreed is not None
    assert agreed[0] == parameters(
        server_max_window_bits=12, server_no_context_takeover=True, memory_level=3, level=2, threshold=77
    )


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("server_max_window_bits", 9, 15),
        ("client_max_window_bits", 9, 15),
        ("memory_level", 1, 9),
        ("level", 0, 9),
        ("threshold", 0, 2**30),
    ],
)
def test_options_are_validated(name: str, low: int, high: int) -> None:
    values: dict[str, Any]
    for good in (low, high):
        values = {name: good}
        assert getattr(DeflateOptions(**values), name) == good
    for value in (low - 1, high + 1, str(low), float(high), True, None):
        values = {name: value}
        with pytest.raises(
            ValueError, match=re.escape(f"{name} must be a whole number from {low} to {high}, not {value!r}")
        ):
            DeflateOptions(**values)


# Inflation

HELLO = ("f248cdc9c90700", b"Hello")
AGAIN = ("f200110000", b"Hello")
"""RFC 7692 7.2.3.2's second message is a copy from the window: it decodes only if the window is still there."""


@in_every_way
@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        pytest.param("f248cdc9c90700", b"Hello", id="RFC 7692 7.2.3.1, one block"),
        pytest.param("000500faff48656c6c6f00", b"Hello", id="RFC 7692 7.2.3.3, stored block"),
        pytest.param("f348cdc9c9070000", b"Hello", id="RFC 7692 7.2.3.4, BFINAL=1"),
        pytest.param("f348cdc9c90700", b"Hello", id="BFINAL=1 without the empty block"),
        pytest.param("f24805000000ffffcac9c90700", b"Hello", id="RFC 7692 7.2.3.5, two blocks"),
        pytest.param("00", b"", id="RFC 7692 7.2.3.6, empty"),
        pytest.param("", b"", id="no bytes at all"),
        pytest.param("0300", b"", id="empty block with BFINAL=1"),
        pytest.param("010500faff48656c6c6f", b"Hello", id="stored block with BFINAL=1"),
        pytest.param("f348cdc9c90700f348cdc9c9070000", b"HelloHello", id="two blocks with BFINAL=1"),
        pytest.param("f348cdc9c90700f200110000", b"HelloHello", id="a copy from before a block with BFINAL=1"),
    ],
)
def test_r19_every_kind_of_block_decodes_and_the_context_is_kept(
    wire: str, expected: bytes, inflate_by: Inflate
) -> None:
    inflater = Inflater(parameters())
    empty = ("", b"")
    for message, content in (HELLO, (wire, expected), AGAIN, empty, AGAIN, (wire, expected), (wire, expected), AGAIN):
        assert inflate_by(inflater, bytes.fromhex(message), LIMIT) == content


def test_r19_the_window_after_a_final_block_is_the_whole_window() -> None:
    noise = zlib.compress(b"noise" * 50, 9) + bytes(range(256)) * 4
    for bits in range(9, 16):
        window = (noise * 40)[: 1 << bits]
        inflater = Inflater(parameters(client_max_window_bits=bits))
        half = len(window) // 2
        for part in (window[:half], window[half:]):
            final = zlib.compressobj(wbits=-bits)
            assert inflate(inflater, final.compress(part) + final.flush()) == part
        second = zlib.compressobj(wbits=-bits, zdict=window)
        wire = second.compress(window) + second.flush(zlib.Z_SYNC_FLUSH)
        assert inflate(inflater, wire.removesuffix(TAIL)) == window


def test_r19_final_blocks_without_end_are_refused() -> None:
    final = bytes.fromhex("0300")
    assert inflate(Inflater(parameters()), final * 64) == b""
    fault = inflate(Inflater(parameters()), final * 65)
    assert isinstance(fault, Fault)
    assert fault.code == 1008
    inflater = Inflater(parameters())  # the bound is on one message
    for _ in range(3):
        assert inflate(inflater, final * 64) == b""


@pytest.mark.parametrize(
    "garbage",
    ["ff", "07", "06", "000500fa00", "f248cdc9c907ff", "4be4040e0002", "f348cdc9c90700ff"],
)
@in_every_way
def test_r19_garbage_is_1007(garbage: str, inflate_by: Inflate) -> None:
    fault = inflate_by(Inflater(parameters()), bytes.fromhex(garbage) + bytes(300), LIMIT)
    assert fault == Fault(1007, "compressed message is not valid DEFLATE data")


@in_every_way
def test_r19_garbage_that_only_the_tail_brings_out_is_1007(inflate_by: Inflate) -> None:
    # A stored block of 5 bytes whose length ends with the message: the tail cannot be its complement.
    fault = inflate_by(Inflater(parameters()), bytes.fromhex("000500"), LIMIT)
    assert isinstance(fault, Fault)
    assert fault.code == 1007


@in_every_way
def test_r18_without_context_takeover_each_message_stands_alone(inflate_by: Inflate) -> None:
    inflater = Inflater(parameters(client_no_context_takeover=True))
    hello = bytes.fromhex("f248cdc9c90700")
    assert inflate_by(inflater, hello, LIMIT) == b"Hello"
    assert inflate_by(inflater, hello, LIMIT) == b"Hello"
    assert inflate_by(inflater, bytes.fromhex("f348cdc9c90700f200110000"), LIMIT) == b"HelloHello"
    fault = inflate_by(inflater, bytes.fromhex("f200110000"), LIMIT)
    assert isinstance(fault, Fault)
    assert fault.code == 1007


def test_r17_eight_window_bits_of_a_client_inflate() -> None:
    inflater = Inflater(parameters(client_max_window_bits=8))
    assert inflate(inflater, deflated(b"abc" * 80)) == b"abc" * 80


@in_every_way
@pytest.mark.parametrize("level", [0, 6], ids=["stored", "compressed"])
@pytest.mark.parametrize("limit", [0, 1, 1000, 65535, 65536, 65537, 200_000])
@pytest.mark.parametrize("over", [0, 1, 2, 300])
def test_r15_the_limit_is_exact_after_inflation(limit: int, over: int, level: int, inflate_by: Inflate) -> None:
    payload = bytes(limit + over)
    result = inflate_by(Inflater(parameters()), deflated(payload, level=level), limit)
    if over:
        assert result == Fault(1009, f"compressed message inflates to over the limit of {limit} bytes")
    else:
        assert result == payload


@in_every_way
def test_r15_the_end_of_a_message_counts_too(inflate_by: Inflate) -> None:
    # A stored block that announces 4 bytes: the tail becomes its content.
    wire = bytes.fromhex("000400fbff")
    assert inflate_by(Inflater(parameters()), wire, 4) == TAIL
    fault = inflate_by(Inflater(parameters()), wire, 3)
    assert isinstance(fault, Fault)
    assert fault.code == 1009


@in_every_way
def test_a_message_that_ends_inside_a_block_does_not_leave_it_to_the_next(inflate_by: Inflate) -> None:
    inflater = Inflater(parameters())
    assert inflate_by(inflater, bytes.fromhex("000500faff") + b"H", LIMIT) == b"H" + TAIL  # and no byte more
    assert inflate_by(inflater, bytes.fromhex(HELLO[0]), LIMIT) == b"Hello"


@pytest.mark.parametrize("wire", ["ff" * 9, "f348cdc9c9070000", deflated(bytes(LIMIT + 1)).hex()])
def test_what_is_not_inflated_whole_changes_nothing(wire: str) -> None:
    inflater = Inflater(parameters())
    assert inflater.inflate_message(bytes.fromhex(HELLO[0]), LIMIT) == b"Hello"
    assert inflater.inflate_message(bytes.fromhex(wire), LIMIT) is None
    assert inflater.inflate_message(bytes.fromhex(AGAIN[0]), LIMIT) == b"Hello"


def test_only_so_much_is_inflated_in_one_call() -> None:
    mebibyte = 2**20
    inflater = Inflater(parameters(client_no_context_takeover=True))
    assert inflater.inflate_message(deflated(bytes(mebibyte)), 2 * mebibyte) == bytes(mebibyte)
    for level in (0, 6):
        wire = deflated(bytes(mebibyte + 1), level=level)
        assert inflater.inflate_message(wire, 2 * mebibyte) is None
        assert inflate(inflater, wire, limit=2 * mebibyte) == bytes(mebibyte + 1)


def test_r20_output_never_exceeds_the_limit_by_more_than_a_byte() -> None:
    bomb = deflated(bytes(10_000_000))
    message = bytearray()
    assert Inflater(parameters()).inflate(bomb, message, LIMIT) is not None
    assert len(message) == LIMIT + 1


def random_bytes(size: int) -> bytes:
    return hashlib.shake_128(b"random").digest(size)


@pytest.mark.parametrize("size", [0, 1, 100, 10_000, 1_000_000])
@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("memory_level", [1, 8])
def test_r15_honest_deflated_messages_stay_under_the_bound_on_the_wire(
    size: int, level: int, memory_level: int
) -> None:
    noise = random_bytes(size)
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY):
        context = zlib.compressobj(level, zlib.DEFLATED, -9, memory_level, strategy)
        wire = context.compress(noise) + context.flush(zlib.Z_SYNC_FLUSH)
        assert len(wire) <= max_deflated_size(size)


# Deflation


every_engine: Final = pytest.mark.parametrize("engine", list(DEFLATE_ENGINES.values()), ids=list(DEFLATE_ENGINES))


def test_a_message_below_the_threshold_goes_out_as_it_is() -> None:
    deflater = Deflater(parameters(threshold=128))
    assert deflater.deflate(bytes(127)) is None
    assert deflater.deflate(bytes(128)) is not None


def test_r19_empty_messages_in_a_row_are_empty_blocks() -> None:
    deflater = Deflater(parameters())
    assert [deflater.deflate(b""), deflater.deflate(b"")] == [b"\x00", b"\x00"]


def second_size(deflater: Deflater, message: bytes, between: Callable[[], None] = lambda: None) -> float:
    """Return the size of the same message the second time, as a part of its size the first time."""
    first = deflater.deflate(message)
    between()
    second = deflater.deflate(message)
    assert first is not None
    assert second is not None
    return len(second) / len(first)


@every_engine
@pytest.mark.parametrize("level", range(1, 10))
def test_r18_our_context_is_kept_or_dropped_as_agreed(level: int, engine: NewCompressor) -> None:
    for takeover in (True, False):
        deflater = Deflater(parameters(level=level, server_no_context_takeover=not takeover), engine)
        assert (second_size(deflater, bytes(range(256))) < 0.5) is takeover


@every_engine
def test_a_compressor_that_rests_is_let_go(engine: NewCompressor) -> None:
    deflater = Deflater(parameters(level=1), engine)
    assert second_size(deflater, bytes(range(256)), deflater.rest) < 0.5
    deflater.rest()
    deflater.rest()
    receiver = zlib.decompressobj(-15)
    for message in (b"after a rest " * 9, bytes(range(256))):
        wire = deflater.deflate(message)
        assert wire is not None
        assert receiver.decompress(wire + TAIL) == message  # it refers to nothing that came before
    deflater.rest()
    deflater.rest()
    assert second_size(deflater, bytes(range(256))) < 0.5


def inflate_in_the_window(wire: bytes, bits: int) -> bytes:
    """Inflate byte by byte: as long as zlib has the output at hand, it follows distances beyond the window."""
    context = zlib.decompressobj(-bits)
    message = bytearray()
    for start in range(0, len(wire), 64):
        data = wire[start : start + 64]
        while True:
            octet = context.decompress(data, 1)
            message += octet
            data = context.unconsumed_tail
            if not data and not octet:
                break
    return bytes(message)


def test_the_check_of_windows_finds_what_is_too_far_back() -> None:
    noise = random_bytes(1024 + 100)
    with pytest.raises(zlib.error, match="too far back"):
        inflate_in_the_window(deflated(noise + noise[:300]), 10)


@every_engine
@pytest.mark.parametrize("level", [1, 6])
@pytest.mark.parametrize("bits", [9, 10, 12, 15])
def test_r17_our_window_is_no_larger_than_agreed(bits: int, level: int, engine: NewCompressor) -> None:
    deflater = Deflater(parameters(server_max_window_bits=bits, level=level), engine)
    window = 1 << bits
    noise = random_bytes(window + 1)
    # Each repeats bytes from as far back as its size, across messages and within one.
    messages = [noise[:size] + noise[:400] for size in (window - 300, window - 1, window, window + 1)]
    wire = b"".join((deflater.deflate(message) or b"") + TAIL for message in messages)
    assert inflate_in_the_window(wire, bits) == b"".join(messages)


ALL = [
    parameters(
        server_max_window_bits=bits,
        client_max_window_bits=bits,
        server_no_context_takeover=not takeover,
        client_no_context_takeover=not takeover,
        memory_level=memory_level,
        level=level,
    )
    for bits, takeover, memory_level, level in product((9, 12, 15), (True, False), (1, 5, 9), (0, 3, 9))
]


@every_engine
@given(
    st.sampled_from(ALL), st.lists(st.binary(max_size=600) | st.just(b"chat " * 300), max_size=6), st.integers(1, 99)
)
def test_r17_r18_messages_make_the_round_trip_to_plain_zlib(
    engine: NewCompressor, agreed: Any, messages: list[bytes], step: int
) -> None:
    bits, takeover = agreed.server_max_window_bits, not agreed.server_no_context_takeover
    deflater, inflater, whole = Deflater(agreed, engine), Inflater(agreed), Inflater(agreed)
    sender = ClientDeflater(window_bits=bits, takeover=takeover, level=agreed.level)
    receiver = zlib.decompressobj(-bits)
    for message in messages:
        wire = deflater.deflate(message)
        assert wire is not None
        assert receiver.decompress(wire + TAIL) == message
        if not takeover:
            receiver = zlib.decompressobj(-bits)
        incoming = sender.deflate(message)
        pieces = [incoming[index : index + step] for index in range(0, len(incoming), step)]
        assert inflate(inflater, *pieces) == message
        assert whole.inflate_message(incoming, LIMIT) == message


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(0, 1000))
def test_r16_r20_random_bytes_never_raise_and_stay_within_the_limit(pieces: list[bytes], limit: int) -> None:
    result = inflate(Inflater(parameters()), *pieces, limit=limit)
    assert isinstance(result, Fault) or len(result) <= limit
    whole = inflate_whole(Inflater(parameters()), b"".join(pieces), limit)
    if whole != result:  # where it is too long, zlib may see first that what follows at once is invalid
        assert isinstance(whole, Fault)
        assert isinstance(result, Fault)
        assert {whole.code, result.code} == {1007, 1009}


def test_a_message_that_is_both_too_long_and_invalid_is_a_fault_in_any_case() -> None:
    for pieces in ([b"\x12\x18\x03"], [b"\x12\x18", b"\x03"]):
        assert isinstance(inflate(Inflater(parameters()), *pieces, limit=0), Fault)
