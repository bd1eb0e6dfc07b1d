import pytest

from tests.codec.http_feeds import all_events, head, pieces_of
from wsserve.codec.events import EndOfStream
from wsserve.codec.http1 import Body, EndOfRequest, HttpEvent, Refusal, Request

POST = b"POST / HTTP/1.1"
CHUNKED = head(b"Transfer-Encoding: chunked", request_line=POST)
NEXT = head(request_line=b"GET /next HTTP/1.1")


def events_in_any_pieces(data: bytes) -> list[HttpEvent]:
    """Return the events, which must be the same for the whole, for single bytes and for every cut in two."""
    whole = all_events([data])
    assert all_events(pieces_of(data, range(len(data)))) == whole
    step = max(1, len(data) // 200)
    for cut in range(0, len(data), step):
        assert all_events([data[:cut], data[cut:]]) == whole
    return whole


def body_of(data: bytes) -> bytes:
    """Return the body of the first of two requests, both of which must be served."""
    events = events_in_any_pieces(data + NEXT)
    requests = [event for event in events if isinstance(event, Request)]
    assert [request.target for request in requests] == [b"/", b"/next"]
    assert events[-4:] == [EndOfRequest(), requests[1], EndOfRequest(), EndOfStream()]
    return b"".join(event.data for event in events if isinstance(event, Body))


def refused(data: bytes) -> bool:
    """Tell whether the body is refused with 400, and nothing is processed behind it."""
    *events, last = events_in_any_pieces(data + NEXT)
    assert len([event for event in events if isinstance(event, Request)]) == 1
    return isinstance(last, Refusal) and last.status == 400 and EndOfRequest() not in events


@pytest.mark.parametrize("length", [1, 5, 700])
def test_g15_a_body_with_content_length(length: int) -> None:
    body = b"GET / HTTP/1.1\r\n\r\n" * 50
    data = head(b"Content-Length: %d" % length, request_line=POST) + body[:length]
    assert body_of(data) == body[:length]


def test_g15_a_long_body_with_content_length() -> None:
    body = bytes(range(256)) * 400
    data = head(b"Content-Length: %d" % len(body), request_line=POST) + body + NEXT
    assert all_events([data])[1:3] == [Body(body), EndOfRequest()]
    assert all_events(pieces_of(data, range(0, len(data), 1000)))[1:3] == [Body(body), EndOfRequest()]


@pytest.mark.parametrize("lines", [[], [b"Content-Length: 0"], [b"Content-Length: 00"]])
def test_g15_no_body(lines: list[bytes]) -> None:
    assert body_of(head(*lines, request_line=POST)) == b""


def test_g15_equal_lengths_count_as_one() -> None:
    assert body_of(head(b"Content-Length: 2, 2", b"Content-Length: 2", request_line=POST) + b"ab") == b"ab"


@pytest.mark.parametrize(
    ("chunks", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5\r\nhello\r\n00a\r\n\r\n0\r\n\r\nGET\r\n000\r\n\r\n", b"hello\r\n0\r\n\r\nGET"),
        (b'1;a=b\r\nx\r\n1;\r\ny\r\n0;c="d\xe9\te"\r\n\r\n', b"xy"),
        (b"1;" + b"a" * 256 + b"\r\nx\r\n0\r\n\r\n", b"x"),
        (b"1\r\nx\r\n0\r\nTrailer: a\tb\r\nOther:\r\n\r\n", b"x"),
        (b"0\r\nX: " + b"a" * 1000 + b"\r\n\r\n", b""),
    ],
)
def test_g15_chunks(chunks: bytes, body: bytes) -> None:
    assert body_of(CHUNKED + chunks) == body


def test_g15_long_chunks() -> None:
    data = CHUNKED + b"".join(b"%x\r\n%b\r\n" % (length, b"a" * length) for length in (40000, 1, 16384, 70000, 0))
    events = all_events([data + NEXT])
    assert events[1:3] == [Body(b"a" * 126385), EndOfRequest()]
    assert all_events(pieces_of(data + NEXT, range(0, len(data), 1000))) == events


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(b"1\nx\r\n0\r\n\r\n", id="2025-22871 bare LF after a size"),
        pytest.param(b"1;a\nb\r\nx\r\n0\r\n\r\n", id="2024-52304 bare LF in an extension"),
        pytest.param(b"1;a\rb\r\nx\r\n0\r\n\r\n", id="CR in an extension"),
        pytest.param(b"1;a\x00b\r\nx\r\n0\r\n\r\n", id="NUL in an extension"),
        pytest.param(b"1;" + b"a" * 257 + b"\r\nx\r\n0\r\n\r\n", id="2026-42585 long extension"),
        pytest.param(b"1;" + b"a" * 20000 + b"\r\nx\r\n0\r\n\r\n", id="2026-42585 very long extension"),
        pytest.param(b"1;" + b"a" * 40000, id="2026-42585 extension without end"),
        pytest.param(b"1 \r\nx\r\n0\r\n\r\n", id="space after a size"),
        pytest.param(b"1\t;a\r\nx\r\n0\r\n\r\n", id="tab after a size"),
        pytest.param(b" 1\r\nx\r\n0\r\n\r\n", id="space before a size"),
        pytest.param(b"+1\r\nx\r\n0\r\n\r\n", id="sign"),
        pytest.param(b"-1\r\nx\r\n0\r\n\r\n", id="negative"),
        pytest.param(b"0x1\r\nx\r\n0\r\n\r\n", id="0x"),
        pytest.param(b"1_0\r\nx\r\n0\r\n\r\n", id="underscore"),
        pytest.param(b"\r\nx\r\n0\r\n\r\n", id="no size"),
        pytest.param(b";a\r\nx\r\n0\r\n\r\n", id="extension only"),
        pytest.param(b"00000000000000001\r\nx\r\n0\r\n\r\n", id="17 digits"),
        pytest.param(b"1\r\nxy\r\n0\r\n\r\n", id="2025-43859 more data than the size"),
        pytest.param(b"1\r\nxab0\r\n\r\n", id="2025-43859 no CR LF after the data"),
        pytest.param(b"1\r\nx\n0\r\n\r\n\r\n", id="2025-43859 bare LF after the data"),
        pytest.param(b"0\r\n\n", id="bare LF at the end"),
        pytest.param(b"0\r\nX: y\n\r\n", id="bare LF after a trailer"),
        pytest.param(b"0\r\nX: y\n\n", id="bare LFs after a trailer"),
        pytest.param(b"0\r\nX: y\r\n z\r\n\r\n", id="folded trailer"),
        pytest.param(b"0\r\nX : y\r\n\r\n", id="trailer with space before the colon"),
        pytest.param(b"0\r\nX: \x01\r\n\r\n", id="control character in a trailer"),
        pytest.param(b"0\r\nX\r\n\r\n", id="trailer without a colon"),
        pytest.param(b"0\r\nX: " + b"a" * 17000 + b"\r\n\r\n", id="long trailer"),
        pytest.param(b"0\r\n" + b"X: y\r\n" * 4000, id="trailers without end"),
    ],
)
def test_c_malformed_chunks_are_refused_with_400(chunks: bytes) -> None:
    assert refused(CHUNKED + chunks)


@pytest.mark.parametrize("extra", [0, 1])
def test_trailers_may_have_16_kib(extra: int) -> None:
    start = b"0\r\nX: "
    trailers = start + b"a" * (16384 - len(start) - 4 + extra) + b"\r\n\r\n"
    events = all_events([CHUNKED + trailers])
    assert all_events(pieces_of(CHUNKED + trailers, range(len(CHUNKED + trailers)))) == events
    assert (EndOfRequest() in events) == (not extra)


def test_c_2023_43669_tiny_chunks_in_tiny_pieces_hold_nothing_back() -> None:
    chunks = b"1\r\nx\r\n" * 1000
    assert all_events(pieces_of(CHUNKED + chunks + b"0\r\n\r\n", range(10000)))[1:3] == [
        Body(b"x" * 1000),
        EndOfRequest(),
    ]
