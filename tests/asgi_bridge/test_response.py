"""A response on the wire, and the faults that keep it off."""

from typing import Any

import pytest

from tests.asgi_bridge.exchanges import parse
from tests.asgi_bridge.memory import MemoryTransport
from tests.codec.http_feeds import head, upgrade
from wsserve.asgi_bridge.messages import HeaderList, InvalidMessageError
from wsserve.asgi_bridge.response import Response, with_defaults
from wsserve.codec.errors import LocalProtocolError


def server_header() -> HeaderList:
    return [(b"server", b"wsserve")]


class Answer:
    """A response to a request, and what is on the wire of it."""

    def __init__(self, request_head: bytes | None = None) -> None:
        http, request = parse(head() if request_head is None else request_head)
        self.transport = MemoryTransport(1000)
        self.statuses: list[int] = []
        self.response = Response(
            http, self.transport, server_header, self.statuses.append, head_only=request.method == "HEAD"
        )

    def start(self, status: int = 200, **content: Any) -> None:
        self.response.start({"type": "http.response.start", "status": status, **content})

    def body(self, body: bytes = b"", more_body: bool = False) -> int:
        return self.response.body({"type": "http.response.body", "body": body, "more_body": more_body})

    @property
    def lines(self) -> list[str]:
        return self.transport.sent.decode("latin-1").lower().split("\r\n")


def test_a_whole_response_gets_a_content_length_and_one_write() -> None:
    answer = Answer()
    answer.start(headers=[(b"x-a", b"1")])
    assert answer.transport.writes == []
    assert answer.statuses == []
    size = answer.body(b"hello")
    assert answer.lines == ["http/1.1 200 ok", "server: wsserve", "x-a: 1", "content-length: 5", "", "hello"]
    assert len(answer.transport.writes) == 1
    assert size == len(answer.transport.sent)
    assert answer.response.begun
    assert answer.response.complete
    assert answer.statuses == [200]


def test_a_streamed_response_is_chunked() -> None:
    answer = Answer()
    answer.start(201)
    answer.body(b"", more_body=True)
    answer.body(b"one", more_body=True)
    assert [more for _, more in answer.transport.writes] == [True, False], "a head alone is about to be followed"
    answer.body(b"two")
    assert answer.lines == [
        "http/1.1 201 created",
        "server: wsserve",
        "transfer-encoding: chunked",
        "",
        *("3", "one", "3", "two", "0", "", ""),
    ]
    assert answer.response.complete
    assert answer.statuses == [201]


def test_a_response_with_a_content_length_of_its_own_keeps_it() -> None:
    answer = Answer()
    answer.start(headers=[(b"Content-Length", b"4")])
    answer.body(b"abcd")
    assert [line for line in answer.lines if "length" in line] == ["content-length: 4"]


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_has_none(status: int) -> None:
    answer = Answer()
    answer.start(status)
    answer.body(b"not to be sent")
    assert answer.lines[1:] == ["server: wsserve", "", ""]


def test_the_answer_to_head_has_no_body() -> None:
    answer = Answer(head(request_line=b"HEAD / HTTP/1.1"))
    answer.start(headers=[(b"content-length", b"5")])
    answer.body(b"hel", more_body=True)
    assert answer.body(b"lo") == 0
    assert answer.lines[1:] == ["server: wsserve", "content-length: 5", "", ""]
    assert len(answer.transport.writes) == 1
    assert answer.response.complete


def test_a_denied_handshake_closes() -> None:
    answer = Answer(upgrade())
    answer.start(401, headers=[(b"connection", b"keep-alive")])
    answer.body(b"who are you?")
    assert [line for line in answer.lines if line.startswith("connection")] == ["connection: close"]


@pytest.mark.parametrize("name", [b"server", b"Server", b"SERVER"])
def test_r3_a_header_of_the_application_replaces_the_default_one(name: bytes) -> None:
    assert with_defaults(server_header, [(name, b"mine")]) == [(name, b"mine")]


def test_g6_body_before_start_and_after_the_end_raises() -> None:
    answer = Answer()
    with pytest.raises(InvalidMessageError, match="a response start message was expected"):
        answer.body()
    answer.start()
    answer.body()
    with pytest.raises(InvalidMessageError, match="nothing was expected"):
        answer.body()


def test_g6_two_starts_raise() -> None:
    answer = Answer()
    answer.start()
    with pytest.raises(InvalidMessageError, match="a response body message was expected"):
        answer.start()


def test_g6_a_faulty_start_can_be_followed_by_a_good_one() -> None:
    answer = Answer()
    with pytest.raises(InvalidMessageError):
        answer.start(99)
    answer.start(200)
    answer.body()
    assert answer.lines[0] == "http/1.1 200 ok"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([(b"x", b"a\r\nb: c")], b""),
        ([(b"x y", b"a")], b""),
        ([(b"x", b"\x00")], b""),
        ([(b"content-length", b"3")], b"four"),
        ([(b"content-length", b"5")], b"four"),
        ([(b"content-length", b"-1")], b"four"),
    ],
)
def test_u17_faulty_headers_raise_and_nothing_is_on_the_wire(headers: HeaderList, body: bytes) -> None:
    answer = Answer()
    answer.start(headers=headers)
    with pytest.raises(LocalProtocolError):
        answer.body(body)
    assert answer.transport.writes == []
    assert not answer.response.begun
    assert not answer.response.complete
    assert answer.statuses == []


def test_a_body_beyond_its_length_raises_and_is_not_on_the_wire() -> None:
    answer = Answer()
    answer.start(headers=[(b"content-length", b"5")])
    answer.body(b"abc", more_body=True)
    with pytest.raises(LocalProtocolError):
        answer.body(b"def")
    assert answer.lines[-1] == "abc"
    assert not answer.response.complete
