"""What an application may say, and the errors that name what is wrong (G5, G6, G9)."""

from collections.abc import Callable, Iterator
from enum import IntEnum, StrEnum
from http import HTTPStatus
from typing import Any

import pytest

from wsserve.asgi_bridge import messages
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.codec.errors import LocalProtocolError

SEND = {"type": "websocket.send"}
ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close"}
START = {"type": "http.response.start"}
BODY = {"type": "http.response.body"}


class Word(StrEnum):
    HELLO = "hello"


class Code(IntEnum):
    LEFT = 4001


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"text": "a"}, "a"),
        ({"text": ""}, ""),
        ({"text": "a", "bytes": None}, "a"),
        ({"text": Word.HELLO}, "hello"),
        ({"bytes": b"a"}, b"a"),
        ({"bytes": b""}, b""),
        ({"bytes": b"a", "text": None}, b"a"),
        ({"bytes": bytearray(b"a")}, b"a"),
        ({"bytes": memoryview(b"a")}, b"a"),
        ({"text": "a", "extra": 1}, "a"),
    ],
)
def test_g5_payload(content: dict[str, Any], expected: str | bytes) -> None:
    assert messages.payload({**SEND, **content}) == expected


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({}, "neither"),
        ({"text": None}, "neither"),
        ({"bytes": None}, "neither"),
        ({"text": None, "bytes": None}, "neither"),
        ({"text": "a", "bytes": b"a"}, "both"),
        ({"text": "", "bytes": b""}, "both"),
        ({"text": b"a"}, "'text' as str, not bytes"),
        ({"text": 1}, "'text' as str, not int"),
        ({"bytes": "a"}, "'bytes' as bytes, not str"),
        ({"bytes": [1]}, "'bytes' as bytes, not list"),
    ],
)
def test_g5_faulty_payload_is_named(content: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidMessageError, match=fault):
        messages.payload({**SEND, **content})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, (1000, "")),
        ({"code": None, "reason": None}, (1000, "")),
        ({"code": 4000, "reason": "because"}, (4000, "because")),
        ({"reason": "because"}, (1000, "because")),
    ],
)
def test_g9_close_defaults(content: dict[str, Any], expected: tuple[int, str]) -> None:
    assert messages.closure({**CLOSE, **content}) == expected


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, -1, "1000", 1000.0, True])
def test_r10_r13_invalid_close_code_raises(code: object) -> None:
    with pytest.raises(LocalProtocolError, match="close code"):
        messages.closure({**CLOSE, "code": code})


@pytest.mark.parametrize("reason", [b"bytes", b"", 0, 1, ["x"]])
def test_g6_close_reason_of_a_wrong_type_raises(reason: object) -> None:
    with pytest.raises(InvalidMessageError, match="'reason' as str"):
        messages.closure({**CLOSE, "reason": reason})


def test_g9_accept_headers_keep_order_and_bytes() -> None:
    headers = [(b"X-B", b"2"), (b"x-a", b"1"), (b"X-B", b"\xff")]
    assert messages.acceptance({**ACCEPT, "headers": headers}) == (None, headers)


@pytest.mark.parametrize("headers", [[[b"a", b"b"]], ((b"a", b"b"),), iter([(b"a", b"b")])])
def test_g9_headers_may_be_any_pairs(headers: object) -> None:
    assert messages.headers({**ACCEPT, "headers": headers}) == [(b"a", b"b")]


def test_g9_headers_may_be_generated() -> None:
    def pairs() -> Iterator[list[bytes]]:
        yield [b"a", b"b"]

    assert messages.headers({**ACCEPT, "headers": pairs()}) == [(b"a", b"b")]


@pytest.mark.parametrize("content", [{}, {"headers": None}, {"headers": []}, {"headers": ()}])
def test_g9_headers_may_be_left_out(content: dict[str, Any]) -> None:
    assert messages.headers({**ACCEPT, **content}) == []


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ("a: b", "not str"),
        (b"a: b", "not bytes"),
        ({b"a": b"b"}, "no pair"),
        (7, "not int"),
        ([b"ab"], "not of bytes"),
        (["ab"], "not of bytes"),
        ([(b"a",)], "no pair"),
        ([(b"a", b"b", b"c")], "no pair"),
        ([7], "no pair"),
        ([("a", b"b")], "not of bytes"),
        ([(b"a", "b")], "not of bytes"),
        ([(b"a", None)], "not of bytes"),
    ],
)
def test_g6_u17_faulty_headers_are_named(headers: object, fault: str) -> None:
    with pytest.raises(InvalidMessageError, match=fault):
        messages.headers({**ACCEPT, "headers": headers})


@pytest.mark.parametrize("subprotocol", [b"chat", 1, ["chat"]])
def test_g6_subprotocol_of_a_wrong_type_raises(subprotocol: object) -> None:
    with pytest.raises(InvalidMessageError, match="'subprotocol' as str"):
        messages.acceptance({**ACCEPT, "subprotocol": subprotocol})


def test_acceptance_has_the_subprotocol() -> None:
    assert messages.acceptance({**ACCEPT, "subprotocol": "chat"}) == ("chat", [])


@pytest.mark.parametrize("status", [200, 404, 599])
def test_response_start(status: int) -> None:
    assert messages.response_start({**START, "status": status}) == (status, [])


def test_numbers_of_enumerations_become_plain_ints() -> None:
    status, _ = messages.response_start({**START, "status": HTTPStatus.ACCEPTED})
    assert (type(status), status) == (int, 202)
    code, _ = messages.closure({**CLOSE, "code": Code.LEFT})
    assert (type(code), code) == (int, 4001)


@pytest.mark.parametrize("content", [{}, *({"status": status} for status in (None, 100, 101, 199, 600, "200", True))])
def test_g6_faulty_status_raises(content: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessageError, match="from 200 to 599"):
        messages.response_start({**START, **content})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, (b"", False)),
        ({"body": b"a"}, (b"a", False)),
        ({"body": bytearray(b"a"), "more_body": True}, (b"a", True)),
        ({"body": memoryview(b"a"), "more_body": None}, (b"a", False)),
    ],
)
def test_response_body(content: dict[str, Any], expected: tuple[bytes, bool]) -> None:
    assert messages.response_body({**BODY, **content}) == expected


@pytest.mark.parametrize("body", ["text", None, 7])
def test_g6_body_of_a_wrong_type_raises(body: object) -> None:
    with pytest.raises(InvalidMessageError, match="'body' as bytes"):
        messages.response_body({**BODY, "body": body})


@pytest.mark.parametrize("check", [messages.payload, messages.acceptance, messages.closure, messages.response_start])
def test_g6_extra_keys_are_allowed(check: Callable[[dict[str, Any]], object]) -> None:
    message = {"type": "any", "text": "a", "status": 200, "extra": object(), "sub": {"type": 1}}
    check(message)


def test_unexpected_names_what_came_and_what_should_have() -> None:
    error = messages.unexpected("websocket.foo", "'websocket.send'")
    assert str(error) == "the application sent 'websocket.foo' where 'websocket.send' was expected"
    assert isinstance(error, RuntimeError)
