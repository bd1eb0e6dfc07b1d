"""One WebSocket connection between its frames and one call of the application.

The transport's owner feeds the session bytes, a frame codec turns them into events, and the application sees them
through `receive` and `send`. Three rules shape it:

- In order, also in failure. A peer's Close, its fault or its end of stream waits in the receive queue behind the
  messages that came before it. The application gets those first and its replies go out; only when it reaches the end of
  the queue is the Close answered or the connection failed. An application that is behind has `fail_timeout` for that.
- Bounded both ways. Reading pauses at the receive queue's high-water mark and parsing stops at a ceiling above it;
  `send` waits while the transport is over its own mark. Control frames never wait behind the application.
- One end. However a connection ends, the application sees one `websocket.disconnect`, then `ClientDisconnected`.
"""

import logging
from collections.abc import Callable

from wsserve.asgi_bridge import messages
from wsserve.asgi_bridge.application import run_application
from wsserve.asgi_bridge.backpressure import LastEvent, OutputFlow, ReceiveQueue
from wsserve.asgi_bridge.cleanup import prepare_cleanups, run_cleanups
from wsserve.asgi_bridge.exceptions import ClientDisconnected, WebSocketDisconnect
from wsserve.asgi_bridge.keepalive import Keepalive
from wsserve.asgi_bridge.response import DefaultHeaders, Response
from wsserve.asgi_bridge.session_state import EXPECTED, ClosedBy, State
from wsserve.asgi_bridge.transport import Gate, Runtime, Timer, Transport
from wsserve.asgi_bridge.types import ASGIApp, Message, Scope
from wsserve.asgi_bridge.websocket_options import WebSocketOptions
from wsserve.codec import close_codes
from wsserve.codec.deflate import negotiate
from wsserve.codec.events import BinaryMessage, Close, EndOfStream, Ping, Pong, TextMessage
from wsserve.codec.frames import FrameCodec
from wsserve.codec.http1 import Http1Codec, Refusal, Request

logger = logging.getLogger("wsserve.error")


