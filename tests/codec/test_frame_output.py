"""R4, R10, R13: the frames that go out; each codec passes the same tests."""

import pytest

from tests.codec.frames import (
    BINARY,
    CLOSE,
    DEFLATE,
    PING,
    PONG,
    RSV1,
    TEXT,
    CodecFactory,
    deflated,
    every_codec,
    parameters,
    server_frame,
)
from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.frames import FrameLimits

pytestmark = every_codec

LIMITS = FrameLimits()
SMALL = FrameLimits(max_message_size=1000, max_fragments=8)
UTF8 = "κόσμε ß€😀"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100_000])
def test_r4_frames_go_out_unmasked_whole_and_in_the_shortest_form(make: CodecFactory, size: int) -> None:
    codec = make(LIMITS)
    assert server_frame(codec.text("x" * size)) == (0, TEXT, b"x" * size)
    assert server_frame(codec.binary(b"\xff" * size)) == (0, BINARY, b"\xff" * size)
    if size <= 125:
        assert server_frame(codec.ping(b"p" * size)) == (0, PING, b"p" * size)
        assert server_frame(codec.pong(b"p" * size)) == (0, PONG, b"p" * size)
    else:
        for build in (codec.ping, codec.pong):
            with pytest.raises(LocalProtocolError, match=f"payload of {size} bytes is over 125"):
                build(b"p" * size)


def test_control_payloads_are_empty_by_default(make: CodecFactory) -> None:
    codec = make(LIMITS, DEFLATE)
    assert (codec.ping(), codec.pong(), codec.close()) == (b"\x89\x00", b"\x8a\x00", b"\x88\x00")


def test_text_goes_out_as_utf8(make: CodecFactory) -> None:
    assert server_frame(make(LIMITS).text(UTF8)) == (0, TEXT, UTF8.encode())


@pytest.mark.parametrize("deflate", [None, DEFLATE], ids=["plain", "compressed"])
def test_text_with_a_lone_surrogate_raises_and_sends_nothing(
    make: CodecFactory, deflate: DeflateParameters | None
) -> None:
    codec = make(LIMITS, deflate)
    with pytest.raises(LocalProtocolError, match="cannot be encoded as UTF-8"):
        codec.text("ab\ud800")
    codec.binary(b"the codec goes on")
    assert server_frame(make(LIMITS).text("a")) == (0, TEXT, b"a")


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 1014, 3000, 4999])
def test_r13_a_close_frame_has_code_and_reason(make: CodecFactory, code: int) -> None:
    codec = make(LIMITS)
    assert server_frame(codec.close(code)) == (0, CLOSE, code.to_bytes(2, "big"))
    assert server_frame(codec.close(code, UTF8)) == (0, CLOSE, code.to_bytes(2, "big") + UTF8.encode())


def test_r13_a_long_reason_is_cut_on_a_character_boundary(make: CodecFactory) -> None:
    assert server_frame(make(LIMITS).close(1000, "€" * 100)) == (0, CLOSE, b"\x03\xe8" + "€".encode() * 41)


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 70_000])
def test_r10_a_code_that_may_not_be_sent_raises(make: CodecFactory, code: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"close code {code} cannot be sent"):
        make(LIMITS).close(code)


def test_a_reason_without_a_code_or_in_no_utf8_raises(make: CodecFactory) -> None:
    with pytest.raises(LocalProtocolError, match="without a close code"):
        make(LIMITS).close(None, "why")
    with pytest.raises(LocalProtocolError, match="cannot be encoded as UTF-8"):
        make(LIMITS).close(1000, "\udfff")


def test_messages_from_the_threshold_on_go_out_compressed(make: CodecFactory) -> None:
    codec = make(LIMITS, parameters(threshold=10))
    assert server_frame(codec.text("é" * 4 + "a")) == (0, TEXT, "ééééa".encode())
    assert server_frame(codec.text("é" * 5)) == (RSV1, TEXT, deflated("ééééé".encode()))
    assert server_frame(codec.binary(bytes(9))) == (0, BINARY, bytes(9))
    assert codec.binary(bytes(10))[0] == 0x80 | RSV1 | BINARY
    assert server_frame(codec.ping(bytes(50))) == (0, PING, bytes(50))
    assert server_frame(codec.close(1000, "x" * 50)) == (0, CLOSE, b"\x03\xe8" + b"x" * 50)
