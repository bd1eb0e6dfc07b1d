import re
from typing import Any

import pytest

import wsserve.codec.head as head_module
from tests.codec.http_feeds import Feed, each_feed, head, upgrade
from wsserve.codec.head import MAX_EMPTY_LINES, Head, HeadLimits, HeadReader
from wsserve.codec.http1 import Refusal


def read(data: bytes, limits: HeadLimits | None = None) -> Head | Refusal | None:
    return HeadReader(limits or HeadLimits()).read(bytearray(data))


# Request lines


@each_feed
@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET / b HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET / http/1.1",
        b"GET / HTTP/1",
        b"GET / HTTP/11",
        b"GET / HTTP/1.10",
        b"GET / HTTP/1,1",
        b"G(T / HTTP/1.1",
        b"G\xc3\x89T / HTTP/1.1",
        b"GET /\xc3\xa9 HTTP/1.1",
        b"HTTP/1.1 200 OK",
        b"SSH-2.0-OpenSSH_9.6",
    ],
)
def test_a_malformed_request_line_is_refused_with_400(feed: Feed, line: bytes) -> None:
    assert feed.refusal(b"\r\n" * MAX_EMPTY_LINES + head(request_line=line)).status == 400


def test_u12_a_malformed_request_line_is_refused_as_soon_as_it_ends() -> None:
    refusal = read(b"SSH-2.0-OpenSSH_9.6\r\n")
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400


@each_feed
@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"2.0", b"3.0", b"9.9"])
def test_u2_other_versions_are_refused_with_505(feed: Feed, version: bytes) -> None:
    line = b"GET /chat HTTP/" + version
    assert feed.refusal(upgrade(request_line=line)).status == 505
    assert feed.refusal(head(request_line=line)).status == 505


