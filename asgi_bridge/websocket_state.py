"""The state of one WebSocket connection, shared by all `WebSocket` objects that stand on its scope.

Middleware and handler each make a `WebSocket` of their own. The state of the connection therefore lives in the scope,
under `STATE_KEY`, and goes along with every shallow copy that a middleware makes of the scope.
"""

import inspect
import logging
from collections.abc import Callable
from enum import IntEnum
from typing import Final

import anyio

from wsserve.asgi_bridge.exceptions import WebSocketDisconnect, WebSocketRuntimeError
from wsserve.asgi_bridge.receiver import Receiver
from wsserve.asgi_bridge.types import Message, Receive, Scope
from wsserve.codec.close_codes import ABNORMAL_CLOSURE, NO_STATUS_RECEIVED

logger = logging.getLogger("wsserve.websocket")

STATE_KEY: Final = "wsserve.websocket"

Cleanup = Callable[[], object]


class WebSocketState(IntEnum):
    """How far one side of a connection is."""

    CONNECTING = 0
    CONNECTED = 1
    DISCONNECTED = 2
    RESPONSE = 3
    """The application denies the handshake with an HTTP response, which is not complete."""


CONNECTING, CONNECTED, DISCONNECTED, RESPONSE = WebSocketState

SENT: Final[dict[tuple[WebSocketState, object], WebSocketState]] = {
    (CONNECTING, "websocket.accept"): CONNECTED,
    (CONNECTING, "websocket.close"): DISCONNECTED,
    (CONNECTING, "websocket.http.response.start"): RESPONSE,
    (RESPONSE, "websocket.http.response.body"): RESPONSE,
    (CONNECTED, "websocket.send"): CONNECTED,
    (CONNECTED, "websocket.close"): DISCONNECTED,
}
"""What an application may send in each of its states, and the state after it. The last body message ends RESPONSE."""

RECEIVED: Final[dict[tuple[WebSocketState, object], WebSocketState]] = {
    (CONNECTING, "websocket.connect"): CONNECTED,
    (CONNECTING, "websocket.disconnect"): DISCONNECTED,
    (CONNECTED, "websocket.receive"): CONNECTED,
    (CONNECTED, "websocket.disconnect"): DISCONNECTED,
    # A failed send may tell that the client has gone before what it sent until then has been received.
    (DISCONNECTED, "websocket.connect"): DISCONNECTED,
    (DISCONNECTED, "websocket.receive"): DISCONNECTED,
    (DISCONNECTED, "websocket.disconnect"): DISCONNECTED,
}
"""What a server may deliver in each state of the client, and the state after it."""


