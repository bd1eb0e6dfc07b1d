"""One WebSocket connection in process: to the application a server, to the test client its peer.

It holds the application to the rules that a server holds it to, with the same errors: see `WebSocketSession`, which
does so over a network. What the client sends, its Close included, waits in a queue and reaches the application in
order, so that replies that were earned before a Close still arrive.
"""

from collections import deque
from collections.abc import Iterable

import anyio
import anyio.lowlevel

from wsserve.asgi_bridge import messages
from wsserve.asgi_bridge.endings import close_for
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.session_state import ANSWERS, DENIAL_BODY, DENIAL_START, EXPECTED, SessionRecord, State
from wsserve.asgi_bridge.testing.changes import Changes
from wsserve.asgi_bridge.testing.failures import is_failure, presentable
from wsserve.asgi_bridge.testing.response import MAX_BODY_BYTES
from wsserve.asgi_bridge.types import Message
from wsserve.codec.close_codes import ABNORMAL_CLOSURE, INTERNAL_ERROR, NORMAL_CLOSURE, truncate_reason
from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.handshake import Handshake, switching_response
from wsserve.codec.header_fields import check_headers


class Connection(SessionRecord):
    """The state of the connection between the application's `receive` and `send` and the client's methods.

    `handshake` and `extensions` are those that the client offers; `max_queue` is how many messages may wait in each
    direction, `seconds_to_answer` how long an application that has taken a message may still send when the client's
    Close waits for it.
    """

    def __init__(
        self,
        handshake: Handshake,
        extensions: Iterable[str],
        changes: Changes,
        max_queue: int,
        seconds_to_answer: float,
    ) -> None:
        super().__init__()
        self.state = State.CONNECTING
        self.accept_headers: messages.HeaderList = []
        self.denial_status: int | None = None
        self.denial_headers: messages.HeaderList = []
        self.denial_body = bytearray()
        self.denied = False
        """Whether the handshake was refused; the denial is complete."""
        self.unanswered = False
        """Whether the application ended and had not answered the handshake."""
        self.end: tuple[int, str] | None = None
        """Close code and reason, once the connection has ended for the client."""
        self.leaving: tuple[int, str] | None = None
        """Close code and reason of the client's Close, which waits behind its messages."""
        self.to_client: deque[Message] = deque()
        self.to_application: deque[Message] = deque()
        self.receiving = 0
        """How many calls of the application wait in `receive`."""
        self.sending = 0
        """How many calls of the application wait in `send`."""
        self.failure: Exception | None = None
        """What the application raised, when a server would log it as an error."""
        self._extensions = frozenset(extensions)
        self._handshake = handshake
        self._changes = changes
        self._max_queue = max_queue
        self._seconds_to_answer = seconds_to_answer
        self._connect_delivered = False
        self._disconnect_delivered = False
        self._left_at = 0.0
        self._may_owe_answer = False

    # What the application calls

    async def receive(self) -> Message:
        """Return the next ASGI event; the first is `websocket.connect`, the last `websocket.disconnect`.

        Raises `ClientDisconnected` after the disconnect was returned.
        """
        if not self._connect_delivered:
            self._connect_delivered = True
            return {"type": "websocket.connect"}
        self._may_owe_answer = False
        self.receiving += 1
        try:
            await self._changes.until(self._has_event)
        finally:
            self.receiving -= 1
        if self.to_application:
            self._may_owe_answer = True
            message = self.to_application.popleft()
            self._changes.announce()
            return message
        if self.leaving is not None:
            self._conclude(*self.leaving)
        if self._disconnect_delivered or self.disconnect is None:
            await anyio.lowlevel.checkpoint()  # as in `send`
            raise self._gone()
        self._disconnect_delivered = True
        code, reason = self.disconnect
        return {"type": "websocket.disconnect", "code": code, "reason": reason}

    def _has_event(self) -> bool:
        return bool(self.to_application) or self.leaving is not None or self.disconnect is not None

    async def send(self, message: Message) -> None:
        """Take an ASGI message from the application; wait first while the client has not received many others.

        Raises `InvalidMessageError` or `LocalProtocolError` for a message that is faulty or out of order, and
        `ClientDisconnected` when the client has gone; then a `websocket.close` is still taken.
        """
        try:
            await self._take(message)
        except Exception:
            await anyio.lowlevel.checkpoint()  # or an application that tries again for ever lets nobody else run
            raise

    async def _take(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "websocket.send" and self.accepted:
            await self._send(message)
        elif kind == "websocket.close" and self.state is not State.DENYING:
            # Before accept neither code nor reason goes out, so they are not looked at.
            closure = messages.closure(message) if self.accepted else None
            self._check_not_closed_by_application(kind)
            if self.state is State.OPEN and closure is not None:
                self._close(closure[0], truncate_reason(closure[1]).decode())
            elif self.state is State.CONNECTING:
                self._deny(403)
        elif kind == "websocket.accept" and self.state is State.CONNECTING:
            self._accept(message)
        elif kind == DENIAL_START and self.state is State.CONNECTING:
            self._start_denial(message)
        elif kind == DENIAL_BODY and self.state is State.DENYING and self.denial_status is not None:
            await self._continue_denial(self.denial_status, message)
        else:
            self._check_not_closed_by_application(kind)
            if self.state is State.CLOSED and not self.accepted and kind in ANSWERS:
                raise self._gone()
            raise messages.unexpected(kind, EXPECTED[self.state])

    async def _send(self, message: Message) -> None:
        payload = messages.payload(message)
        self.sending += 1
        try:
            await self._changes.until(self._has_room)
        finally:
            self.sending -= 1
        if self.leaving is not None:
            await self._check_leave(self.leaving)
        if self.state is not State.OPEN:
            self._check_not_closed_by_application("websocket.send")
            raise self._gone()
        if isinstance(payload, str):
            check_text(payload)
        self._to_client({"type": "websocket.send", "text" if isinstance(payload, str) else "bytes": payload})

    def _has_room(self) -> bool:
        return len(self.to_client) < self._max_queue or self.state is not State.OPEN or self.leaving is not None

    async def _check_leave(self, leaving: tuple[int, str]) -> None:
        """End the connection for a client that has closed, unless the application may be answering a message of it."""
        await anyio.lowlevel.checkpoint()  # or an application that sends without end would let nobody else run
        late = anyio.current_time() - self._left_at > self._seconds_to_answer or len(self.to_client) >= self._max_queue
        if late or not (self.to_application or self._may_owe_answer):
            self._conclude(*leaving)

    def _accept(self, message: Message) -> None:
        subprotocol, headers = messages.acceptance(message)
        switching_response(self._handshake, (), subprotocol, None, headers)  # which checks all of it
        self.subprotocol = subprotocol
        self.accept_headers = _received(headers)
        self.state = State.OPEN
        self.accepted = True
        self._changes.announce()

    def _start_denial(self, message: Message) -> None:
        if "websocket.http.response" not in self._extensions:
            raise messages.InvalidMessageError(
                f"the application sent {DENIAL_START!r} without the extension 'websocket.http.response' in "
                f"scope['extensions']: it must send 'websocket.close' then"
            )
        self.denial_status, self.denial_headers = messages.response_start(message)
        self.state = State.DENYING

    async def _continue_denial(self, status: int, message: Message) -> None:
        await anyio.lowlevel.checkpoint()
        await self._changes.until(lambda: len(self.denial_body) < MAX_BODY_BYTES or self.state is State.CLOSED)
        if self.state is State.CLOSED:
            raise self._gone()
        body, more = messages.response_body(message)
        if not self.denial_body:
            self.denial_headers = _received(self.denial_headers)
        self.denial_body += body
        if not more:
            self._deny(status)

    def _deny(self, status: int) -> None:
        self.denial_status = status
        self.denied = True
        self._finish(ABNORMAL_CLOSURE, "")
        self.closed_by = "application"

    def _close(self, code: int, reason: str) -> None:
        """Close by the application; the client answers at once, and what it sent and nobody took is dropped."""
        self.to_application.clear()
        self.closed_by = "application"
        self._to_client({"type": "websocket.close", "code": code, "reason": reason})
        self.end = (code, reason)
        self._finish(*(self.leaving or self.end))

    def _gone(self) -> ClientDisconnected:
        code, reason = self.disconnect or (ABNORMAL_CLOSURE, "")
        return ClientDisconnected(f"the WebSocket has ended with close code {code}", code=code, reason=reason)

    def _check_not_closed_by_application(self, kind: object) -> None:
        if self.closed_by == "application":
            raise messages.unexpected(kind, "nothing after the application's own close")

    # What the client calls

    def may_take(self) -> bool:
        """Tell whether there is room for a message of the client, or no use for one."""
        return len(self.to_application) < self._max_queue or self.disconnect is not None

    def client_sends(self, message: Message) -> None:
        """Put a message of the client behind the others."""
        self.to_application.append(message)
        self._changes.announce()

    def client_closes(self, code: int, reason: str) -> None:
        """Put the client's Close behind its messages."""
        if self.leaving is None and self.state is State.OPEN:
            self.leaving = (code, reason)
            self._left_at = anyio.current_time()
            self._changes.announce()

    def client_is_lost(self) -> None:
        """Break the connection; what the client sent until then is still delivered."""
        if self.disconnect is None:
            self.closed_by = "nobody"
            self._finish(ABNORMAL_CLOSURE, "")

    def application_ended(self, error: BaseException | None) -> None:
        """End the connection as a server does when the application has returned or raised."""
        unanswered = self.state in (State.CONNECTING, State.DENYING)
        if error is not None and (unanswered or is_failure(error, over=self.state is State.CLOSED)):
            self.failure = presentable(error)
        if self.state is State.OPEN:
            closing = (NORMAL_CLOSURE, "") if error is None else close_for(error)
            self._close(*(closing or (INTERNAL_ERROR, "")))
        elif unanswered:
            self.unanswered = True
            self.denial_headers = []
            self.denial_body.clear()
            self._deny(500)

    # Both

    def _to_client(self, message: Message) -> None:
        self.to_client.append(message)
        self._changes.announce()

    def _conclude(self, code: int, reason: str) -> None:
        """End as the client's Close asks: the application has reached it, or its time is up."""
        if self.disconnect is None:
            self.closed_by = "client"
            self._finish(code, reason)

    def _finish(self, code: int, reason: str) -> None:
        self.state = State.CLOSED
        self.disconnect = (code, reason)
        self.end = self.end or self.disconnect
        self._changes.announce()


def check_text(text: str) -> None:
    """Raise `LocalProtocolError` for a text that a frame cannot carry (RFC 6455, section 5.6)."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(
            f"text cannot be encoded as UTF-8: lone surrogate {text[error.start]!r} at index {error.start}"
        ) from error


def _received(headers: messages.HeaderList) -> messages.HeaderList:
    return [(name.lower(), value) for name, value in check_headers(headers)]
