from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.codec.http_feeds import KEY, Feed, all_events, each_feed, head, pieces_of, upgrade
from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.events import EndOfStream
from wsserve.codec.handshake import Handshake
from wsserve.codec.http1 import Body, EndOfRequest, HeadLimits, Http1Codec, Refusal, Request

POST = b"POST / HTTP/1.1"


def codec_after(data: bytes, *, eof: bool = False) -> tuple[Http1Codec, Request]:
    """Return a codec that has got `data` and has given its first event, a request."""
    codec = Http1Codec()
    codec.receive_data(data)
    if eof:
        codec.receive_eof()
    request = codec.next_event()
    assert isinstance(request, Request), request
    return codec, request


def finish(codec: Http1Codec) -> None:
    """Read the request up to its end and answer it."""
    while isinstance(codec.next_event(), Body):
        pass
    codec.respond(204, [])
    codec.end()


# Requests


@each_feed
def test_g15_a_plain_request(feed: Feed) -> None:
    request = feed.request(head(b"Accept: */*", request_line=b"OPTIONS /a?b HTTP/1.1"))
    assert request == Request(
        method="OPTIONS",
        target=b"/a?b",
        http_version="1.1",
        headers=[(b"host", b"example.com"), (b"accept", b"*/*")],
        handshake=None,
        expects_continue=False,
    )


@each_feed
def test_g15_there_is_an_end_behind_each_request(feed: Feed) -> None:
    for data in (head(), upgrade()):
        _, codec = feed.first_event(data)
        assert codec.next_event() == EndOfRequest()
        assert codec.next_event() is None


@each_feed
@pytest.mark.parametrize(
    "lengths",
    [[b""], [b"-1"], [b"+1"], [b"x"], [b"1_0"], [b"0x1"], [b"1 2"], [b"1, 2"], [b"1,"], [b"1", b"2"], [b"9" * 21]],
)
def test_a_malformed_content_length_is_refused_with_400(feed: Feed, lengths: list[bytes]) -> None:
    lines = [b"Content-Length: " + length for length in lengths]
    assert feed.refusal(head(*lines, request_line=POST)).status == 400


@each_feed
@pytest.mark.parametrize(
    "codings",
    [
        [b""],
        [b"gzip"],
        [b"gzip, chunked"],
        [b"chunked, chunked"],
        [b"chunked", b"chunked"],
        [b"identity"],
        [b"xchunked"],
        [b"chunked;a=b"],
        [b'"chunked"'],
        [b"chunked,"],
    ],
)
def test_other_transfer_codings_are_refused_with_501(feed: Feed, codings: list[bytes]) -> None:
    lines = [b"Transfer-Encoding: " + coding for coding in codings]
    assert feed.refusal(head(*lines, request_line=POST)).status == 501


@each_feed
def test_transfer_encoding_beside_content_length_or_in_http_1_0_is_refused_with_400(feed: Feed) -> None:
    chunked = b"Transfer-Encoding: chunked"
    assert feed.refusal(head(b"Content-Length: 5", chunked, request_line=POST)).status == 400
    assert feed.refusal(head(chunked, b"Content-Length: 0", request_line=POST)).status == 400
    assert feed.refusal(head(chunked, request_line=b"POST / HTTP/1.0")).status == 400


@each_feed
@pytest.mark.parametrize("target", [b"example.com:443", b"/"])
def test_connect_is_refused_with_501(feed: Feed, target: bytes) -> None:
    assert feed.refusal(head(request_line=b"CONNECT " + target + b" HTTP/1.1")).status == 501


# Expect: 100-continue


@pytest.mark.parametrize(
    ("data", "expects"),
    [
        (head(b"Expect: 100-continue", b"Content-Length: 5", request_line=POST), True),
        (head(b"expect: 100-Continue", b"Transfer-Encoding: chunked", request_line=POST), True),
        (head(b"Content-Length: 5", request_line=POST), False),
        (head(b"Expect: 100-continue", request_line=POST), False),
        (head(b"Expect: 100-continue", b"Content-Length: 0", request_line=POST), False),
        (head(b"Expect: 100-continue", b"Content-Length: 5", request_line=b"POST / HTTP/1.0"), False),
        (upgrade(b"Expect: 100-continue"), False),
    ],
)
def test_g15_expect_100_continue(data: bytes, expects: bool) -> None:
    assert codec_after(data)[1].expects_continue is expects


