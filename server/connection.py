"""One client's connection, from its first byte to its last: HTTP/1.1 requests, of which the last may be an upgrade."""

from collections.abc import Callable
from dataclasses import dataclass, field

from wsserve.asgi_bridge.http_session import HttpOptions, HttpSession
from wsserve.asgi_bridge.response import HeaderSource
from wsserve.asgi_bridge.scopes import ConnectionInfo, http_scope, websocket_scope
from wsserve.asgi_bridge.transport import Timer, Transport
from wsserve.asgi_bridge.types import ASGIApp, Scope
from wsserve.asgi_bridge.websocket_options import WebSocketOptions
from wsserve.asgi_bridge.websocket_session import WebSocketSession
from wsserve.codec import close_codes
from wsserve.codec.events import EndOfStream
from wsserve.codec.http1 import Body, EndOfRequest, HeadLimits, Http1Codec, Refusal, Request
from wsserve.server.access_log import AccessLog
from wsserve.server.runtime import ServerRuntime

MAX_DROPPED_BYTES = 65536
"""How much of a body that the application has left unread is read after its response, to use the connection again."""

MAX_PIPELINED_BYTES = 65536
"""How much of further requests is held while one is being answered, before reading pauses."""


@dataclass(slots=True)
class ConnectionContext:
    """What all connections of a server share."""

    app: ASGIApp
    runtime: ServerRuntime
    head_limits: HeadLimits
    http_options: HttpOptions
    websocket_options: WebSocketOptions
    default_headers: HeaderSource
    access_log: AccessLog
    handshake_timeout: float
    keep_alive_timeout: float
    close_timeout: float
    linger_timeout: float
    write_limit: int
    limit_concurrency: int | None
    new_info: Callable[[tuple[str, int] | None, tuple[str, int | None] | None, bool], ConnectionInfo]
    on_change: Callable[[], None] = lambda: None
    """Called when a connection is gone."""
    shutting_down: bool = False
    connections: set["Connection"] = field(default_factory=set)
    admitted: int = 0
    """How many connections have had a request that `limit_concurrency` let in."""