@each_feed
def test_u2_the_preface_of_http_2_is_refused_with_505(feed: Feed) -> None:
    assert feed.refusal(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 505


@each_feed
def test_u2_plain_http_1_0_is_served(feed: Feed) -> None:
    request = feed.request(head(request_line=b"GET / HTTP/1.0", host=None))
    assert (request.http_version, request.headers) == ("1.0", [])


@each_feed
@pytest.mark.parametrize("count", range(MAX_EMPTY_LINES + 2))
def test_a_few_empty_lines_ahead_of_a_request_are_ignored(feed: Feed, count: int) -> None:
    event, _ = feed.first_event(b"\r\n" * count + upgrade())
    assert isinstance(event, Refusal) == (count > MAX_EMPTY_LINES)


@each_feed
@pytest.mark.parametrize("start", [b"\n", b"\r", b"\r\r\n", b"\r\n\n", b" \r\n"])
def test_u4_other_empty_lines_are_refused_with_400(feed: Feed, start: bytes) -> None:
    assert feed.refusal(start + upgrade()).status == 400


# Limits


@each_feed
@pytest.mark.parametrize("method", [b"GET", b"BASELINE-CONTROL"])
def test_u6_a_target_over_the_limit_is_refused_with_414(feed: Feed, method: bytes) -> None:
    longest = b"/" + b"a" * 8191
    assert feed.request(head(request_line=method + b" " + longest + b" HTTP/1.1")).target == longest
    assert feed.refusal(head(request_line=method + b" " + longest + b"a HTTP/1.1")).status == 414


def test_u6_a_target_over_the_limit_is_refused_before_it_ends() -> None:
    longest = 8192 + 64
    assert read(b"A" * longest + b"\r") is None
    refusal = read(b"A" * (longest + 2))
    assert isinstance(refusal, Refusal)
    assert refusal.status == 414


@pytest.mark.parametrize("extra", [-1, 0, 1, 2])
def test_u6_a_request_line_that_is_too_long_is_refused_alike_in_any_pieces(extra: int) -> None:
    data = head(request_line=b"A" * (8192 + 64 + extra))
    assert Feed("whole").refusal(data) == Feed("byte by byte").refusal(data)
    assert Feed("whole").refusal(data).status == (414 if extra > 0 else 400)


@each_feed
@pytest.mark.parametrize("limits", [HeadLimits(), HeadLimits(max_headers=1), HeadLimits(max_headers=2000)])
def test_u7_too_many_headers_are_refused_with_431(feed: Feed, limits: HeadLimits) -> None:
    most = [b"A: b"] * (limits.max_headers - 1)
    assert len(feed.request(head(*most), limits).headers) == limits.max_headers
    assert feed.refusal(head(*most, b"A: b"), limits).status == 431


def test_u7_too_many_headers_are_refused_before_the_head_is_complete() -> None:
    refusal = read(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 129)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 431
    assert read(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 128 + b"\r") is None


@each_feed
def test_c_2024_37890_two_thousand_headers_are_refused_with_431(feed: Feed) -> None:
    assert feed.refusal(upgrade(*[b"A: b"] * 2000)).status == 431


@each_feed
def test_u7_a_head_over_the_limit_is_refused_with_431(feed: Feed) -> None:
    padding = b"X: " + b"a" * (16384 - len(upgrade(b"X: ")))
    assert len(upgrade(padding)) == 16384
    assert feed.request(upgrade(padding)).handshake
    assert feed.refusal(upgrade(padding + b"a")).status == 431


@each_feed
def test_u7_a_head_over_the_limit_is_refused_before_it_is_complete(feed: Feed) -> None:
    start = b"GET / HTTP/1.1\r\nX: "
    assert read(start + b"a" * (16383 - len(start))) is None
    assert feed.refusal(start + b"a" * (16384 - len(start))).status == 431


@each_feed
def test_u7_the_limit_holds_for_the_request_line_too(feed: Feed) -> None:
    assert feed.refusal(head(), HeadLimits(max_head=10)).status == 431


# Bytes that h11 would let pass


@each_feed
@pytest.mark.parametrize("byte", [*range(9), 11, 12, *range(14, 32), 127])
def test_u4_control_characters_are_refused_with_400(feed: Feed, byte: int) -> None:
    control = bytes([byte])
    assert feed.refusal(upgrade(b"X: a" + control + b"b")).status == 400
    assert feed.refusal(upgrade(b"X: " + control)).status == 400
    assert feed.refusal(upgrade(b"X" + control + b": a")).status == 400
    assert feed.refusal(upgrade(request_line=b"GET /" + control + b" HTTP/1.1")).status == 400


@each_feed
@pytest.mark.parametrize("value", [b"a\x85b", b"\x85", b"a\xc2\x85b"])
def test_u4_next_line_is_refused_with_400(feed: Feed, value: bytes) -> None:
    assert feed.refusal(upgrade(b"X: " + value)).status == 400


@each_feed
@pytest.mark.parametrize("text", ["\u00c5", "\u2026 \u0445", "\U0001f605"])
def test_u4_other_characters_whose_last_byte_is_that_of_next_line_are_accepted(feed: Feed, text: str) -> None:
    assert feed.request(upgrade(b"Cookie: name=" + text.encode())).headers[-1] == (b"cookie", b"name=" + text.encode())


@each_feed
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(upgrade().replace(b"\r\n", b"\n"), id="every line"),
        pytest.param(upgrade(b"A: b\nC: d"), id="one line"),
        pytest.param(upgrade(b"A: b\n"), id="at the end of a line"),
        pytest.param(upgrade(b"A: b\n\nC: d"), id="an empty line"),
        pytest.param(upgrade()[:-2] + b"\n", id="the last line"),
        pytest.param(upgrade(request_line=b"GET / HTTP/1.1\n"), id="request line"),
    ],
)
def test_u4_bare_lf_is_refused_with_400(feed: Feed, data: bytes) -> None:
    assert feed.refusal(data).status == 400


@each_feed
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(upgrade(b"A: b\rC: d"), id="inside a line"),
        pytest.param(upgrade(b"A: b\r"), id="at the end of a line"),
        pytest.param(upgrade(b"A: b\r\r"), id="twice"),
        pytest.param(upgrade(request_line=b"GET /\r HTTP/1.1"), id="request line"),
    ],
)
def test_c_2023_37276_lone_cr_is_refused_with_400(feed: Feed, data: bytes) -> None:
    assert feed.refusal(data).status == 400


