"""What h11 gets to see of a request's head, and what it says to upgrades."""

import h11
import pytest

from wsserve.codec import framing
from wsserve.codec.framing import begin_request, framing_of, is_upgrade_to_h11
from wsserve.codec.head import Head
from wsserve.codec.header_fields import group_fields

UPGRADE = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Collect what h11 is asked, with nothing remembered from before."""
    heads: list[bytes] = []

    def begin(head: bytes) -> h11.Connection:
        heads.append(head)
        return begin_request(head)

    monkeypatch.setattr(framing, "begin_request", begin)
    framing._ask_once.cache_clear()
    return heads


def test_h11_gets_the_fields_that_it_decides_on_and_no_others() -> None:
    headers = [(b"cookie", b"x"), (b"content-length", b"1"), (b"host", b"a"), (b"content-length", b"1")]
    head = Head("POST", b"/secret", "1.0", headers, group_fields(headers))
    assert framing_of(head) == b"POST / HTTP/1.0\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n"


def test_a_request_begins_in_h11() -> None:
    http = begin_request(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n")
    assert http.their_state is h11.SEND_BODY


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [
        (b"", True),
        (b"content-length: 0\r\n", True),
        (b"content-length: 1\r\n", False),
        (b"content-length: ,\r\n", False),
        (b"transfer-encoding: chunked\r\n", False),
        (b"transfer-encoding: gzip\r\n", False),
        (b"host: b\r\n", False),
    ],
)
def test_h11_decides_on_an_upgrade(fields: bytes, accepted: bool) -> None:
    for _ in range(2):
        assert is_upgrade_to_h11(UPGRADE + fields + b"\r\n") is accepted


def test_a_request_without_an_upgrade_is_none() -> None:
    assert not is_upgrade_to_h11(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")


def test_h11_is_asked_once_about_the_same_head(asked: list[bytes]) -> None:
    one, other = UPGRADE + b"\r\n", UPGRADE + b"content-length: ,\r\n\r\n"
    answers = [is_upgrade_to_h11(head) for head in (one, other, one, other)]
    assert answers == [True, False, True, False]
    assert asked == [one, other]


def test_long_heads_are_not_remembered(asked: list[bytes]) -> None:
    long = UPGRADE.replace(b"host: a", b"host: " + b"a" * 200) + b"\r\n"
    assert is_upgrade_to_h11(long)
    assert is_upgrade_to_h11(long)
    assert asked == [long, long]
    assert framing._ask_once.cache_info().currsize == 0
