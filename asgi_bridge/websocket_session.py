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
import math
from collections.abc import Callable, Coroutine
from typing import Any

from wsserve.asgi_bridge import messages
from wsserve.asgi_bridge.application import host_application, log_error, run_application
from wsserve.asgi_bridge.backpressure import OutputFlow
from wsserve.asgi_bridge.cleanup import prepare_cleanups, run_cleanups
from wsserve.asgi_bridge.endings import close_for
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.keepalive import Keepalive
from wsserve.asgi_bridge.message_channel import LastEvent, MessageChannel
from wsserve.asgi_bridge.opening import Opening
from wsserve.asgi_bridge.response import HeaderSource
from wsserve.asgi_bridge.session_state import (
    ANSWERS,
    DENIAL_BODY,
    DENIAL_START,
    EXPECTED,
    ClosedBy,
    SessionRecord,
    State,
)
from wsserve.asgi_bridge.transport import Deadline, Runtime, Transport
from wsserve.asgi_bridge.types import ASGIApp, Message, Scope
from wsserve.asgi_bridge.websocket_options import WebSocketOptions
from wsserve.codec import close_codes
from wsserve.codec.events import Close, EndOfStream, Ping, Pong
from wsserve.codec.http1 import Http1Codec, Request
from wsserve.codec.speedups import compiled

logger = logging.getLogger("wsserve.error")

new_channel = compiled(MessageChannel)