class WebSocketSession:
    """One WebSocket connection; the transport's owner feeds it, `start` runs the application on it."""

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        request: Request,
        http: Http1Codec,
        transport: Transport,
        runtime: Runtime,
        options: WebSocketOptions,
        default_headers: DefaultHeaders = list,
        on_status: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._app = app
        self._scope = scope
        self._request = request
        self._http = http
        self._transport = transport
        self._runtime = runtime
        self._options = options
        self._default_headers = default_headers
        self._on_status = on_status

        self._state = State.CONNECTING
        self._codec: FrameCodec | None = None
        self._denial = Response(http, transport, default_headers, close=True)
        self._early = bytearray()
        self._queue = ReceiveQueue(options.max_queue, options.max_queue_bytes)
        self._output = OutputFlow(transport, runtime, options.write_timeout)
        self._parsing = True
        self._reading = True
        self._owed_pong: bytes | None = None
        self._connect_delivered = False
        self._disconnect_delivered = False
        self._timer: Timer | None = None
        self._arrived = Gate(runtime.new_signal)
        self._keepalive = Keepalive(
            runtime,
            options.ping_interval,
            options.ping_timeout,
            send_ping=self._send_ping,
            can_hear=lambda: self._reading and not self._output.blocked,
            give_up=transport.abort,
        )

        self.accepted = False
        self.subprotocol: str | None = None
        self.disconnect: tuple[int, str] | None = None
        """Close code and reason, once the connection has ended for the application."""
        self.closed_by: ClosedBy = "nobody"
        """Who began the end; nobody when the connection was lost."""
        self.messages_received = 0
        self.messages_sent = 0
        self.bytes_received = 0
        self.bytes_sent = 0

    # The application's task

    def start(self) -> None:
        """Run the application in a task of its own."""
        prepare_cleanups(self._scope)
        self._runtime.spawn(self._run, f"websocket {self._scope['path']}")

    async def _run(self) -> None:
        try:
            error = await run_application(self._app, self._scope, self.receive, self.send, self._runtime)
            if error is None:
                self._application_returned()
            else:
                self._application_raised(error)
        except BaseException:
            self._transport.abort()
            raise
        finally:
            await run_cleanups(self._scope)

    def _application_returned(self) -> None:
        if self._state is State.OPEN:
            self._close(close_codes.NORMAL_CLOSURE, "", by="application")
        elif self._state is State.CONNECTING and self.disconnect is None:
            logger.error("The application returned without answering the handshake of %r", self._scope["path"])
            self._refuse(500, "the application did not answer", by="application")
        elif self._state is State.DENYING:
            logger.error("The application returned in the middle of its response to %r", self._scope["path"])
            self._fail_denial()

    def _application_raised(self, error: BaseException) -> None:
        left = isinstance(error, (ClientDisconnected, WebSocketDisconnect)) and self.disconnect is not None
        code = getattr(error, "close_code", close_codes.INTERNAL_ERROR)
        if left:
            logger.debug("The application ended on the disconnect of its client")
        elif code == close_codes.INTERNAL_ERROR:
            logger.error("Exception in the application on %r", self._scope["path"], exc_info=error)
        else:
            logger.info("The application refused a message on %r: %s", self._scope["path"], error)
        if self._state is State.OPEN:
            self._close(code, "" if code == close_codes.INTERNAL_ERROR else str(error), by="application")
        elif self._state is State.CONNECTING and self.disconnect is None:
            self._refuse(500, "the application failed", by="application")
        elif self._state is State.DENYING:
            self._fail_denial()

    # What the application calls

    async def receive(self) -> Message:
        """Return the next ASGI event; the first is `websocket.connect`, the last `websocket.disconnect`.

        Raises `ClientDisconnected` after the disconnect was returned.
        """
        if not self._connect_delivered:
            self._connect_delivered = True
            return {"type": "websocket.connect"}
        while True:
            if self._queue.events:
                event = self._queue.take()
                if isinstance(event, TextMessage):
                    if not self._reading:
                        self._taken()
                    return {"type": "websocket.receive", "text": event.data}
                if isinstance(event, BinaryMessage):
                    if not self._reading:
                        self._taken()
                    return {"type": "websocket.receive", "bytes": event.data}
                self._conclude(event)
            if self.disconnect is not None:
                if self._disconnect_delivered:
                    raise ClientDisconnected("the WebSocket has ended, and its disconnect was already received")
                self._disconnect_delivered = True
                code, reason = self.disconnect
                return {"type": "websocket.disconnect", "code": code, "reason": reason}
            await self._arrived.wait()

    async def send(self, message: Message) -> None:
        """Take an ASGI message from the application; return once there is room for another.

        Raises `InvalidMessageError` or `LocalProtocolError` for a message that is faulty or out of order, and
        `ClientDisconnected` when the client has gone; then a `websocket.close` is still taken, since it asks for what
        is already so.
        """
        message_type = message.get("type")
        if message_type == "websocket.send" and self.accepted:
            payload = messages.payload(message)
            if self._output.blocked:
                await self._output.wait()
            if self._state is State.OPEN and self._codec is not None:
                encode = self._codec.text if type(payload) is str else self._codec.binary
                self._write(encode(payload))  # type: ignore[arg-type]  # chosen by the same type
                self.messages_sent += 1
                return
            self._check_not_closed_by_application(message_type)
            raise ClientDisconnected("the client has closed the WebSocket")
        if message_type == "websocket.close" and self._state is not State.DENYING:
            code, reason = messages.closure(message)
            self._check_not_closed_by_application(message_type)
            if self._state is State.OPEN:
                self._close(code, reason, by="application")
            elif self._state is State.CONNECTING and self.disconnect is None:
                self._refuse(403, "the application refused the connection", by="application")
        elif message_type == "websocket.accept" and self._state is State.CONNECTING:
            self._accept(message)
        elif message_type == "websocket.http.response.start" and self._state is State.CONNECTING:
            messages.response_start(message)
            self._check_connected()
            self._state = State.DENYING
            self._denial.start(message)
        elif message_type == "websocket.http.response.body" and self._state is State.DENYING:
            await self._deny(message)
        else:
            self._check_not_closed_by_application(message_type)
            raise messages.unexpected(message_type, EXPECTED[self._state])

    def _check_connected(self) -> None:
        if self.disconnect is not None:
            raise ClientDisconnected("the client left before the handshake was answered")

    def _check_not_closed_by_application(self, message_type: object) -> None:
        if self.closed_by == "application" and self._state in (State.CLOSING, State.CLOSED):
            raise messages.unexpected(message_type, "nothing after the application's own close")

    # The handshake's answer

    def _accept(self, message: Message) -> None:
        subprotocol, headers = messages.acceptance(message)
        self._check_connected()
        assert self._request.handshake is not None  # noqa: S101  # a session is made for upgrades only
        parameters, extensions = negotiate(self._request.headers, self._options.deflate) or (None, None)
        head = self._http.switch_protocols(
            self._request.handshake, subprotocol, extensions, self._default_headers() + headers
        )
        self._codec = self._options.new_codec(self._options.limits, parameters)
        self._state = State.OPEN
        self.accepted = True
        self.subprotocol = subprotocol
        self._write(head)
        self._on_status(101)
        self._keepalive.start()
        early = self._http.take_trailing_data() + self._early
        self._early.clear()
        self._resume_reading()
        if early:
            self._codec.receive_data(early)
            self._pump()

    async def _deny(self, message: Message) -> None:
        if self._output.blocked:
            await self._output.wait()
        self._check_connected()
        begun = self._denial.begun
        self.bytes_sent += self._denial.body(message)
        if not begun and self._denial.status is not None:
            self._on_status(self._denial.status)
        if self._denial.complete:
            self._transport.close()
            self._finish(close_codes.ABNORMAL_CLOSURE, "", by="application")

    def _fail_denial(self) -> None:
        if self._denial.begun:
            self._transport.abort()  # the only way to say that a response that has begun is not whole
            self._finish(close_codes.ABNORMAL_CLOSURE, "", by="application")
        else:
            self._refuse(500, "the application failed", by="application")

    def _refuse(self, status: int, reason: str, *, by: ClosedBy) -> None:
        retry = [(b"retry-after", b"1")] if status == 503 else []
        self._write(self._http.refuse(Refusal(status, reason, retry)))
        self._on_status(status)
        self._transport.close()
        self._finish(close_codes.ABNORMAL_CLOSURE, "", by=by)

    # What the transport's owner calls

    def data_received(self, data: bytes) -> None:
        """Take bytes from the peer; those that come before the handshake's answer are held, up to a bound."""
        self.bytes_received += len(data)
        self._keepalive.heard = True
        if self._parsing and self._codec is not None:
            self._codec.receive_data(data)
            self._pump()
        elif self._codec is None and self.disconnect is None:
            self._early += data
            if len(self._early) >= self._options.max_queue_bytes:
                self._pause_reading()

    def eof_received(self) -> None:
        """Note that the peer will send nothing more."""
        if self._codec is not None:
            self._codec.receive_eof()
            self._pump()
        elif self.disconnect is None:
            self._transport.close(peer_finished=True)
            self._finish(close_codes.ABNORMAL_CLOSURE, "", by="nobody")

    def connection_lost(self) -> None:
        """Note that the transport is gone; messages that had arrived are still delivered."""
        if self._state is State.OPEN:
            self._state = State.CLOSED
            self.eof_received()
        elif self.disconnect is None:
            self._finish(close_codes.ABNORMAL_CLOSURE, "", by="nobody")
        self._stop_timers()
        self._output.end()
        self._arrived.wake()

    def pause_writing(self) -> None:
        """Note that the transport holds more than it should; `send` waits."""
        self._output.pause()

    def resume_writing(self) -> None:
        """Note that the transport has room again."""
        self._output.resume()
        if self._owed_pong is not None:
            payload, self._owed_pong = self._owed_pong, None
            self._pong(payload)

    def shutdown(self) -> None:
        """End because the server ends: Close 1012, or 503 for a handshake without an answer."""
        if self._state is State.OPEN:
            self._close(close_codes.SERVICE_RESTART, "the server is shutting down", by="server")
        elif self._state is State.CONNECTING and self.disconnect is None:
            self._refuse(503, "the server is shutting down", by="server")

    # Frames in

    def _pump(self) -> None:
        """Move events from the codec to the queue, and answer those that are not for the application."""
        assert self._codec is not None  # noqa: S101  # there is none to pump before the handshake
        while self._parsing and not self._queue.is_full:
            event = self._codec.next_event()
            if event is None:
                break
            if isinstance(event, (TextMessage, BinaryMessage)):
                if self._state is not State.CLOSING:
                    self._queue.put(event)
                    self.messages_received += 1
            elif isinstance(event, Ping):
                self._pong(event.payload)
            elif not isinstance(event, Pong):
                self._parsing = False
                self._last(event)
        if self._queue.events:
            self._arrived.wake()
            if self._reading and self._queue.is_high:
                self._pause_reading()

    def _last(self, event: LastEvent) -> None:
        """Put the event that ends the connection behind the messages, or act on it when those no longer matter."""
        if self._state is State.CLOSING:
            self._conclude(event)
            return
        self._queue.put_last(event)
        if self._state is State.OPEN:
            self._set_timer(self._options.fail_timeout, lambda: self._conclude(event))

    def _conclude(self, event: LastEvent) -> None:
        """End as the peer's last event asks; the application has reached it, or its time is up. Idempotent."""
        if self.disconnect is not None:
            return
        if isinstance(event, EndOfStream):
            self._transport.close(peer_finished=True)
            self._finish(close_codes.ABNORMAL_CLOSURE, "", by="nobody")
            return
        if self._state is State.OPEN and self._codec is not None:
            code = None if event.code == close_codes.NO_STATUS_RECEIVED else event.code
            self._write(self._codec.close(code, event.reason))
        self._transport.close(peer_finished=isinstance(event, Close))
        self._finish(event.code, event.reason, by="client" if isinstance(event, Close) else "server")

    def _taken(self) -> None:
        """Go on reading below the low-water mark, once what was read but not parsed is through."""
        if self._queue.is_low:
            self._pump()
            if self._queue.is_low:
                self._resume_reading()

    def _pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._reading:
            self._reading = True
            self._keepalive.heard = True  # what was unread may be the answer to a ping
            self._transport.resume_reading()

    # Frames out

    def _write(self, data: bytes) -> None:
        self.bytes_sent += len(data)
        # While received messages wait for the application, more output is about to follow.
        self._transport.write(data, more=bool(self._queue.events))

    def _pong(self, payload: bytes) -> None:
        """Answer a ping; while output is blocked only the newest waits (RFC 6455, section 5.5.3)."""
        if self._output.blocked:
            self._owed_pong = payload
        elif self._state is State.OPEN and self._codec is not None:
            self._write(self._codec.pong(payload))

    def _send_ping(self) -> None:
        if self._codec is not None and not self._output.blocked:
            self._write(self._codec.ping())

    # The end

    def _close(self, code: int, reason: str, *, by: ClosedBy) -> None:
        """Send our Close and wait for the peer's; messages that the application has not taken are dropped."""
        assert self._codec is not None  # noqa: S101  # only an open session is closed
        self._queue.clear()
        self._write(self._codec.close(code, reason))
        self._state = State.CLOSING
        self.closed_by = by
        self._keepalive.stop()
        self._output.end()
        if self._queue.last is not None:
            self._conclude(self._queue.last)
        else:
            self._set_timer(self._options.close_timeout, self._transport.abort)
            self._resume_reading()
            self._pump()

    def _finish(self, code: int, reason: str, *, by: ClosedBy) -> None:
        """Settle what the application is told; nothing more is sent."""
        if self._state is not State.CLOSING:
            self.closed_by = by
        self._state = State.CLOSED
        self.disconnect = (code, reason)
        self._parsing = False
        self._stop_timers()
        self._output.end()
        self._arrived.wake()

    def _set_timer(self, delay: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._runtime.call_later(delay, callback)

    def _stop_timers(self) -> None:
        self._keepalive.stop()
        if self._timer is not None:
            self._timer.cancel()
