"""HTTP/1.1 on the server's side, without I/O: plain requests and WebSocket upgrades (RFC 9110, RFC 9112, RFC 6455).

The raw head of a request passes the checks of `wsserve.codec.head` and `wsserve.codec.handshake`, then h11 takes it,
and the body behind it: h11 decides on upgrades, Content-Length, Transfer-Encoding and the order of messages, and
decodes chunks.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import h11

from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.events import EndOfStream
from wsserve.codec.framing import begin_request, framing_of, is_upgrade_to_h11
from wsserve.codec.handshake import Handshake, check_handshake, is_upgrade, switching_response
from wsserve.codec.head import Head, HeadLimits, HeadReader, check_host, resolve_target
from wsserve.codec.header_fields import check_headers, has_token
from wsserve.codec.refusal import REASON_PHRASES, Refusal, render_refusal
from wsserve.codec.request_body import RequestBody

__all__ = ["Body", "EndOfRequest", "HeadLimits", "Http1Codec", "HttpEvent", "Refusal", "Request"]


@dataclass(slots=True)
class Request:
    """The head of a request.

    `target` is in origin form, or `*`; `headers` have lower-case names, in the order received, repeated ones included
    (a target in absolute form has replaced the Host field). `handshake` is set when this is a valid WebSocket upgrade,
    which has no body. `expects_continue` is set when the client waits for a 100 before it sends its body.
    """

    method: str
    target: bytes
    http_version: str
    headers: list[tuple[bytes, bytes]]
    handshake: Handshake | None
    expects_continue: bool


@dataclass(slots=True)
class Body:
    """A part of a request's body, decoded and not empty; where it is divided means nothing."""

    data: bytes


@dataclass(slots=True)
class EndOfRequest:
    """The request is complete; there is one after each Request and its body, an upgrade's too."""


HttpEvent = Request | Body | EndOfRequest | Refusal | EndOfStream


class _Reading(enum.Enum):
    HEAD = enum.auto()
    BODY = enum.auto()
    COMPLETE = enum.auto()
    SWITCHED = enum.auto()
    OVER = enum.auto()


class _Writing(enum.Enum):
    NOTHING = enum.auto()
    BODY = enum.auto()
    COMPLETE = enum.auto()


_NOT_ONE_LENGTH: Final = "the Content-Length must be one number"