class WebSocketSession(SessionRecord):
    """One WebSocket connection; the transport's owner feeds it, `start` runs the application on it."""

    __slots__ = (
        "_app",
        "_application_over",
        "_connect_delivered",
        "_deadline",
        "_disconnect_delivered",
        "_keepalive",
        "_lost",
        "_opening",
        "_options",
        "_output",
        "_owed_pong",
        "_path",
        "_runtime",
        "_scope",
        "_state",
        "_transport",
        "channel",
    )

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        request: Request,
        http: Http1Codec,
        transport: Transport,
        runtime: Runtime,
        options: WebSocketOptions,
        default_headers: HeaderSource = list,
        on_status: Callable[[int], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._app = app
        self._scope = scope
        self._path: str = scope["path"]
        self._transport = transport
        self._runtime = runtime
        self._options = options

        self._state = State.CONNECTING
        self._opening: Opening | None = Opening(request, http, transport, default_headers, on_status)
        self.channel: MessageChannel = new_channel(
            transport, runtime, self._event, options.max_queue, options.max_queue_bytes
        )
        self._output: OutputFlow | None = None
        self._owed_pong: bytes | None = None
        self._connect_delivered = False
        self._disconnect_delivered = False
        self._deadline = Deadline(runtime)
        self._keepalive: Keepalive | None = None
        self._application_over = False
        self._lost = False

    # The application's task

    def start(self) -> None:
        """Run the application in a task of its own."""
        prepare_cleanups(self._scope)
        self._runtime.spawn(self._run, f"websocket {self._path}")

    def _run(self) -> Coroutine[Any, Any, None]:
        return host_application(
            lambda: self._app(self._scope, self.receive, self.send),
            self._application_ended,
            self._transport,
            self._runtime,
            self._clean_up,
        )

    async def _clean_up(self) -> None:
        error = await run_application(lambda: run_cleanups(self._scope), self._runtime)
        if error is not None:
            logger.error("A cleanup of the WebSocket on %.200r failed", self._path, exc_info=error)
        self._scope = {}  # it leads back here; see `_let_go`
        self._application_over = True
        self._let_go()

    def _let_go(self) -> None:
        """Break the circles of references when all is over: memory is free then at once, without a search for it."""
        if self._application_over and self._lost:
            self.channel.end()

    def _application_ended(self, error: BaseException | None) -> None:
        if error is not None:
            log_error(error, self._path, over=self._state in (State.CLOSING, State.CLOSED))
        elif self._state in (State.CONNECTING, State.DENYING):
            logger.error("The application on %.200r returned before it had answered the handshake", self._path)
        if self._state is State.OPEN:
            closing = (close_codes.NORMAL_CLOSURE, "") if error is None else close_for(error)
            self._close(*(closing or (close_codes.INTERNAL_ERROR, "")), by="application")
        elif self._state is State.DENYING and self._opening is not None and self._opening.denial.begun:
            self._transport.abort()  # the only way to say that a response that has begun is not whole
            self._finish(close_codes.ABNORMAL_CLOSURE, "", by="application")
        elif self._state in (State.CONNECTING, State.DENYING):
            self._refuse(500, "the application failed", by="application")

    # What the application calls

    async def receive(self) -> Message:
        """Return the next ASGI event; the first is `websocket.connect`, the last `websocket.disconnect`.

        Raises `ClientDisconnected` after the disconnect was returned.
        """
        if not self._connect_delivered:
            self._connect_delivered = True
            return {"type": "websocket.connect"}
        channel = self.channel
        while True:
            message = channel.take()
            if message is not None:
                return message
            if not channel.has_messages():
                if channel.last is not None:
                    self._conclude(channel.last)
                if self.disconnect is not None:
                    if self._disconnect_delivered:
                        raise self._gone()
                    self._disconnect_delivered = True
                    code, reason = self.disconnect
                    return {"type": "websocket.disconnect", "code": code, "reason": reason}
            change = channel.wait()
            try:
                await change
            finally:
                channel.leave(change)

    async def send(self, message: Message) -> None:
        """Take an ASGI message from the application; return once there is room for another.

        Raises `InvalidMessageError` or `LocalProtocolError` for a message that is faulty or out of order, and
        `ClientDisconnected` when the client has gone; then a `websocket.close` is still taken, since it asks for what
        is already so.
        """
        if self.channel.send(message):
            return
        opening = self._opening
        message_type = message.get("type")
        if message_type == "websocket.send" and self.accepted:
            payload = messages.payload(message)
            if self.channel.must_wait():
                await self._flow().wait()
                self.channel.had_turn()
            if self.channel.is_open:
                self.channel.send_payload(payload)
                return
            self._check_not_closed_by_application(message_type)
            raise self._gone()
        if message_type == "websocket.close" and self._state is not State.DENYING:
            # Before accept neither code nor reason goes out; FastAPI gives a list of faults for the reason then.
            closure = messages.closure(message) if self.accepted else None
            self._check_not_closed_by_application(message_type)
            if self._state is State.OPEN and closure is not None:
                self._close(*closure, by="application")
            elif self._state is State.CONNECTING:
                self._refuse(403, "the application refused the connection", by="application")
        elif message_type == "websocket.accept" and opening is not None and self._state is State.CONNECTING:
            self._accept(opening, message)
        elif message_type == DENIAL_START and opening is not None and self._state is State.CONNECTING:
            opening.denial.start(message)
            self._state = State.DENYING
        elif message_type == DENIAL_BODY and opening is not None and self._state is State.DENYING:
            await self._deny(opening, message)
        else:
            self._check_not_closed_by_application(message_type)
            if self._state is State.CLOSED and not self.accepted and message_type in ANSWERS:
                raise self._gone()
            raise messages.unexpected(message_type, EXPECTED[self._state])

    def _gone(self) -> ClientDisconnected:
        code, reason = self.disconnect or (close_codes.ABNORMAL_CLOSURE, "")
        return ClientDisconnected(f"the WebSocket has ended with close code {code}", code=code, reason=reason)

    def _check_not_closed_by_application(self, message_type: object) -> None:
        if self.closed_by == "application":
            raise messages.unexpected(message_type, "nothing after the application's own close")

    # The handshake's answer

    def _accept(self, opening: Opening, message: Message) -> None:
        subprotocol, parameters, trailing = opening.accept(message, self._options.deflate)
        options, channel = self._options, self.channel
        channel.codec = codec = options.new_codec(options.limits, parameters)
        channel.is_open = True
        self._opening = None
        self._state = State.OPEN
        self.accepted = True
        self.subprotocol = subprotocol
        opening.on_status(101)
        self._transport.hand_to(channel.data_received)
        self._keepalive = Keepalive(self, self._runtime, options.ping_interval, options.ping_timeout)
        self._keepalive.start()
        channel.bytes_received += len(trailing)
        channel.resume_reading()
        codec.receive_data(trailing + opening.early)
        channel.pump()

    async def _deny(self, opening: Opening, message: Message) -> None:
        flow = self._flow()
        if flow.must_wait:
            await flow.wait()
        if self.disconnect is not None:
            raise self._gone()
        size = opening.denial.body(message)
        flow.sent(size)
        self.channel.bytes_sent += size
        if opening.denial.complete:
            self._transport.close()
            self._finish(close_codes.ABNORMAL_CLOSURE, "", by="application")

    def _refuse(self, status: int, reason: str, *, by: ClosedBy) -> None:
        assert self._opening is not None  # noqa: S101  # only a handshake that has not been answered is refused
        self._opening.refuse(status, reason)
        self._finish(close_codes.ABNORMAL_CLOSURE, "", by=by)

    # What the transport's owner calls

    def data_received(self, data: bytes) -> None:
        """Take bytes from the peer; those that come before the handshake's answer are held, up to a bound."""
        if self.channel.codec is not None:
            self.channel.data_received(data)
            return
        self.channel.bytes_received += len(data)
        if self._opening is not None:
            self._opening.early += data
            if len(self._opening.early) >= self._options.max_queue_bytes:
                self.channel.pause_reading()

    def eof_received(self) -> None:
        """Note that the peer will send nothing more."""
        if self.channel.codec is not None:
            self.channel.codec.receive_eof()
            self.channel.pump()
        else:
            self._conclude(EndOfStream())

    def connection_lost(self) -> None:
        """Note that the transport is gone; messages that had arrived are still delivered."""
        if self._state is State.OPEN:
            self._leave_open(State.CLOSED)
            self.eof_received()
            if self.channel.last is not None:
                self._conclude(self.channel.last)
        elif self.disconnect is None:
            self._finish(close_codes.ABNORMAL_CLOSURE, "", by="nobody")
        self._lost = True
        self._let_go()

    def pause_writing(self) -> None:
        """Note that the transport holds more than it should; `send` waits."""
        self.channel.blocked = True
        self._flow().pause()

    def resume_writing(self) -> None:
        """Note that the transport has room again."""
        self.channel.heard = True  # the peer took what was sent; a ping may only now be on its way
        self.channel.blocked = False
        self._flow().resume()
        if self._owed_pong is not None:
            payload, self._owed_pong = self._owed_pong, None
            self._pong(payload)

    def shutdown(self) -> None:
        """End because the server ends: Close 1012, or 503 for a handshake without an answer."""
        if self._state is State.OPEN:
            self._close(close_codes.SERVICE_RESTART, "the server is shutting down", by="server")
        elif self._state is State.CONNECTING:
            self._refuse(503, "the server is shutting down", by="server")

    # Frames in

    def _event(self, event: Ping | Pong | LastEvent) -> None:
        """Take an event of the codec that is no message."""
        if isinstance(event, Ping):
            self._pong(event.payload)
        elif not isinstance(event, Pong):
            self._last(event)

    def _last(self, event: LastEvent) -> None:
        """Put the event that ends the connection behind the messages, or act on it when those no longer matter."""
        if self._state is State.CLOSING:
            self._conclude(event)
            return
        self.channel.last = event
        if self._state is State.OPEN:
            self._deadline.set(self._options.fail_timeout, lambda: self._conclude(event))

    def _conclude(self, event: LastEvent) -> None:
        """End as the peer's last event asks; the application has reached it, or its time is up. Idempotent."""
        if self.disconnect is not None:
            return
        if isinstance(event, EndOfStream):
            self._transport.close()
            self._finish(close_codes.ABNORMAL_CLOSURE, "", by="nobody")
            return
        if self.channel.is_open and self.channel.codec is not None:
            code = None if event.code == close_codes.NO_STATUS_RECEIVED else event.code
            self.channel.write(self.channel.codec.close(code, event.reason))
        self._transport.close()
        self._finish(event.code, event.reason, by="client" if isinstance(event, Close) else "server")

    # Frames out

    def _flow(self) -> OutputFlow:
        """Return what a sender waits for; most connections never need it."""
        if self._output is None:
            self._output = OutputFlow(self._transport, self._runtime, self._options.write_timeout)
            if self._state in (State.CLOSING, State.CLOSED):
                self._output.end()
        return self._output

    def _pong(self, payload: bytes) -> None:
        """Answer a ping; while output is blocked only the newest waits (RFC 6455, section 5.5.3)."""
        if self.channel.blocked:
            self._owed_pong = payload
        elif self.channel.is_open and self.channel.codec is not None:
            self.channel.write(self.channel.codec.pong(payload))

    # What keepalive calls

    def send_ping(self) -> None:
        """Send a Ping, unless the transport holds more than it should."""
        codec = self.channel.codec
        assert codec is not None  # noqa: S101  # keepalive begins when the handshake was accepted
        codec.rest()  # as good a moment as any
        if not self.channel.blocked:
            self.channel.write(codec.ping())

    def is_alive(self) -> bool:
        """Tell whether the peer has been heard since this was last called, or could not be heard."""
        heard, self.channel.heard = self.channel.heard, False
        return heard or not self.channel.reading or self.channel.blocked

    def give_up(self) -> None:
        """Drop the connection: the peer is silent."""
        self._transport.abort()

    # The end

    def _close(self, code: int, reason: str, *, by: ClosedBy) -> None:
        """Send our Close and wait for the peer's; messages that the application has not taken are dropped."""
        assert self.channel.codec is not None  # noqa: S101  # only an open session is closed
        frame = self.channel.codec.close(code, reason)  # raises before anything has changed
        self.channel.clear()
        self.channel.write(frame)
        self._leave_open(State.CLOSING)
        self.closed_by = by
        if self.channel.last is not None:
            self._conclude(self.channel.last)
        else:
            self._await_close(math.inf)
            self.channel.resume_reading()
            self.channel.pump()

    def _await_close(self, unsent_before: float) -> None:
        """Wait for the peer's Close, as long as the peer still takes what was sent before ours; then give it up."""
        unsent = self._transport.write_buffer_size()
        if unsent < unsent_before:
            self._deadline.set(self._options.close_timeout, lambda: self._await_close(unsent))
        else:
            self._transport.abort()

    def _finish(self, code: int, reason: str, *, by: ClosedBy) -> None:
        """Settle what the application is told; nothing more is sent."""
        if self._state is not State.CLOSING:
            self.closed_by = by
        self._leave_open(State.CLOSED)
        self._opening = None
        self.disconnect = (code, reason)
        self.channel.wake()

    def _leave_open(self, state: State) -> None:
        self._state = state
        self.channel.is_open = False
        self._deadline.cancel()
        if self._keepalive is not None:
            self._keepalive.stop()
            self._keepalive = None
        if self._output is not None:
            self._output.end()