@each_feed
@pytest.mark.parametrize("fold", [b" ", b"\t", b"  x", b" X: y"])
def test_u4_obsolete_line_folding_is_refused_with_400(feed: Feed, fold: bytes) -> None:
    for data in (upgrade(b"A: b", fold), upgrade(request_line=b"GET / HTTP/1.1\r\n" + fold)):
        assert feed.refusal(data) == Refusal(400, "a header must not be folded onto a second line")


@each_feed
@pytest.mark.parametrize(
    "line", [b"A", b"A b", b"A : b", b": b", b":", b"A\t: b", b"(A): b", b"\xc3\xa9: b", b"a b: c: d"]
)
def test_a_malformed_header_line_is_refused_with_400(feed: Feed, line: bytes) -> None:
    assert feed.refusal(upgrade(line)).status == 400


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"GET / HTTP/9.9\r\n folded\r\n\r\n", 505, id="version, folding"),
        pytest.param(b"GET / HTTP/9.9\n\r\n\r\n", 400, id="bare LF, version"),
        pytest.param(b"GET /" + b"a" * 8300 + b"\x00 HTTP/1.1\r\n\r\n", 414, id="target, control"),
        pytest.param(b"GET /\x00" + b"a" * 8300 + b" HTTP/1.1\r\n\r\n", 400, id="control, target"),
        pytest.param(head(*[b"A: b"] * 129, b"A: \x00"), 431, id="count, control"),
        pytest.param(head(b"A: \x00", *[b"A: b"] * 129), 400, id="control, count"),
        pytest.param(head(*[b"A: b"] * 127, b"A: \x00"), 400, id="control in the last that counts"),
        pytest.param(head(b"A: " + b"a" * 17000, b"A: \x00"), 431, id="size, control"),
        pytest.param(head(b"A b", b"A: \x00"), 400, id="header line, control"),
    ],
)
def test_of_two_faults_the_first_counts_in_any_pieces(data: bytes, status: int) -> None:
    whole = Feed("whole").refusal(data)
    assert whole.status == status
    assert Feed("byte by byte").refusal(data) == whole
    assert Feed("trailing data").refusal(data) == whole


# Headers


@each_feed
def test_g10_headers_are_lower_cased_in_order_with_duplicates(feed: Feed) -> None:
    request = feed.request(head(b"X-B:  1\t ", b"x-a:", b"X-b: 2 \t 3", b"X-C:a:b", b"Content-Length: 0"))
    assert request.headers == [
        (b"host", b"example.com"),
        (b"x-b", b"1"),
        (b"x-a", b""),
        (b"x-b", b"2 \t 3"),
        (b"x-c", b"a:b"),
        (b"content-length", b"0"),
    ]
    assert all(type(name) is bytes and type(value) is bytes for name, value in request.headers)


# Host


@each_feed
@pytest.mark.parametrize(
    "host",
    [
        b"a",
        b"example.com",
        b"example.com:80",
        b"example.com:",
        b"127.0.0.1:8000",
        b"[::1]",
        b"[::ffff:1.2.3.4]:443",
        b"a_b",
        b"a:65535",
        b"%41",
        b"x" * 300,
    ],
)
def test_u3_good_hosts(feed: Feed, host: bytes) -> None:
    assert feed.request(upgrade(host=host)).headers[0] == (b"host", host)


@each_feed
@pytest.mark.parametrize(
    "host",
    [
        b"",
        b" ",
        b"a b",
        b"a/b",
        b"a?b",
        b"a#b",
        b"u@a",
        b"a,b",
        b":80",
        b"a:b",
        b"a:1:2",
        b"a:123456",
        b"[::1",
        b"::1",
        b"[]",
        b"[g::]",
        b"%4",
        b"%zz",
        b"a\\b",
        b'"a"',
        b"<a>",
        b"\xc3\xa9",
        b"http://a",
        b"[::1]a",
        b"a:80/",
        b"a;b c",
    ],
)
def test_u3_and_c_2026_48710_bad_hosts_are_refused_with_400(feed: Feed, host: bytes) -> None:
    assert feed.refusal(upgrade(host=host)).status == 400
    assert feed.refusal(head(host=host)).status == 400
    assert feed.refusal(head(host=host, request_line=b"GET / HTTP/1.0")).status == 400


