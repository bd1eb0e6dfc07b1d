"""The `WebSocket` class: what a handler holds in its hand. It works on any ASGI server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

import anyio

from wsserve.asgi_bridge.endings import close_for, denial_for, is_answer
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect, WebSocketRuntimeError
from wsserve.asgi_bridge.headers import HeaderPairs
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.json_messages import encode_json, is_binary
from wsserve.asgi_bridge.outgoing import CHECKS, acceptance, closure
from wsserve.asgi_bridge.receiving import Receiving
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket_state import Cleanup, WebSocketState
from wsserve.codec.close_codes import ABNORMAL_CLOSURE, NORMAL_CLOSURE

__all__ = ["WebSocket", "WebSocketClose", "WebSocketDisconnect", "WebSocketRuntimeError", "WebSocketState"]

CONNECTING, CONNECTED, DISCONNECTED, _ = WebSocketState


class WebSocket(Receiving):
    """One WebSocket connection of an ASGI application.

    `scope`, `receive` and `send` are what the application was called with. Several objects on one scope, such as a
    middleware's and a handler's, share the connection's state and cleanups. Raises `ValueError` for a scope of another
    type than `websocket`.

    As a context manager it ends the connection as the block ends: see `__aexit__`.
    """

    __slots__ = ("_closing", "_send")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("type") != "websocket":
            raise ValueError(f"a WebSocket needs a scope of type 'websocket', not {scope.get('type')!r}")
        super().__init__(scope, receive)
        self._send = send
        self._closing = False

    def __repr__(self) -> str:
        return f"<WebSocket {self.scope.get('path')!r} {self.application_state.name}>"

    # State

    @property
    def client_state(self) -> WebSocketState:
        """CONNECTED once the server has announced the client, DISCONNECTED once it is known to have gone."""
        return self._state.client_state

    @property
    def application_state(self) -> WebSocketState:
        """CONNECTED once this side has accepted, DISCONNECTED once it has closed or denied the handshake."""
        return self._state.application_state

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, by either side, as far as this side has noticed."""
        return DISCONNECTED in (self._state.client_state, self._state.application_state)

    @property
    def close_code(self) -> int | None:
        """The close code of the end, None before it.

        After an own `close()` it is that code until the server reports how the closing handshake ended. 1005: the
        client gave none; 1006: the connection was lost or the handshake denied (RFC 6455, section 7.1.5).
        """
        return self._state.close_code

    @property
    def close_reason(self) -> str:
        """The close reason that belongs to `close_code`; empty when there is none."""
        return self._state.close_reason

    # Opening

    async def accept(self, subprotocol: str | None = None, headers: HeaderPairs | None = None) -> None:
        """Accept the handshake with one of the subprotocols that the client offered, and with these headers.

        Raises `TypeError` or `ValueError` for what the handshake cannot carry, with nothing sent and nothing changed;
        `WebSocketDisconnect` when the client has left meanwhile; `WebSocketRuntimeError` when it is not the time.
        """
        message = acceptance(self.scope, subprotocol, headers)
        self._state.after_sending("websocket.accept")
        if self._state.client_state is CONNECTING:
            await self.receive()
        await self._deliver(message, CONNECTED)

    async def send_denial_response(
        self, status: int | ASGIApp = 403, body: bytes | str = b"", headers: HeaderPairs | None = None
    ) -> None:
        """Refuse the handshake with an HTTP response; a body of str goes out as text.

        In place of the three, `status` may be a response: a `Response`, or that of a framework such as Starlette.
        A server without the extension `websocket.http.response` cannot do that: then it is a `close()`, which it
        answers with 403. Raises `TypeError` and `ValueError` for a faulty response, `WebSocketDisconnect` when the
        client has left, `WebSocketRuntimeError` when the handshake is over.
        """
        response = status if callable(status) else Response(body, status, headers)
        self._state.after_sending("websocket.http.response.start")
        if "websocket.http.response" not in (self.scope.get("extensions") or ()):
            await self.close()
            return
        await response(self.scope, self._receiver.receive, self._send_denial)

    # Sending

    # The hot path of the next two is written out. They compare types, since `isinstance` takes longer and is needed for
    # subclasses only, and they call a local `send`, since Python 3.11 has no quick way to call what is in a slot.

    async def send_text(self, data: str) -> None:
        """Send a text message.

        Raises `TypeError` for what is no str, `WebSocketDisconnect` when the client has left, `WebSocketRuntimeError`
        before `accept()` and after `close()`.
        """
        if type(data) is not str and not isinstance(data, str):
            raise TypeError(f"send_text() takes a str, not {type(data).__name__}")
        if not self._state.is_open:
            raise self._cannot_send()
        send = self._send
        try:
            await send({"type": "websocket.send", "text": data})
        except OSError as error:
            raise await self._state.lost(error) from error

    async def send_bytes(self, data: bytes | bytearray | memoryview) -> None:
        """Send a binary message. Raises what `send_text` does, `TypeError` for what is no bytes-like object."""
        if type(data) is not bytes:
            if not isinstance(data, (bytes, bytearray, memoryview)):
                raise TypeError(f"send_bytes() takes bytes, a bytearray or a memoryview, not {type(data).__name__}")
            data = bytes(data)
        if not self._state.is_open:
            raise self._cannot_send()
        send = self._send
        try:
            await send({"type": "websocket.send", "bytes": data})
        except OSError as error:
            raise await self._state.lost(error) from error

    async def send_json(self, data: Any, mode: str = "text", *, default: Callable[[Any], Any] | None = None) -> None:
        """Send `data` as JSON, in a text message or, with `mode="binary"`, in a binary one.

        `default` turns objects of types that msgspec does not know into some that it does. Raises what `send_text`
        does, `TypeError` for another type, `ValueError` for NaN and infinity.
        """
        binary = is_binary(mode)
        encoded = encode_json(data, default)
        if binary:
            await self.send_bytes(encoded)
        else:
            await self.send_text(encoded.decode())

    async def send(self, message: Message) -> None:
        """Send an ASGI message, checked for its content and for its place in the connection.

        Raises `WebSocketRuntimeError` when it may not be sent now, `WebSocketDisconnect` when the client has left (but
        a `websocket.close` is then no error), `TypeError`, `ValueError` or
        `wsserve.asgi_bridge.messages.InvalidMessageError` for faulty content.
        """
        kind = message.get("type")
        following = self._state.after_sending(kind)
        message = CHECKS[message["type"]](self.scope, message)
        if kind == "websocket.http.response.body" and not message.get("more_body", False):
            following = DISCONNECTED
        await self._deliver(message, following)

    # Closing

    async def close(self, code: int = NORMAL_CLOSURE, reason: str | None = None) -> None:
        """Close the connection, before `accept()` deny the handshake (403), and run the cleanups.

        The reason is cut to 123 bytes. Closing again or after the client has left does nothing. Raises `ValueError` for
        a code that must not be sent (RFC 6455, section 7.4), `TypeError` for a reason that is no str.
        """
        message = closure(code, reason)
        if self._closing:
            return
        self._closing = True
        try:
            if self._state.application_state is not DISCONNECTED:
                self._state.after_sending("websocket.close")
                await self._deliver(message, DISCONNECTED)
        finally:
            self._closing = False
            await self._state.run_cleanups()

    async def wait_closed(self, *, discard: bool = False) -> int:
        """Wait until the connection has ended, and return its close code: for a handler that only sends.

        Messages that come meanwhile wait for a receive, at the same time or later. When 16 of them or 64 KiB wait,
        no more are taken from the server, and the end is not noticed before some are received. With `discard`, and
        after an own `close()`, they are dropped instead: give it where nothing is ever received. Raises
        `WebSocketRuntimeError` before `accept()`.
        """
        state, receiver = self._state, self._receiver
        if state.application_state is CONNECTING:
            raise WebSocketRuntimeError("nothing can be waited for: call accept() first")
        while state.client_state is not DISCONNECTED:
            drop = discard or state.application_state is DISCONNECTED
            if receiver.calling or (receiver.is_full() and not drop):
                await receiver.wait_for_change()
                continue
            message = await receiver.call()
            if message["type"] == "websocket.disconnect":
                receiver.keep(message)
                await state.received(message, state.client_state)
            elif not drop:
                receiver.keep(message)
        return state.close_code or ABNORMAL_CLOSURE

    @asynccontextmanager
    async def cancel_on_disconnect(self, *, discard: bool = False) -> AsyncIterator[None]:
        """Cancel what stands in the block when the connection ends: for a handler that only sends.

        The program goes on below the block. Messages that come meanwhile are kept or discarded as `wait_closed` does.
        Raises `WebSocketRuntimeError` before `accept()`.
        """
        if self._state.application_state is CONNECTING:
            raise WebSocketRuntimeError("nothing can be watched for its end: call accept() first")
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                await self.wait_closed(discard=discard)
                tasks.cancel_scope.cancel()

            tasks.start_soon(watch)
            try:
                yield
            except Exception as error:  # raised below as it is, where the task group would wrap it
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def add_cleanup(self, function: Cleanup, *, timeout: float = 10.0) -> None:
        """Register what is to run once when the connection has ended, however it ends.

        `function` takes no argument; an awaitable that it returns is awaited, for `timeout` seconds at the most, and
        shielded from cancellation. The newest runs first. An error is logged to `wsserve.websocket` and stops none of
        the others. They run when the end is noticed: at the own close, or when a receive or a send finds the client
        gone; else when the handler is done, where something waits for that: wsserve, `websocket_app`, or `async with`.
        What is added after the end runs at the next of these. Raises `TypeError` for what cannot be called.
        """
        if not callable(function):
            raise TypeError(f"add_cleanup() takes a function without arguments, not {function!r}")
        self._state.cleanups.append((function, timeout))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        """End an accepted connection as the block has ended, and run the cleanups.

        Without an error, and after a `WebSocketDisconnect`, which ends here and may be another connection's, an open
        connection is closed with 1000. Errors end here too that say what to tell the client: a `WebSocketException`, a
        `WebSocketMessageError` with 1003 or 1007, an `HTTPException` and its like, which before `accept()` become
        denials. Any other `Exception` closes with 1011 and goes on. What is none, such as cancellation, goes on and
        closes nothing. Of an exception group all errors count. A handshake that was not answered is otherwise left to
        the server.
        """
        try:
            if error is None:
                await self._close_accepted(NORMAL_CLOSURE)
            elif isinstance(error, Exception):
                await self.end_with(error)
                return is_answer(error)
            return False
        finally:
            await self._state.run_cleanups()

    async def end_with(self, error: Exception) -> None:
        """Tell the client of an error that the handler ended with, as far as it has not been told of an end before.

        An accepted connection is closed; a handshake is denied, when the error says how: see `__aexit__`.
        """
        if self._state.application_state is not CONNECTING:
            # A disconnect may be that of another connection.
            await self._close_accepted(*(close_for(error) or (NORMAL_CLOSURE,)))
        elif (denied := denial_for(error)) is not None:
            with suppress(WebSocketDisconnect):
                await self.send_denial_response(denied.status, denied.body, denied.headers)
        elif is_answer(error):
            await self.close()

    # Within

    def _send_denial(self, message: Message) -> Awaitable[None]:
        kind = message["type"]  # some frameworks' responses know of the extension, others do not
        return self.send({**message, "type": f"websocket.{kind}"} if kind.startswith("http.") else message)

    async def _close_accepted(self, code: int, reason: str = "") -> None:
        if self._state.application_state is CONNECTED:
            await self.close(code, reason)

    async def _deliver(self, message: Message, following: WebSocketState) -> None:
        """Send a checked message, then note the state that follows. Closing what has ended already is no error."""
        state = self._state
        try:
            if state.client_state is DISCONNECTED:
                raise state.gone()
            try:
                await self._send(message)
            except OSError as error:
                raise await state.lost(error) from error
        except WebSocketDisconnect:
            if message["type"] != "websocket.close":
                raise
        await state.sent(message, following)

    def _cannot_send(self) -> Exception:
        try:
            self._state.after_sending("websocket.send")
        except WebSocketRuntimeError as error:
            return error
        return self._state.gone()


class WebSocketClose:
    """An ASGI application that refuses each handshake by closing it, or closes what was accepted before it.

    Raises what `WebSocket.close` does for a faulty code or reason, at once.
    """

    def __init__(self, code: int = NORMAL_CLOSURE, reason: str | None = None) -> None:
        closure(code, reason)
        self.code = code
        self.reason = reason or ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the WebSocket. Raises `ValueError` for a scope of another type."""
        await WebSocket(scope, receive, send).close(self.code, self.reason)