def test_g15_the_connection_is_kept_after_a_continue() -> None:
    codec, _ = codec_after(head(b"Expect: 100-continue", b"Content-Length: 5", request_line=POST))
    assert codec.send_continue() == b"HTTP/1.1 100 Continue\r\n\r\n"
    codec.receive_data(b"hello")
    assert codec.next_event() == Body(b"hello")
    finish(codec)
    assert not codec.must_close


def test_g15_the_connection_is_not_kept_after_a_final_answer_to_a_client_that_waits() -> None:
    codec, _ = codec_after(head(b"Expect: 100-continue", b"Content-Length: 5", request_line=POST))
    assert b"\r\nconnection: close\r\n" in codec.respond(413, [(b"content-length", b"0")]).lower()
    assert codec.must_close


def test_a_continue_can_only_be_sent_to_a_client_of_http_1_1_that_waits_for_an_answer() -> None:
    with pytest.raises(LocalProtocolError, match="no request"):
        Http1Codec().send_continue()
    codec, _ = codec_after(head(request_line=b"GET / HTTP/1.0"))
    with pytest.raises(LocalProtocolError, match=r"HTTP/1\.0"):
        codec.send_continue()
    codec, _ = codec_after(head())
    codec.respond(200, [])
    with pytest.raises(LocalProtocolError, match="begun"):
        codec.send_continue()


# Responses


def test_g15_a_response_with_content_length() -> None:
    codec, _ = codec_after(head())
    assert codec.respond(200, [(b"Content-Length", b"5"), (b"x", b" y\xff ")]) == (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\xff\r\n\r\n"
    )
    assert codec.body(b"hel") + codec.body(b"") + codec.body(b"lo") + codec.end() == b"hello"
    assert not codec.must_close


def test_g15_a_response_in_chunks() -> None:
    codec, _ = codec_after(head())
    assert codec.respond(299, []) == b"HTTP/1.1 299 \r\nTransfer-Encoding: chunked\r\n\r\n"
    assert codec.body(b"hello") == b"5\r\nhello\r\n"
    assert codec.body(b"") == b""
    assert codec.end() == b"0\r\n\r\n"


def test_g15_http_1_0_gets_neither_chunks_nor_a_connection_that_stays() -> None:
    codec, _ = codec_after(head(b"Connection: keep-alive", request_line=b"GET / HTTP/1.0"))
    assert codec.respond(200, []) == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    assert codec.body(b"hello") + codec.end() == b"hello"
    assert codec.must_close


@pytest.mark.parametrize(
    ("request_line", "status", "headers", "expected"),
    [
        (b"HEAD / HTTP/1.1", 200, [(b"content-length", b"5")], b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        (b"GET / HTTP/1.1", 204, [(b"content-length", b"0")], b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET / HTTP/1.1", 304, [(b"etag", b'"a"')], b'HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n'),
    ],
)
def test_g15_where_there_must_be_no_body_none_goes_out(
    request_line: bytes, status: int, headers: list[tuple[bytes, bytes]], expected: bytes
) -> None:
    codec, _ = codec_after(head(request_line=request_line))
    assert codec.next_event() == EndOfRequest()
    assert codec.respond(status, headers) + codec.body(b"hello") + codec.end() == expected
    codec.next_request()


def test_transfer_encoding_is_the_servers() -> None:
    codec, _ = codec_after(head())
    headers = [(b"Transfer-Encoding", b"gzip"), (b"content-length", b"1")]
    assert codec.respond(200, headers) == b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"Connection: keep-alive, CLOSE", None),
        (b"A: b", (b"Connection", b"Close")),
        (b"Connection: close", (b"connection", b"keep-alive")),
    ],
)
def test_g15_either_side_can_ask_for_the_connection_to_close(line: bytes, header: tuple[bytes, bytes] | None) -> None:
    codec, _ = codec_after(head(line))
    headers = [(b"content-length", b"0"), *([header] if header else [])]
    response = codec.respond(200, headers)
    assert response.lower() == b"http/1.1 200 ok\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    codec.end()
    assert codec.must_close


