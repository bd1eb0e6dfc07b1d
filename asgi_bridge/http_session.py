"""One plain HTTP request and its response: one call of the application with an `http` scope."""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from wsserve.asgi_bridge import messages
from wsserve.asgi_bridge.application import host_application, log_error
from wsserve.asgi_bridge.backpressure import OutputFlow
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.response import HeaderSource, Response
from wsserve.asgi_bridge.transport import Gate, Runtime, Transport
from wsserve.asgi_bridge.types import ASGIApp, Message, Scope
from wsserve.codec.http1 import Http1Codec, Refusal, Request

logger = logging.getLogger("wsserve.error")


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Bounds of a request and its response; times in seconds, sizes in bytes."""

    max_queue_bytes: int = 65536
    """How much of a request's body waits for the application before reading pauses."""
    write_timeout: float = 20.0
    """How long a client may take nothing of a response that waits for it."""


class HttpSession:
    """One request; the connection feeds it the body, `start` runs the application on it, `on_end` tells it is over."""

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        request: Request,
        http: Http1Codec,
        transport: Transport,
        runtime: Runtime,
        options: HttpOptions,
        default_headers: HeaderSource,
        on_status: Callable[[int], None],
        on_end: Callable[[bool], None],
    ) -> None:
        self._app = app
        self._scope = scope
        self._path: str = scope["path"]
        self._http = http
        self._transport = transport
        self._runtime = runtime
        self._options = options
        self._default_headers = default_headers
        self._on_status = on_status
        self._on_end = on_end
        self._response = Response(http, transport, default_headers, on_status, head_only=request.method == "HEAD")
        self._owes_continue = request.expects_continue
        self._body = bytearray()
        self._body_complete = False
        self._body_delivered = False
        self._eof = False
        self._disconnected = False
        self._arrived = Gate(runtime.new_signal)
        self._output = OutputFlow(transport, runtime, options.write_timeout)

    @property
    def has_begun(self) -> bool:
        """Whether a part of the response is on the wire."""
        return self._response.begun

    # The application's task

    def start(self) -> None:
        """Run the application in a task of its own."""
        self._runtime.spawn(self._run, f"http {self._path}")

    def _run(self) -> Coroutine[Any, Any, None]:
        return host_application(
            lambda: self._app(self._scope, self.receive, self.send),
            self._application_ended,
            self._transport,
            self._runtime,
        )

    def _application_ended(self, error: BaseException | None) -> None:
        if error is not None:
            log_error(error, self._path, over=self._disconnected)
        elif not self._response.complete and not self._disconnected and not self._eof:
            logger.error("The application on %.200r returned before its response was complete", self._path)
        if not self._response.complete and not self._disconnected:
            if self._response.begun:
                self._transport.abort()  # the only way to say that a response that has begun is not whole
            else:
                refusal = Refusal(500, "the application failed", self._default_headers())
                self._transport.write(self._http.refuse(refusal))
                self._on_status(500)
            self.connection_lost()
            self._on_end(False)

    # What the application calls

    async def receive(self) -> Message:
        """Return the next part of the body, or `http.disconnect` once the response is complete or the client left."""
        while True:
            if self._disconnected or self._response.complete:
                return {"type": "http.disconnect"}
            if self._body or (self._body_complete and not self._body_delivered):
                body = bytes(self._body)
                self._body.clear()
                self._body_delivered = self._body_complete
                if not self._body_complete:
                    self._transport.resume_reading()
                return {"type": "http.request", "body": body, "more_body": not self._body_complete}
            if self._eof:
                return {"type": "http.disconnect"}
            if self._owes_continue and not self._response.begun:
                self._owes_continue = False
                self._transport.write(self._http.send_continue())
            await self._arrived.wait()

    async def send(self, message: Message) -> None:
        """Take a part of the response; return once there is room for another.

        Raises `InvalidMessageError` or `LocalProtocolError` for a message that is faulty or out of order, and
        `ClientDisconnected` when the client has gone.
        """
        message_type = message.get("type")
        if message_type == "http.response.start":
            self._response.start(message)
        elif message_type == "http.response.body":
            if self._output.must_wait:
                await self._output.wait()
            if self._disconnected:
                raise ClientDisconnected("the client has closed the connection")
            self._output.sent(self._response.body(message))
            if self._response.complete:
                self._arrived.wake()
                self._end_when_taken()
        else:
            raise messages.unexpected(message_type, "'http.response.start' or 'http.response.body'")

    # What the connection calls

    def body_received(self, data: bytes) -> None:
        """Take a part of the request's body."""
        self._owes_continue = False
        self._body += data
        if len(self._body) >= self._options.max_queue_bytes:
            self._transport.pause_reading()
        self._arrived.wake()

    def body_complete(self) -> None:
        """Note that the request's body is whole."""
        self._body_complete = True
        self._arrived.wake()

    def eof_received(self) -> None:
        """Note that the client will send nothing more.

        Most clients have gone then, so the application is told of a disconnect; its response still goes out, for those
        that have only closed their half.
        """
        self._eof = True
        self._arrived.wake()

    def connection_lost(self) -> None:
        """Note that the client has gone."""
        self._disconnected = True
        self._output.end()
        self._arrived.wake()

    def pause_writing(self) -> None:
        """Note that the transport holds more than it should; `send` waits."""
        self._output.pause()

    def resume_writing(self) -> None:
        """Note that the transport has room again."""
        self._output.resume()
        self._end_when_taken()

    def _end_when_taken(self) -> None:
        """End once the client has taken the response, so that what it leaves untaken does not pile up."""
        if self._response.complete and not self._output.blocked:
            self._on_end(self._body_complete)