@each_feed
def test_u3_host_must_be_there_once(feed: Feed) -> None:
    heads = [
        upgrade(host=None),
        upgrade(b"Host: example.com"),
        head(b"Host: example.com", request_line=b"GET / HTTP/1.0"),
    ]
    for data in heads:
        assert feed.refusal(data) == Refusal(400, "the request must have exactly one Host header")


# Targets


@each_feed
@pytest.mark.parametrize(
    "target", [b"chat", b"?x", b"*", b"/a#b", b"/#", b"#", b"example.com:80", b"a/b", b"http:/a", b"ftp://a/", b"//a#b"]
)
def test_u3_bad_targets_are_refused_with_400(feed: Feed, target: bytes) -> None:
    assert feed.refusal(upgrade(request_line=b"GET " + target + b" HTTP/1.1")).status == 400
    assert feed.refusal(head(request_line=b"GET " + target + b" HTTP/1.1")).status == 400


@each_feed
@pytest.mark.parametrize("target", [b"/", b"//a", b"/?", b"/a?b?c", b"/%00%zz", b"/http://a", b"/a:b@c"])
def test_targets_in_origin_form_stay_as_they_are(feed: Feed, target: bytes) -> None:
    assert feed.request(upgrade(request_line=b"GET " + target + b" HTTP/1.1")).target == target


@each_feed
def test_the_target_of_options_may_be_an_asterisk(feed: Feed) -> None:
    assert feed.request(head(request_line=b"OPTIONS * HTTP/1.1")).target == b"*"


@each_feed
@pytest.mark.parametrize(
    ("target", "authority", "origin_form"),
    [
        (b"http://a", b"a", b"/"),
        (b"HTTPS://a:1/", b"a:1", b"/"),
        (b"ws://a/b/c?d", b"a", b"/b/c?d"),
        (b"wss://[::1]?d", b"[::1]", b"/?d"),
        (b"http://a//b", b"a", b"//b"),
    ],
)
def test_the_authority_of_absolute_form_replaces_the_host(
    feed: Feed, target: bytes, authority: bytes, origin_form: bytes
) -> None:
    request = feed.request(head(b"A: b", request_line=b"GET " + target + b" HTTP/1.1"))
    assert (request.target, request.headers) == (origin_form, [(b"host", authority), (b"a", b"b")])
    request = feed.request(head(host=None, request_line=b"GET " + target + b" HTTP/1.0"))
    assert (request.target, request.headers) == (origin_form, [(b"host", authority)])


@each_feed
@pytest.mark.parametrize("authority", [b"", b"u@a", b"a,b", b"a:b", b"a\\b"])
def test_u3_the_authority_of_absolute_form_must_be_a_host(feed: Feed, authority: bytes) -> None:
    assert feed.refusal(head(request_line=b"GET http://" + authority + b"/ HTTP/1.1")).status == 400


# Time


class CountingBuffer(bytearray):
    """Counts the bytes that searches are asked to look at."""

    looked_at = 0

    def find(self, sub: Any, start: Any = 0, end: Any = None, /) -> int:
        self.looked_at += len(self) - start
        return super().find(sub, start, end)

    def count(self, sub: Any, start: Any = 0, end: Any = None, /) -> int:
        self.looked_at += len(self) - start
        return super().count(sub, start, end)


class CountingPattern:
    """Does the same for a regular expression."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self.pattern = pattern
        self.looked_at = 0

    def search(self, buffer: bytearray, start: int, end: int) -> re.Match[bytes] | None:
        self.looked_at += end - start
        return self.pattern.search(buffer, start, end)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(head(b"A: " + b"a" * 16000), id="long value"),
        pytest.param(head(*[b"A: b"] * 120), id="many lines"),
        pytest.param(head(request_line=b"GET /" + b"a" * 8000 + b" HTTP/1.1"), id="long target"),
    ],
)
def test_c_2023_43669_no_byte_is_searched_again_for_each_piece(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = CountingPattern(head_module._FORBIDDEN)
    monkeypatch.setattr(head_module, "_FORBIDDEN", pattern)
    reader, buffer = HeadReader(HeadLimits()), CountingBuffer()
    result: Head | Refusal | None = None
    for byte in data:
        buffer.append(byte)
        result = reader.read(buffer)
    assert isinstance(result, Head)
    assert buffer.looked_at + pattern.looked_at < 12 * len(data)