@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 600, 1000, -200, "200", None, 200.5])
def test_the_status_of_a_final_response_is_200_to_599(status: int) -> None:
    codec, _ = codec_after(head())
    with pytest.raises(LocalProtocolError, match="final response"):
        codec.respond(status, [])
    assert codec.respond(200, [])


@pytest.mark.parametrize(
    "header",
    [(b"a b", b"c"), (b"a", b"b\r\nc: d"), (b"a", b"\x00"), (b"content-length", b"x"), (b"content-length", b"1, 2")],
)
def test_u17_after_a_faulty_response_another_one_can_be_sent(header: tuple[bytes, bytes]) -> None:
    codec, _ = codec_after(head())
    with pytest.raises(LocalProtocolError):
        codec.respond(200, [header])
    assert codec.next_event() == EndOfRequest()
    codec.respond(200, [(b"content-length", b"0")])
    codec.end()
    codec.next_request()


def test_a_body_that_is_not_as_long_as_its_content_length_raises() -> None:
    for data in (b"hell", b"hello!"):
        codec, _ = codec_after(head())
        codec.respond(200, [(b"content-length", b"5")])
        with pytest.raises(LocalProtocolError, match="Content-Length"):
            codec.body(data) + codec.end()
        assert codec.must_close
        # Nothing of it may have been put on the wire.
        assert codec.refuse(Refusal(500, "failed")).startswith(b"HTTP/1.1 500 ")


def test_a_response_out_of_order_raises() -> None:
    codec = Http1Codec()
    with pytest.raises(LocalProtocolError, match="no request"):
        codec.respond(200, [])
    codec, _ = codec_after(head())
    calls: list[Callable[[], bytes]] = [lambda: codec.body(b"a"), codec.end]
    for call in calls:
        with pytest.raises(LocalProtocolError, match="no response in progress"):
            call()
    codec.respond(200, [])
    with pytest.raises(LocalProtocolError, match="begun"):
        codec.respond(200, [])
    codec.end()
    for call in calls:
        with pytest.raises(LocalProtocolError, match="no response in progress"):
            call()


# Refusals


