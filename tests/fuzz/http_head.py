"""Fuzz target: the head of a request, its body and the WebSocket handshake.

Invariant: whatever the client sends, nothing raises, and it ends in an EndOfRequest, a Refusal or an EndOfStream. Byte
by byte gives the same events as all at once. A request that comes out has a target in origin form or `*`, names that
are tokens in lower case, and values that cannot end a line; a handshake can be accepted, and what stands behind it is
given back to the byte; a refusal makes a complete response.

Input: a byte that picks the limits, and what the client sends.
"""

from tests.codec.http_feeds import TRAILING, all_events, upgrade
from wsserve.codec.events import EndOfStream
from wsserve.codec.header_fields import is_token
from wsserve.codec.http1 import EndOfRequest, HeadLimits, Http1Codec, Refusal, Request

LIMITS = [HeadLimits(), HeadLimits(max_target=20, max_head=300, max_headers=6)]


def check(data: bytes) -> None:
    if not data:
        return
    limits, wire = LIMITS[data[0] % 2], data[1:]
    events = all_events([wire], limits)
    in_bytes = all_events([wire[index : index + 1] for index in range(len(wire))], limits)
    assert in_bytes == events, (in_bytes, events)
    assert isinstance(events[-1], EndOfRequest | Refusal | EndOfStream), events
    for event in events:
        if isinstance(event, Request):
            check_request(event)
    if isinstance(events[0], Request) and events[0].handshake:
        check_upgrade(wire, limits)
    if isinstance(events[-1], Refusal):
        response = Http1Codec().refuse(events[-1])
        assert response.startswith(b"HTTP/1.1 %d " % events[-1].status), response


def check_request(request: Request) -> None:
    assert request.target.startswith(b"/") or request.target == b"*", request
    assert request.http_version in ("1.0", "1.1"), request
    for name, value in request.headers:
        assert is_token(name), request
        assert name == name.lower(), request
        assert not {*b"\r\n\0"} & {*value}, request
        assert value == value.strip(b" \t"), request


def check_upgrade(wire: bytes, limits: HeadLimits) -> None:
    codec = Http1Codec(limits)
    codec.receive_data(wire)
    request = codec.next_event()
    assert isinstance(request, Request), request
    assert request.handshake, request
    assert isinstance(codec.next_event(), EndOfRequest)
    subprotocol = next(iter(request.handshake.subprotocols), None)
    response = codec.switch_protocols(request.handshake, subprotocol, None, [])
    assert response.startswith(b"HTTP/1.1 101 "), response
    assert response.endswith(b"\r\n\r\n"), response
    assert response.count(b"\r\n\r\n") == 1, response
    trailing = codec.take_trailing_data()
    assert wire.endswith(b"\r\n\r\n" + trailing), (wire, trailing)


_WIRES = [
    upgrade(),
    upgrade(b"Sec-WebSocket-Protocol: a, b", b"Sec-WebSocket-Extensions: permessage-deflate") + TRAILING,
    upgrade(b"Origin: http://\xc3\xa9", request_line=b"GET http://b.example/?a=b HTTP/1.1"),
    upgrade(without=b"Sec-WebSocket-Key"),
    upgrade(b"Sec-WebSocket-Version: 8", without=b"Sec-WebSocket-Version"),
    upgrade(b"Sec-WebSocket-Protocol: , ,"),
    upgrade(b"Content-Length: 01"),
    upgrade(request_line=b"POST / HTTP/1.1"),
    upgrade(request_line=b"GET / HTTP/1.0"),
    b"\r\nGET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\nGET /%20?q HTTP/1.0\r\nA:\tb \r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\nConnection: close\r\n\r\na",
    b"GET /a HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
    b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
]
SEEDS = [bytes([setting]) + wire for wire in _WIRES for setting in (0, 1)]