class Http1Codec:
    """One connection's requests and responses, up to an upgrade.

    Bytes go in with `receive_data`; events are pulled one at a time with `next_event`. The client's faults come out as
    `Refusal`, which `refuse` turns into bytes. The methods that build a response raise `LocalProtocolError` for a fault
    of our own caller; nothing is to be put on the wire then.
    """

    __slots__ = (
        "_bodiless",
        "_body",
        "_buffer",
        "_eof",
        "_framing",
        "_handshake",
        "_head_reader",
        "_http",
        "_keep_alive",
        "_limits",
        "_offered_extensions",
        "_reading",
        "_writing",
    )

    def __init__(self, limits: HeadLimits | None = None) -> None:
        self._limits = limits or HeadLimits()
        self._buffer = bytearray()
        self._eof = False
        self._reset()

    def _reset(self) -> None:
        self._reading = _Reading.HEAD
        self._writing = _Writing.NOTHING
        self._head_reader = HeadReader(self._limits)
        self._framing = b""
        """What h11 gets of a request for an upgrade, which it will only have to answer if that is denied."""
        self._http: h11.Connection | None = None
        self._handshake: Handshake | None = None
        self._offered_extensions: Sequence[bytes] = ()
        self._keep_alive = True
        self._bodiless = False
        self._body: RequestBody | None = None

    # In

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the client; they are dropped when no event can come of them any more."""
        if self._reading is not _Reading.OVER:
            self._buffer += data

    def receive_eof(self) -> None:
        """Note that the client will send nothing more."""
        self._eof = True

    @property
    def buffered(self) -> int:
        """How many bytes are held that no event has come of."""
        return len(self._buffer) + (self._body.buffered if self._body else 0)

    def next_event(self) -> HttpEvent | None:
        """Return the next event, or None until there are more bytes.

        After EndOfRequest there is none until `next_request`, but for an EndOfStream when the client has closed with
        nothing more to read. After Refusal and EndOfStream there is none at all.
        """
        event: HttpEvent | None = None
        if self._reading is _Reading.HEAD:
            event = self._next_head()
        elif self._reading is _Reading.BODY:
            event = self._next_body()
        if event is None and self._eof and self._at_end:
            event = EndOfStream()
        if isinstance(event, (Refusal, EndOfStream)):
            self._stop_reading()
        return event

    @property
    def _at_end(self) -> bool:
        if self._reading is _Reading.COMPLETE:
            return not self._buffer
        return self._reading in (_Reading.HEAD, _Reading.BODY)

    def _stop_reading(self) -> None:
        self._reading = _Reading.OVER
        self._buffer.clear()
        self._body = None

    def _next_head(self) -> Request | Refusal | None:
        head = self._head_reader.read(self._buffer)
        if head is None or isinstance(head, Refusal):
            return head
        fault = check_host(head)
        if fault:
            return fault
        upgrade = is_upgrade(head.fields)
        if head.method == "CONNECT" and not upgrade:
            return Refusal(501, "this server is no proxy and has no CONNECT")
        fault = resolve_target(head)
        if fault:
            return fault
        if upgrade:
            handshake = check_handshake(head.method, head.http_version, head.fields)
            if isinstance(handshake, Refusal):
                return handshake
            return self._begin_upgrade(head, handshake)
        return self._begin_request(head)

    def _begin_upgrade(self, head: Head, handshake: Handshake) -> Request | Refusal:
        framing = framing_of(head)
        if not is_upgrade_to_h11(framing):
            return Refusal(400, _NOT_ONE_LENGTH)
        self._framing = framing
        self._handshake = handshake
        self._offered_extensions = head.fields.get(b"sec-websocket-extensions", ())
        self._keep_alive = not has_token(head.fields[b"connection"], b"close")
        self._reading = _Reading.BODY  # which is empty
        return Request(head.method, head.target, head.http_version, head.headers, handshake, expects_continue=False)

    def _begin_request(self, head: Head) -> Request | Refusal:
        lengths = head.fields.get(b"content-length")
        codings = head.fields.get(b"transfer-encoding")
        # Each is a sign of request smuggling (RFC 9112, sections 6.1 and 6.3); h11 prefers Transfer-Encoding.
        if codings and (lengths or head.http_version == "1.0"):
            return Refusal(400, "Transfer-Encoding must not come with Content-Length or in HTTP/1.0")
        try:
            http = begin_request(framing_of(head))
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == 501:
                return Refusal(501, "the only transfer coding here is chunked")
            return Refusal(400, _NOT_ONE_LENGTH)
        self._http = http
        length = int(lengths[0].partition(b",")[0]) if lengths else 0  # h11 has seen to it that all of them are equal
        self._body = RequestBody(http, chunked=bool(codings), length=length)
        connection = head.fields.get(b"connection", ())
        # Connections of HTTP/1.0 are never kept alive, which also is what h11 does.
        self._keep_alive = head.http_version == "1.1" and not has_token(connection, b"close")
        self._reading = _Reading.BODY
        return Request(
            method=head.method,
            target=head.target,
            http_version=head.http_version,
            headers=head.headers,
            handshake=None,
            expects_continue=self._body.awaited,
        )

    def _next_body(self) -> Body | EndOfRequest | Refusal | None:
        data = self._body.read(self._buffer) if self._body else b""
        if data is None or isinstance(data, Refusal):
            return data
        if data:
            return Body(data)
        self._reading = _Reading.COMPLETE
        self._body = None
        return EndOfRequest()

    # Out

    def send_continue(self) -> bytes:
        """Return the 100 response that a client waits for before it sends its body (RFC 9110, section 10.1.1).

        Raises `LocalProtocolError` when no client of HTTP/1.1 waits for a response.
        """
        http = self._request_to_answer()
        if http.their_http_version != b"1.1":
            raise LocalProtocolError("a client of HTTP/1.0 cannot be sent a 100 response")
        return self._send(http, h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))

    def respond(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """Return the head of the final response.

        Transfer-Encoding is the server's, so the caller's is left out; a body without Content-Length goes out in
        chunks, or up to the end of the connection for HTTP/1.0. `Connection: close` is added where it must be: for
        a client that wants it, that still waits for a 100, or whose WebSocket upgrade this denies.

        Raises `LocalProtocolError` for a status outside 200 to 599, for malformed headers, and when there is no request
        that waits for a response.
        """
        http = self._request_to_answer()
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise LocalProtocolError(f"status {status!r} cannot be that of a final response: use 200 to 599")
        # A 204 must not have a Content-Length (RFC 9110, section 8.6).
        dropped = {b"transfer-encoding", b"content-length"} if status == 204 else {b"transfer-encoding"}
        fields = [(name, value) for name, value in check_headers(headers) if name.lower() not in dropped]
        connection = [value for name, value in fields if name.lower() == b"connection"]
        keep_alive = (
            not self.must_close
            and not self._handshake
            and not (self._body and self._body.awaited)
            and not has_token(connection, b"close")
        )
        if not keep_alive:
            fields = [(name, value) for name, value in fields if name.lower() != b"connection"]
            fields.append((b"Connection", b"close"))
        try:
            response = h11.Response(status_code=status, headers=fields, reason=REASON_PHRASES.get(status, b""))
        except h11.LocalProtocolError as error:
            raise LocalProtocolError(f"the headers of the response are faulty: {error}") from error
        head = self._send(http, response)
        self._keep_alive = keep_alive
        self._bodiless = self._head_reader.method == "HEAD" or status in (204, 304)
        self._writing = _Writing.BODY
        return head

    def body(self, data: bytes) -> bytes:
        """Return a part of the response's body; nothing where there must be none (HEAD, 204, 304).

        Raises `LocalProtocolError` when it comes at the wrong time or goes beyond Content-Length.
        """
        http = self._response_in_progress()
        return b"" if self._bodiless else self._send(http, h11.Data(data=data))

    def end(self) -> bytes:
        """Return the end of the response.

        Raises `LocalProtocolError` when it comes at the wrong time or the body is shorter than Content-Length.
        """
        end = self._send(self._response_in_progress(), h11.EndOfMessage())
        self._writing = _Writing.COMPLETE
        return end

    def refuse(self, refusal: Refusal) -> bytes:
        """Return a complete response that refuses the request; the connection must be closed after it.

        It works in any state, since only the caller knows what is on the wire: it must not be used when a part of
        a response is. Nothing more is read. Raises `LocalProtocolError` for headers that are malformed.
        """
        response = render_refusal(refusal, head_only=self._head_reader.method == "HEAD")
        self._stop_reading()
        self._writing = _Writing.COMPLETE
        return response

    def switch_protocols(
        self,
        handshake: Handshake,
        subprotocol: str | None,
        extensions: bytes | None,
        headers: Sequence[tuple[bytes, bytes]],
    ) -> bytes:
        """Return the 101 response that accepts `handshake`, which ends HTTP on this connection.

        `extensions` is the value for Sec-WebSocket-Extensions. Raises `LocalProtocolError`, with nothing changed, for
        a subprotocol or an extension that the client did not offer, for headers that are malformed or that the
        handshake sets itself, and when this handshake does not wait for an answer.
        """
        self._check_unanswered()
        if self._handshake != handshake:
            raise LocalProtocolError("this handshake is not the one that the client waits for")
        response = switching_response(handshake, self._offered_extensions, subprotocol, extensions, headers)
        self._reading = _Reading.SWITCHED
        self._writing = _Writing.COMPLETE
        self._http = self._body = None
        self._framing = b""
        return response

    def take_trailing_data(self) -> bytes:
        """Return what the client has sent behind the head of its upgrade: frames, which came early.

        Raises `LocalProtocolError` before `switch_protocols`.
        """
        if self._reading is not _Reading.SWITCHED:
            raise LocalProtocolError("there is no trailing data before the switch of protocols")
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def next_request(self) -> None:
        """Begin with the next request on the connection.

        Raises `LocalProtocolError` unless request and response are complete and the connection can be used again.
        """
        if self._reading is not _Reading.COMPLETE or self._writing is not _Writing.COMPLETE or self.must_close:
            raise LocalProtocolError("there can be no next request: this one is not over, or the connection must close")
        self._reset()

    @property
    def must_close(self) -> bool:
        """Whether the connection cannot be used for another request."""
        failed = self._http is not None and self._http.our_state is h11.ERROR
        return failed or not self._keep_alive or self._reading in (_Reading.SWITCHED, _Reading.OVER)

    def _request_in_progress(self) -> h11.Connection:
        if self._http is None:
            self._http = begin_request(self._framing)  # an upgrade is denied
        return self._http

    def _request_to_answer(self) -> h11.Connection:
        self._check_unanswered()
        return self._request_in_progress()

    def _check_unanswered(self) -> None:
        if self._writing is not _Writing.NOTHING:
            raise LocalProtocolError("the response has begun already")
        if self._http is None and not self._framing:
            raise LocalProtocolError("there is no request to respond to")

    def _response_in_progress(self) -> h11.Connection:
        if self._writing is not _Writing.BODY:
            raise LocalProtocolError("there is no response in progress")
        return self._request_in_progress()

    def _send(
        self, http: h11.Connection, event: h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage
    ) -> bytes:
        try:
            return http.send(event)
        except h11.LocalProtocolError as error:
            raise LocalProtocolError(f"the response is faulty: {error}") from error