def test_a_refusal_is_rendered_before_any_request() -> None:
    codec = Http1Codec()
    codec.receive_data(b"GET / HT")
    assert codec.refuse(Refusal(408, "too slow")).startswith(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n")
    assert codec.must_close
    assert codec.buffered == 0
    codec.receive_data(b"TP/1.1\r\nHost: a\r\n\r\n")
    codec.receive_eof()
    assert codec.buffered == 0
    assert codec.next_event() is None


@pytest.mark.parametrize("line", [b"HEAD / HTTP/1.1", b"HEAD /#a HTTP/1.1"])
def test_a_refusal_of_head_has_no_body(line: bytes) -> None:
    codec = Http1Codec()
    codec.receive_data(head(request_line=line))
    codec.next_event()
    response = codec.refuse(Refusal(400, "bad"))
    assert b"\r\nContent-Length: 3\r\n" in response
    assert response.endswith(b"\r\n\r\n")


def test_a_refusal_in_mid_body() -> None:
    codec, _ = codec_after(head(b"Transfer-Encoding: chunked", request_line=POST) + b"1\r\nx\r\nXYZ")
    assert codec.next_event() == Body(b"x")
    codec.receive_data(b"\r\n")
    refusal = codec.next_event()
    assert isinstance(refusal, Refusal)
    assert codec.refuse(refusal).startswith(b"HTTP/1.1 400 ")


def test_a_body_can_be_refused_when_the_response_has_begun() -> None:
    codec, _ = codec_after(head(b"Transfer-Encoding: chunked", request_line=POST) + b"XYZ\r\n")
    codec.respond(200, [(b"content-length", b"2")])
    assert isinstance(codec.next_event(), Refusal)
    assert codec.must_close
    assert codec.body(b"ok") + codec.end() == b"ok"


# Keep-alive and pipelining


def test_g15_pipelined_requests_come_one_at_a_time() -> None:
    codec, request = codec_after(
        head(request_line=b"GET /1 HTTP/1.1")
        + head(b"Content-Length: 5", request_line=b"POST /2 HTTP/1.1")
        + b"hello"
        + head(b"Transfer-Encoding: chunked", request_line=b"POST /3 HTTP/1.1")
        + b"5\r\nworld\r\n0\r\n\r\n"
        + b"\r\n"
        + upgrade(request_line=b"GET /4 HTTP/1.1")
        + b"\x81\x80"
    )
    assert request.target == b"/1"
    assert codec.next_event() == EndOfRequest()
    bodies = []
    for target in (b"/2", b"/3", b"/4"):
        assert codec.next_event() is None
        codec.respond(200, [])
        assert codec.next_event() is None
        codec.end()
        assert codec.next_event() is None
        codec.next_request()
        following = codec.next_event()
        assert isinstance(following, Request)
        assert following.target == target
        request = following
        while isinstance(event := codec.next_event(), Body):
            bodies.append(event.data)
        assert event == EndOfRequest()
    assert bodies == [b"hello", b"world"]
    assert request.handshake
    codec.switch_protocols(request.handshake, None, None, [])
    assert codec.take_trailing_data() == b"\x81\x80"


def test_u15_and_c_2026_100658_100000_pipelined_requests_are_not_processed_unasked() -> None:
    one = head()
    codec, _ = codec_after(one * 100_000)
    assert codec.next_event() == EndOfRequest()
    assert codec.next_event() is None
    assert codec.buffered == len(one) * 99_999


@pytest.mark.parametrize("lines", [[], [b"Transfer-Encoding: chunked"]])
def test_u15_many_pipelined_requests_take_linear_time(lines: list[bytes]) -> None:
    data = head(*lines, request_line=POST) + (b"1\r\nx\r\n0\r\n\r\n" if lines else b"")
    codec = Http1Codec()
    codec.receive_data(data * 2000)
    for _ in range(2000):
        assert isinstance(codec.next_event(), Request)
        finish(codec)
        codec.next_request()
    assert codec.buffered == 0
    assert codec.next_event() is None


def test_u15_nothing_behind_a_refused_upgrade_is_processed() -> None:
    codec = Http1Codec()
    codec.receive_data(upgrade(b"Content-Length: 38") + head() + head())
    assert isinstance(codec.next_event(), Refusal)
    codec.receive_data(head())
    assert codec.next_event() is None
    assert codec.buffered == 0


def test_u15_nothing_behind_an_upgrade_that_is_denied_is_processed() -> None:
    codec, _ = codec_after(upgrade() + head())
    assert codec.next_event() == EndOfRequest()
    response = codec.respond(403, [(b"content-length", b"0"), (b"connection", b"keep-alive")])
    assert response == b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nConnection: close\r\n\r\n"
    codec.end()
    assert codec.must_close
    with pytest.raises(LocalProtocolError, match="no next request"):
        codec.next_request()
    assert codec.next_event() is None


def test_an_upgrade_to_something_else_is_a_plain_request_and_the_connection_stays() -> None:
    codec, request = codec_after(head(b"Connection: Upgrade", b"Upgrade: h2c") + head())
    assert request.handshake is None
    finish(codec)
    codec.next_request()
    assert isinstance(codec.next_event(), Request)


def test_there_is_no_next_request_before_request_and_response_are_complete() -> None:
    codec, _ = codec_after(head(b"Content-Length: 5", request_line=POST))
    codec.respond(204, [])
    codec.end()
    with pytest.raises(LocalProtocolError, match="no next request"):
        codec.next_request()
    codec.receive_data(b"hello")
    assert [codec.next_event(), codec.next_event()] == [Body(b"hello"), EndOfRequest()]
    codec.next_request()
    codec.receive_data(head())
    codec.next_event()
    codec.next_event()
    with pytest.raises(LocalProtocolError, match="no next request"):
        codec.next_request()


# End of file


def test_a_new_connection_need_not_close() -> None:
    assert not Http1Codec().must_close


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r", b"G", head()[:-1]])
def test_the_end_between_requests_or_in_a_head(data: bytes) -> None:
    codec = Http1Codec()
    codec.receive_data(data)
    assert codec.next_event() is None
    codec.receive_eof()
    assert codec.next_event() == EndOfStream()
    assert codec.next_event() is None
    assert codec.must_close
    assert codec.buffered == 0


@pytest.mark.parametrize(
    "data",
    [
        head(b"Content-Length: 5", request_line=POST) + b"hell",
        head(b"Transfer-Encoding: chunked", request_line=POST) + b"5\r\nhell",
        head(b"Transfer-Encoding: chunked", request_line=POST) + b"4\r\nhell\r\n0\r\n",
    ],
)
def test_the_end_in_a_body(data: bytes) -> None:
    codec, _ = codec_after(data, eof=True)
    assert [codec.next_event(), codec.next_event(), codec.next_event()] == [Body(b"hell"), EndOfStream(), None]
    # A client that has only closed its half still gets an answer.
    assert b"\r\nConnection: close\r\n" in codec.respond(400, [])
    assert codec.must_close


def test_g15_the_end_behind_a_request_is_told_while_its_response_is_awaited() -> None:
    codec, _ = codec_after(head())
    assert codec.next_event() == EndOfRequest()
    assert codec.next_event() is None
    codec.receive_eof()
    assert [codec.next_event(), codec.next_event()] == [EndOfStream(), None]
    assert b"\r\nConnection: close\r\n" in codec.respond(200, [])


def test_the_end_behind_pipelined_requests_comes_after_them() -> None:
    codec, _ = codec_after(head() + head(), eof=True)
    assert [codec.next_event(), codec.next_event()] == [EndOfRequest(), None]
    codec.respond(204, [])
    codec.end()
    assert not codec.must_close
    codec.next_request()
    assert isinstance(codec.next_event(), Request)
    assert [codec.next_event(), codec.next_event()] == [EndOfRequest(), EndOfStream()]


# Upgrades


@pytest.mark.parametrize("pulled", [False, True])
def test_u14_bytes_behind_the_head_are_held_for_the_frame_codec(pulled: bool) -> None:
    codec, request = codec_after(upgrade(b"Sec-WebSocket-Protocol: a, b") + b"\x81\x80")
    assert request.handshake == Handshake(KEY, ("a", "b"))
    if pulled:
        assert [codec.next_event(), codec.next_event()] == [EndOfRequest(), None]
    codec.receive_data(b"more")
    assert codec.buffered == 6
    response = codec.switch_protocols(request.handshake, "b", None, [(b"date", b"now")])
    assert response.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nSec-WebSocket-Protocol: b\r\ndate: now\r\n" in response
    assert codec.must_close
    assert codec.next_event() is None
    codec.receive_data(b"!")
    assert codec.take_trailing_data() == b"\x81\x80more!"
    assert codec.take_trailing_data() == b""


def test_u14_the_end_behind_early_frames_does_not_drop_them() -> None:
    codec, request = codec_after(upgrade() + b"\x81\x80", eof=True)
    assert [codec.next_event(), codec.next_event()] == [EndOfRequest(), None]
    assert request.handshake
    codec.switch_protocols(request.handshake, None, None, [])
    assert codec.next_event() is None
    assert codec.take_trailing_data() == b"\x81\x80"


def test_trailing_data_is_not_given_before_the_switch() -> None:
    codec, _ = codec_after(upgrade() + b"\x81\x80")
    with pytest.raises(LocalProtocolError, match="before the switch"):
        codec.take_trailing_data()


@pytest.mark.parametrize(
    ("subprotocol", "extensions", "headers"),
    [
        ("b\r\nX: y", None, []),
        ("c", None, []),
        (None, b"x-other", []),
        (None, b"a\r\nb", []),
        (None, None, [(b"a", b"b\r\nc: d")]),
        (None, None, [(b"Upgrade", b"websocket")]),
    ],
)
def test_u17_a_faulty_acceptance_raises_and_leaves_all_as_it_was(
    subprotocol: str | None, extensions: bytes | None, headers: list[tuple[bytes, bytes]]
) -> None:
    codec, request = codec_after(upgrade(b"Sec-WebSocket-Protocol: b", b"Sec-WebSocket-Extensions: a"))
    assert request.handshake
    with pytest.raises(LocalProtocolError):
        codec.switch_protocols(request.handshake, subprotocol, extensions, headers)
    assert codec.switch_protocols(request.handshake, "b", b"a", [])
    codec, request = codec_after(upgrade())
    assert codec.refuse(Refusal(500, "the application failed")).startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


def test_r3_what_the_application_adds_to_the_headers_is_no_offer() -> None:
    codec, request = codec_after(upgrade())
    request.headers.append((b"sec-websocket-extensions", b"permessage-deflate"))
    assert request.handshake
    with pytest.raises(LocalProtocolError, match="not among"):
        codec.switch_protocols(request.handshake, None, b"permessage-deflate", [])


def test_only_the_handshake_that_waits_can_be_accepted_and_only_once() -> None:
    codec, request = codec_after(upgrade())
    assert request.handshake
    with pytest.raises(LocalProtocolError, match="not the one"):
        codec.switch_protocols(Handshake(KEY, ("a",)), None, None, [])
    codec.switch_protocols(request.handshake, None, None, [])
    with pytest.raises(LocalProtocolError, match="begun"):
        codec.switch_protocols(request.handshake, None, None, [])
    with pytest.raises(LocalProtocolError, match="no request"):
        Http1Codec().switch_protocols(request.handshake, None, None, [])
    codec, _ = codec_after(head())
    with pytest.raises(LocalProtocolError, match="not the one"):
        codec.switch_protocols(request.handshake, None, None, [])


# Whatever comes

LIMITS = HeadLimits(max_target=20, max_head=300, max_headers=8)

FRAGMENTS = st.sampled_from(
    [
        *(bytes([byte]) for byte in b"\x00\r\n \t:a5\x7f\x85\xff"),
        b"\r\n",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n",
        b"HEAD /a HTTP/1.0\r\n",
        b"POST http://a/ HTTP/1.1\r\n",
        b"Host: a\r\n",
        b"A: " + b"b" * 30 + b"\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n",
        b"3\r\nabc\r\n",
        b"2;x=y\r\nab",
        b"0\r\n\r\n",
        b"0\r\nA: b\r\n",
        b"\x81\x80\x00\x00\x00\x00",
        head(),
        head(b"Content-Length: 3", request_line=POST),
        head(b"Transfer-Encoding: chunked", request_line=POST),
        upgrade(),
    ]
)
INPUT = st.one_of(st.binary(max_size=400), st.lists(FRAGMENTS, max_size=30).map(b"".join))
CUTS = st.sets(st.integers(0, 400), max_size=10)


@given(INPUT, CUTS)
def test_c_a19_whatever_comes_gives_the_same_events_in_any_pieces(data: bytes, cuts: set[int]) -> None:
    whole = all_events([data], LIMITS)
    assert all_events(pieces_of(data, (cut for cut in cuts if cut < len(data))), LIMITS) == whole
    assert all_events(pieces_of(data, range(len(data))), LIMITS) == whole


@given(st.binary(max_size=200), st.sampled_from([head(), upgrade()]), st.integers(0, 200))
def test_c_a19_random_bytes_in_a_head_end_in_an_event_or_none(noise: bytes, around: bytes, at: int) -> None:
    data = around[:at] + noise + around[at:]
    assert all_events([data]) == all_events(pieces_of(data, range(len(data))))
