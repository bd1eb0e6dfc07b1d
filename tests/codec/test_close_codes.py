"""R10, R13: which close codes may be on the wire, and how long a reason may be."""

from enum import IntEnum

import pytest

from wsserve.codec.close_codes import MAX_REASON_BYTES, check_code, is_valid, truncate_reason
from wsserve.codec.errors import LocalProtocolError

VALID = [*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)]


def test_r10_exactly_the_registered_and_open_codes_are_valid() -> None:
    assert [code for code in range(-1, 0x10000) if is_valid(code)] == VALID


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1012, 1013, 1014, 3000, 4999])
def test_r10_a_valid_code_is_returned(code: int) -> None:
    assert check_code(code) == code


@pytest.mark.parametrize("code", [0, -1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536])
def test_r10_r13_a_code_that_may_not_be_sent_raises(code: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"close code {code} cannot be sent: use 1000-1003"):
        check_code(code)


def test_r13_a_code_of_an_enumeration_becomes_a_plain_int() -> None:
    class Code(IntEnum):
        LEFT = 4001

    code = check_code(Code.LEFT)
    assert (type(code), code) == (int, 4001)


@pytest.mark.parametrize("code", [True, 1000.0, "1000", None], ids=repr)
def test_r13_a_code_that_is_not_an_int_raises(code: object) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be sent"):
        check_code(code)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        pytest.param("", b"", id="empty"),
        pytest.param("x" * 123, b"x" * 123, id="exactly 123 bytes"),
        pytest.param("x" * 124, b"x" * 123, id="124 bytes"),
        pytest.param("x" * 123 + "é", b"x" * 123, id="cut before a character"),
        pytest.param("x" * 122 + "é", b"x" * 122, id="cut inside a two-byte character"),
        pytest.param("x" * 121 + "é", b"x" * 121 + "é".encode(), id="a two-byte character that fits"),
        pytest.param("x" * 121 + "€", b"x" * 121, id="cut inside a three-byte character"),
        pytest.param("x" * 120 + "😀", b"x" * 120, id="cut inside a four-byte character"),
        pytest.param("😀" * 40, "😀".encode() * 30, id="only four-byte characters"),
    ],
)
def test_r13_a_reason_is_cut_on_a_character_boundary(reason: str, expected: bytes) -> None:
    encoded = truncate_reason(reason)
    assert encoded == expected
    assert len(encoded) <= MAX_REASON_BYTES


def test_r13_a_reason_with_a_lone_surrogate_raises() -> None:
    with pytest.raises(LocalProtocolError, match="cannot be encoded as UTF-8"):
        truncate_reason("\ud800")
