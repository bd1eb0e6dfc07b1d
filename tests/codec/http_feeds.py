"""Requests, and the ways to feed them to a codec."""

from collections.abc import Iterable, Iterator

import pytest

from wsserve.codec.http1 import Body, EndOfRequest, HeadLimits, Http1Codec, HttpEvent, Refusal, Request

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TRAILING = b"\x81\x85\x00\n\r\x7f GET /smuggled HTTP/1.1\r\n\r\n"
"""What may stand behind a head; none of it may change what becomes of the head."""


def head(*lines: bytes, request_line: bytes = b"GET /chat HTTP/1.1", host: bytes | None = b"example.com") -> bytes:
    """Return the head of a plain request."""
    hosts = [] if host is None else [b"Host: " + host]
    return b"\r\n".join([request_line, *hosts, *lines, b"", b""])


UPGRADE = {
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    b"Sec-WebSocket-Version": b"13",
    b"Sec-WebSocket-Key": KEY.encode(),
}


def upgrade(
    *lines: bytes,
    without: bytes = b"",
    request_line: bytes = b"GET /chat HTTP/1.1",
    host: bytes | None = b"example.com",
) -> bytes:
    """Return the head of a WebSocket upgrade, `without` one of its headers and with further lines."""
    fields = [name + b": " + value for name, value in UPGRADE.items() if name != without]
    return head(*fields, *lines, request_line=request_line, host=host)


def pieces_of(data: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    """Cut `data` at these places."""
    last = 0
    for cut in sorted({*cuts, len(data)}):
        yield data[last:cut]
        last = cut


class Feed:
    """One way to feed a head: whole, byte by byte, or with more behind it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def first_event(self, data: bytes, limits: HeadLimits | None = None) -> tuple[HttpEvent | None, Http1Codec]:
        """Feed `data` and return the first event, and the codec."""
        codec = Http1Codec(limits)
        event: HttpEvent | None = None
        size = 1 if self.name == "byte by byte" else len(data)
        trailing = TRAILING if self.name == "trailing data" else b""
        for start in range(0, len(data), size):
            codec.receive_data(data[start : start + size] + trailing)
            event = codec.next_event()
            if event is not None:
                break
        return event, codec

    def refusal(self, data: bytes, limits: HeadLimits | None = None) -> Refusal:
        """Feed `data`, which must be refused, and return the refusal."""
        event, codec = self.first_event(data, limits)
        assert isinstance(event, Refusal), event
        assert codec.must_close
        assert codec.buffered == 0
        assert codec.next_event() is None
        response = codec.refuse(event)
        assert response.startswith(b"HTTP/1.1 %d " % event.status)
        assert b"\r\nConnection: close\r\n" in response
        assert event.reason
        return event

    def request(self, data: bytes, limits: HeadLimits | None = None) -> Request:
        """Feed `data`, which must be a head, and return the request."""
        event, _ = self.first_event(data, limits)
        assert isinstance(event, Request), event
        return event


FEEDS = [pytest.param(Feed(name), id=name) for name in ("whole", "byte by byte", "trailing data")]
each_feed = pytest.mark.parametrize("feed", FEEDS)


def all_events(pieces: Iterable[bytes], limits: HeadLimits | None = None) -> list[HttpEvent]:
    """Feed pieces and an end of file, answer each request, and return the events, with parts of a body joined."""
    codec = Http1Codec(limits)
    events: list[HttpEvent] = []

    def drain() -> None:
        while (event := codec.next_event()) is not None:
            if isinstance(event, Body) and isinstance(events[-1], Body):
                events[-1].data += event.data
            else:
                events.append(event)
            if isinstance(event, EndOfRequest):
                codec.respond(204, [])
                codec.end()
                if codec.must_close:
                    break
                codec.next_request()

    for piece in pieces:
        codec.receive_data(piece)
        drain()
    codec.receive_eof()
    drain()
    return events