class Connection:
    """The owner of a transport calls this as `asyncio.Protocol` would be called; it hands on to the session at work."""

    __slots__ = (
        "_admitted",
        "_closing",
        "_context",
        "_deadline",
        "_dropped",
        "_exchange",
        "_heard",
        "_http",
        "_info",
        "_opened_at",
        "_request",
        "_scope",
        "_target",
        "_transport",
        "_websocket",
    )

    def __init__(self, context: ConnectionContext, transport: Transport, info: ConnectionInfo) -> None:
        self._context = context
        self._transport = transport
        self._info = info
        self._http = Http1Codec(context.head_limits)
        self._request: Request | None = None
        self._target = b""
        self._exchange: HttpSession | None = None
        self._websocket: WebSocketSession | None = None
        self._scope: Scope = {"client": info.client}
        self._opened_at = 0.0
        self._closing = False
        self._admitted: bool = False
        self._dropped = 0
        self._heard = True
        """Whether the deadline for the next request's head runs: it begins with its first byte, at first at once."""
        self._deadline: Timer | None = None
        context.connections.add(self)
        self._set_deadline(context.handshake_timeout, self._head_overdue)

    # What the transport's owner calls

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._websocket is not None:
            self._websocket.data_received(data)
        else:
            self._http.receive_data(data)
            self._advance()

    def eof_received(self) -> None:
        """Note that the client will send nothing more; it may still read, so a response under way is completed."""
        if self._websocket is not None:
            self._websocket.eof_received()
        else:
            self._http.receive_eof()
            self._advance()

    def connection_lost(self) -> None:
        """Note that the transport is gone."""
        self._closing = True
        self._cancel_deadline()
        if self._websocket is not None:
            self._websocket.connection_lost()
            self._log_websocket(self._websocket)
        elif self._exchange is not None:
            self._exchange.connection_lost()
        self._websocket = self._exchange = None  # a circle of references less for the garbage collector
        self._context.connections.discard(self)
        self._context.admitted -= self._admitted
        self._context.on_change()

    def pause_writing(self) -> None:
        """Note that the transport holds more than it should."""
        session = self._websocket or self._exchange
        if session is not None:
            session.pause_writing()

    def resume_writing(self) -> None:
        """Note that the transport has room again."""
        session = self._websocket or self._exchange
        if session is not None:
            session.resume_writing()

    def shutdown(self) -> None:
        """End because the server ends; a request under way is answered first."""
        if self._websocket is not None:
            self._websocket.shutdown()
        elif self._exchange is None:
            self._close()

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()

    # Requests in

    def _advance(self) -> None:
        while self._websocket is None and not self._closing:
            event = self._http.next_event()
            if event is None:
                break
            if isinstance(event, Request):
                self._begin(event)
            elif isinstance(event, Refusal):
                self._refuse(event)
            elif isinstance(event, EndOfStream):
                self._client_left()
            else:
                self._continue(event)
        if self._closing or self._websocket is not None:
            return
        if self._exchange is not None:
            if self._http.buffered > MAX_PIPELINED_BYTES:
                self._transport.pause_reading()
        elif self._http.buffered and not self._heard:
            self._heard = True
            self._set_deadline(self._context.handshake_timeout, self._head_overdue)

    def _continue(self, event: Body | EndOfRequest) -> None:
        if self._exchange is not None:
            if isinstance(event, Body):
                self._exchange.body_received(event.data)
            else:
                self._exchange.body_complete()
        elif isinstance(event, EndOfRequest):
            self._await_request()
        else:
            self._dropped += len(event.data)
            if self._dropped > MAX_DROPPED_BYTES:
                self._close()

    def _begin(self, request: Request) -> None:
        context = self._context
        self._cancel_deadline()
        self._request = request
        self._target = request.target
        if context.shutting_down:
            self._refuse(Refusal(503, "the server is shutting down", [(b"retry-after", b"1")]))
        elif not self._admit():
            self._refuse(Refusal(503, "the server has too many connections", [(b"retry-after", b"1")]))
        elif request.handshake is None:
            self._scope = http_scope(request, self._info)
            self._exchange = HttpSession(
                context.app,
                self._scope,
                request,
                self._http,
                self._transport,
                context.runtime,
                context.http_options,
                context.default_headers,
                self._log_status,
                self._response_ended,
            )
            self._exchange.start()
        else:
            self._scope = websocket_scope(request, self._info)
            self._websocket = WebSocketSession(
                context.app,
                self._scope,
                request,
                self._http,
                self._transport,
                context.runtime,
                context.websocket_options,
                context.default_headers,
                self._log_status,
            )
            # The session lets go of the former with the handshake, and the scope has the latter: an idle connection
            # holds little.
            del self._http, self._info
            self._websocket.start()

    def _admit(self) -> bool:
        """Tell whether there is room for this connection; once it is in, it stays in."""
        context = self._context
        if not self._admitted:
            self._admitted = context.limit_concurrency is None or context.admitted < context.limit_concurrency
            context.admitted += self._admitted
        return self._admitted

    def _response_ended(self, request_complete: bool) -> None:
        self._exchange = None
        if self._http.must_close or self._context.shutting_down:
            self._close()
            return
        self._dropped = 0
        self._transport.resume_reading()
        self._set_deadline(self._context.keep_alive_timeout, self._close)
        if request_complete:
            self._await_request()
        self._advance()

    def _await_request(self) -> None:
        self._http.next_request()
        self._request = None
        self._heard = False
        self._dropped = 0

    def _refuse(self, refusal: Refusal) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.connection_lost()  # the fault is in the body of a request that the application has already
        if exchange is None or not exchange.has_begun:
            refusal.headers += self._context.default_headers()
            self._transport.write(self._http.refuse(refusal))
            if self._request is None:
                self._context.access_log.head_refused(
                    client=self._info.client, status=refusal.status, reason=refusal.reason
                )
            else:
                self._log_status(refusal.status)
        self._close()

    def _client_left(self) -> None:
        if self._exchange is None:
            self._close()
        else:
            self._exchange.eof_received()

    def _close(self) -> None:
        self._closing = True
        self._cancel_deadline()
        self._transport.close()

    # Deadlines

    def _head_overdue(self) -> None:
        if self._http.buffered:
            self._refuse(Refusal(408, "the request's head took too long", []))
        else:
            self._close()

    def _set_deadline(self, delay: float, callback: Callable[[], None]) -> None:
        self._cancel_deadline()
        self._deadline = self._context.runtime.call_later(delay, callback)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # The access log; the client is the scope's, which middleware for proxies may have set right

    def _log_status(self, status: int) -> None:
        log, request = self._context.access_log, self._request
        if status == 101:
            self._opened_at = self._context.runtime.now()
            self._request = None
        if not log.enabled or request is None:
            return
        client, target = self._scope["client"], self._target.decode("latin-1")
        if self._websocket is None:
            log.request(
                client=client,
                method=request.method,
                target=target,
                http_version=request.http_version,
                status=status,
            )
        elif status == 101:
            log.websocket_opened(client=client, target=target, subprotocol=self._websocket.subprotocol)
        else:
            log.websocket_refused(client=client, target=target, status=status)

    def _log_websocket(self, session: WebSocketSession) -> None:
        if not self._context.access_log.enabled or not session.accepted:
            return
        code, reason = session.disconnect or (close_codes.ABNORMAL_CLOSURE, "")
        self._context.access_log.websocket_closed(
            client=self._scope["client"],
            target=self._target.decode("latin-1"),
            subprotocol=session.subprotocol,
            code=code,
            reason=reason,
            by=session.closed_by,
            duration=self._context.runtime.now() - self._opened_at,
            received_messages=session.channel.messages_received,
            received_bytes=session.channel.bytes_received,
            sent_messages=session.channel.messages_sent,
            sent_bytes=session.channel.bytes_sent,
        )