class ConnectionState:
    """What is known of a connection by what went through its `WebSocket` objects."""

    __slots__ = (
        "accepted",
        "application_state",
        "cleanups",
        "client_state",
        "close_code",
        "close_reason",
        "is_open",
        "is_raw",
        "receivers",
    )

    def __init__(self) -> None:
        self.client_state = CONNECTING
        self.application_state = CONNECTING
        self.accepted = False
        """Whether the handshake was ever accepted: messages may be received."""
        self.is_open = False
        """Whether both sides are connected: one look instead of two for every message."""
        self.is_raw = False
        """Whether an application sends by itself, and may have received what is not known here."""
        self.close_code: int | None = None
        self.close_reason = ""
        self.cleanups: list[tuple[Cleanup, float]] = []
        """Functions, each with the seconds that it may take."""
        self.receivers: list[Receiver] = []

    @classmethod
    def of(cls, scope: Scope) -> "ConnectionState":
        """Return the state that belongs to `scope`, made and stored there when there is none yet."""
        state: ConnectionState | None = scope.get(STATE_KEY)
        if state is None:
            state = scope[STATE_KEY] = cls()
        return state

    def receiver(self, receive: Receive) -> Receiver:
        """Return what calls `receive` for all `WebSocket` objects that were given the same callable."""
        for receiver in self.receivers:
            if receiver.receive == receive:
                return receiver
        receiver = Receiver(receive)
        self.receivers.append(receiver)
        return receiver

    def after_sending(self, kind: object) -> WebSocketState:
        """Return the application's state after a message of type `kind`.

        Raises `WebSocketRuntimeError` when it may not be sent now.
        """
        before = self.application_state
        following = SENT.get((before, kind))
        if following is None:
            if before is DISCONNECTED:
                raise WebSocketRuntimeError(f"{kind!r} cannot be sent: the application has closed the WebSocket before")
            allowed = " or ".join(repr(name) for state, name in SENT if state is before)
            hint = ": call accept() first" if (before, kind) == (CONNECTING, "websocket.send") else ""
            raise WebSocketRuntimeError(f"{kind!r} cannot be sent in the state {before.name}, only {allowed}{hint}")
        return following

    async def sent(self, message: Message, following: WebSocketState) -> None:
        """Note that `message` was sent, and run the cleanups when it was the last one."""
        self._note(message, following)
        if following is DISCONNECTED:
            await self._ended()

    def note_raw(self, message: Message) -> None:
        """Note a message that an application sends by itself; one that it may not send is the server's to refuse."""
        self.is_raw = True
        kind = message.get("type")
        following = SENT.get((self.application_state, kind))
        if kind == "websocket.http.response.body" and not message.get("more_body", False):
            following = following and DISCONNECTED
        if following is not None:
            self._note(message, following)

    def _note(self, message: Message, following: WebSocketState) -> None:
        self.application_state = following
        self.accepted = self.accepted or following is CONNECTED
        self.is_open = following is CONNECTED and self.client_state is not DISCONNECTED
        if following is DISCONNECTED and self.close_code is None:
            self.close_code = message.get("code", ABNORMAL_CLOSURE)
            self.close_reason = message.get("reason", "")

    async def received(self, message: Message, before: WebSocketState) -> None:
        """Note that `message` came when the client's state was `before`; run the cleanups when it is the disconnect.

        Raises `WebSocketRuntimeError` for a message that may not come then.
        """
        kind = message["type"]
        following = RECEIVED.get((before, kind))
        if following is None:
            raise WebSocketRuntimeError(f"the server delivered {kind!r} while the client was {before.name}")
        if kind == "websocket.disconnect":
            code = message.get("code")
            await self._client_has_gone(NO_STATUS_RECEIVED if code is None else code, message.get("reason"))
        elif self.client_state is CONNECTING:
            self.client_state = following

    async def lost(self, error: OSError) -> WebSocketDisconnect:
        """Note that the server's `send` found the client gone, and return the error for that.

        Servers raise an `OSError` for it (ASGI specification, WebSocket 2.4).
        """
        if self.client_state is not DISCONNECTED:
            await self._client_has_gone(getattr(error, "code", ABNORMAL_CLOSURE), getattr(error, "reason", ""))
        return self.gone()

    def gone(self) -> WebSocketDisconnect:
        """Return the error for a connection that has ended."""
        return WebSocketDisconnect(self.close_code or ABNORMAL_CLOSURE, self.close_reason)

    async def _client_has_gone(self, code: int, reason: str | None) -> None:
        self.client_state = DISCONNECTED
        self.is_open = False
        self.close_code = code
        self.close_reason = reason or ""
        await self._ended()

    async def _ended(self) -> None:
        for receiver in self.receivers:
            receiver.announce_change()
        await self.run_cleanups()

    async def run_cleanups(self) -> None:
        """Run the cleanups that have not run yet, the newest first, shielded from cancellation.

        An error of one is logged and stops none of the others. What is no `Exception`, such as `KeyboardInterrupt`, is
        raised when all have run.
        """
        if not self.cleanups:
            return
        interruption: BaseException | None = None
        while self.cleanups:
            cleanup, timeout = self.cleanups.pop()
            try:
                result = cleanup()
                if inspect.isawaitable(result):
                    with anyio.move_on_after(timeout, shield=True) as limit:
                        await result
                    if limit.cancelled_caught:
                        logger.error("The cleanup %r of a WebSocket took over %g s", cleanup, timeout)
            except Exception:
                logger.exception("The cleanup %r of a WebSocket failed", cleanup)
            except BaseException as error:
                interruption = interruption or error
        if interruption is not None:
            raise interruption
