"""The client's end of a WebSocket, awaited in the test's own event loop."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self, TypeVar, overload

import anyio
import anyio.lowlevel

from wsserve.asgi_bridge import messages
from wsserve.asgi_bridge.cleanup import prepare_cleanups, run_cleanups
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect, WebSocketFrameTypeError, WebSocketRuntimeError
from wsserve.asgi_bridge.headers import Headers
from wsserve.asgi_bridge.json_messages import decode_json, decoder_of, encode_json, is_binary
from wsserve.asgi_bridge.message_iterator import MessageIterator
from wsserve.asgi_bridge.testing.application_task import ApplicationTask
from wsserve.asgi_bridge.testing.changes import Changes
from wsserve.asgi_bridge.testing.connection import Connection, check_text
from wsserve.asgi_bridge.testing.exceptions import ApplicationEndedError, WebSocketDenialResponse
from wsserve.asgi_bridge.testing.failures import add_note
from wsserve.asgi_bridge.testing.response import TestResponse
from wsserve.asgi_bridge.types import ASGIApp, Message, Scope
from wsserve.codec.close_codes import ABNORMAL_CLOSURE, NO_STATUS_RECEIVED, NORMAL_CLOSURE, check_code, truncate_reason
from wsserve.codec.handshake import Handshake

T = TypeVar("T")

_SECONDS_TO_ANSWER: Final = 1.0
"""As a server's `fail_timeout`."""


class AsyncTestWebSocket:
    """A WebSocket to the application, open within an `async with` block; `AsyncTestClient.websocket_connect` makes it.

    The block begins when the application has accepted. It raises `WebSocketDenialResponse` when the application refuses
    the handshake. At its end the client leaves: with close code 1000, or, when the block raised, as a lost connection
    (1006). The application then has the time limit to end, and is cancelled after it (`TimeoutError`). What the
    application raised is raised again, by the call that waited for it or at the end of the block; where the test itself
    has failed before, it is added to that failure as a note.

    Each method that waits does so for at most `timeout` seconds, by default the client's, and then raises a
    `TimeoutError` that says where the application waits.
    """

    __test__ = False

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        handshake: Handshake,
        *,
        timeout: float,
        max_queue: int,
        raise_app_exceptions: bool,
        keep_cookies: Callable[[messages.HeaderList], None],
    ) -> None:
        self.scope = scope
        self._path: str = scope["path"]  # before the application has it, which may change it
        self._app = app
        self._handshake = handshake
        self._timeout = timeout
        self._max_queue = max_queue
        self._raise_app_exceptions = raise_app_exceptions
        self._keep_cookies = keep_cookies
        self._open: Connection | None = None
        self._told: WebSocketDisconnect | None = None
        self._failure_told = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._path!r}>"

    # The block

    async def __aenter__(self) -> Self:
        if self._open is not None:
            raise WebSocketRuntimeError("a test's WebSocket is used once: call websocket_connect() for another")
        self._changes = Changes()
        seconds_to_answer = min(_SECONDS_TO_ANSWER, self._timeout / 2)
        self._open = connection = Connection(
            self._handshake, self.scope["extensions"], self._changes, self._max_queue, seconds_to_answer
        )
        prepare_cleanups(self.scope)
        self._task = ApplicationTask(self._call, self._changes, connection.application_ended)
        await self._task.start()
        try:
            await self._until(lambda: connection.accepted or connection.denied, "the handshake was not answered", None)
            if connection.denied:
                self._keep_cookies(connection.denial_headers)
                raise self._refusal()
        except BaseException as error:
            await self._settle(error)
            raise
        self._keep_cookies(connection.accept_headers)
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self._settle(error)

    async def _call(self) -> None:
        try:
            await self._app(self.scope, self._connection.receive, self._connection.send)
        finally:
            await run_cleanups(self.scope)

    async def _settle(self, error: BaseException | None) -> None:
        """Leave, let the application end, and raise what went wrong there, unless the test has failed by itself."""
        if error is None:
            self._connection.client_closes(NORMAL_CLOSURE, "")
        else:
            self._connection.client_is_lost()
        late = await self._task.finish(self._timeout)
        failure = self._take_failure() if error is None or error is self._told else self._failure()
        if failure is not None and late is not None:
            failure.add_note(str(late))
        problem = failure or late
        if problem is None or problem is error:
            return
        if error is None or error is self._told:
            raise problem
        add_note(error, problem)

    def _failure(self) -> Exception | None:
        return self._connection.failure if self._raise_app_exceptions else None

    def _take_failure(self) -> Exception | None:
        """Return what the application raised, the first time."""
        failure = None if self._failure_told else self._failure()
        self._failure_told = self._failure_told or failure is not None
        return failure

    def _refusal(self) -> Exception:
        connection = self._connection
        failure = self._take_failure()
        if failure is not None:
            return failure
        if connection.unanswered and self._raise_app_exceptions:
            return ApplicationEndedError(
                f"the application returned before it had answered the handshake on {self._path!r}: "
                f"a server answers status 500 then"
            )
        headers, body = Headers(connection.denial_headers), bytes(connection.denial_body)
        self._told = WebSocketDenialResponse(TestResponse(connection.denial_status or 500, headers, body))
        return self._told

    # What is known of the connection

    @property
    def accepted_subprotocol(self) -> str | None:
        """The subprotocol that the application has chosen."""
        return self._connection.subprotocol

    @property
    def headers(self) -> Headers:
        """The headers that the application has added to its accept."""
        return Headers(self._connection.accept_headers)

    @property
    def extra_headers(self) -> list[tuple[bytes, bytes]]:
        """The same as pairs of bytes, as Starlette's test client has them."""
        return list(self._connection.accept_headers)

    @property
    def close_code(self) -> int | None:
        """The close code of the end, None before it; 1005: there was none, 1006: the connection was lost."""
        return None if self._connection.end is None else self._connection.end[0]

    @property
    def close_reason(self) -> str:
        """The close reason that belongs to `close_code`; empty when there is none."""
        return "" if self._connection.end is None else self._connection.end[1]

    # Sending

    async def send_text(self, data: str, *, timeout: float | None = None) -> None:
        """Send a text message.

        Raises `TypeError` for what is no str, `WebSocketDisconnect` when the connection has ended, `TimeoutError` when
        the application leaves too many messages untaken.
        """
        if not isinstance(data, str):
            raise TypeError(f"send_text() takes a str, not {type(data).__name__}")
        check_text(data)
        await self._send({"type": "websocket.receive", "text": data}, timeout)

    async def send_bytes(self, data: bytes | bytearray | memoryview, *, timeout: float | None = None) -> None:
        """Send a binary message. Raises what `send_text` does, `TypeError` for what is no bytes-like object."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"send_bytes() takes bytes, a bytearray or a memoryview, not {type(data).__name__}")
        await self._send({"type": "websocket.receive", "bytes": bytes(data)}, timeout)

    async def send_json(self, data: Any, mode: str = "text", *, timeout: float | None = None) -> None:
        """Send `data` as JSON, in a text message or, with `mode="binary"`, in a binary one.

        Raises what `send_text` does, `TypeError` for what JSON cannot carry, `ValueError` for NaN and infinity.
        """
        binary, encoded = is_binary(mode), encode_json(data)
        if binary:
            await self.send_bytes(encoded, timeout=timeout)
        else:
            await self.send_text(encoded.decode(), timeout=timeout)

    async def send(self, message: Message, *, timeout: float | None = None) -> None:
        """Put an ASGI event in front of the application: a `websocket.receive` or a `websocket.disconnect`.

        A disconnect with code 1006 is a lost connection, any other a Close. Raises what `send_text` does, `ValueError`
        for another type.
        """
        match message.get("type"):
            case "websocket.receive" if message.get("text") is not None and message.get("bytes") is None:
                await self.send_text(message["text"], timeout=timeout)
            case "websocket.receive" if message.get("bytes") is not None and message.get("text") is None:
                await self.send_bytes(message["bytes"], timeout=timeout)
            case "websocket.receive":
                raise ValueError("'websocket.receive' needs exactly one of 'text' and 'bytes' not None")
            case "websocket.disconnect" if message.get("code") == ABNORMAL_CLOSURE:
                await self.abort()
            case "websocket.disconnect":
                await self.close(message.get("code", NO_STATUS_RECEIVED), message.get("reason") or "")
            case kind:
                raise ValueError(f"{kind!r} is no event of a client: 'websocket.receive' or 'websocket.disconnect'")

    async def _send(self, message: Message, timeout: float | None) -> None:
        connection = self._connection
        await anyio.lowlevel.checkpoint()
        await self._until(
            connection.may_take, f"the application took none of the {self._max_queue} messages that wait", timeout
        )
        if connection.leaving is not None:
            raise WebSocketRuntimeError("nothing can be sent: this client has closed the WebSocket before")
        if connection.end is not None:
            raise self._take_failure() or self._disconnect()
        connection.client_sends(message)

    # Receiving

    async def receive(self, *, timeout: float | None = None) -> Message:
        """Return the application's next message as it is: a `websocket.send`, or at last the `websocket.close`.

        Raises `WebSocketDisconnect` when the connection has ended, the application's own exception when that is how,
        and `TimeoutError`.
        """
        connection = self._connection
        await anyio.lowlevel.checkpoint()
        await self._until(lambda: bool(connection.to_client) or connection.end is not None, "nothing came", timeout)
        if not connection.to_client:
            raise self._take_failure() or self._disconnect()
        message = connection.to_client.popleft()
        self._changes.announce()
        return message

    async def receive_text(self, *, timeout: float | None = None) -> str:
        """Return the next message, a text one.

        Raises what `receive` does, `WebSocketFrameTypeError` for a binary message (which is taken).
        """
        data: str = await self._receive_data("text", timeout=timeout)
        return data

    async def receive_bytes(self, *, timeout: float | None = None) -> bytes:
        """Return the next message, a binary one. Raises what `receive_text` does."""
        data: bytes = await self._receive_data("bytes", timeout=timeout)
        return data

    @overload
    async def receive_json(self, mode: str = "text", *, timeout: float | None = None) -> Any: ...
    @overload
    async def receive_json(self, mode: str = "text", *, type: type[T], timeout: float | None = None) -> T: ...
    @overload
    async def receive_json(self, mode: str = "text", *, type: Any, timeout: float | None = None) -> Any: ...
    async def receive_json(
        self,
        mode: str = "text",
        *,
        type: Any = None,  # noqa: A002  # the name that the WebSocket class and msgspec have for it
        timeout: float | None = None,
    ) -> Any:
        """Return the value of the next message, JSON in a text message or, with `mode="binary"`, in a binary one.

        With `type` the value is one of that type, such as a `msgspec.Struct`. Raises what `receive_text` does, and
        `WebSocketJSONError` when the message is no JSON or not of that type.
        """
        return await self._receive_data("bytes" if is_binary(mode) else "text", decode=_decoder(type), timeout=timeout)

    def iter_text(self) -> MessageIterator[str]:
        """Iterate over text messages until the connection has ended."""
        return MessageIterator(self._receive_data, "text")

    def iter_bytes(self) -> MessageIterator[bytes]:
        """Iterate over binary messages until the connection has ended."""
        return MessageIterator(self._receive_data, "bytes")

    def iter_json(self, mode: str = "text", *, type: Any = None) -> MessageIterator[Any]:  # noqa: A002  # as above
        """Iterate over values of JSON messages until the connection has ended."""
        return MessageIterator(self._receive_data, "bytes" if is_binary(mode) else "text", decode=_decoder(type))

    def __aiter__(self) -> MessageIterator[str | bytes]:
        """Iterate over messages of both types until the connection has ended."""
        return MessageIterator(self._receive_data, "text", "bytes")

    async def _receive_data(
        self,
        key: str,
        other_key: str | None = None,
        decode: Callable[[Any], Any] | None = None,
        iterating: bool = False,
        timeout: float | None = None,
    ) -> Any:
        try:
            message = await self.receive(timeout=timeout)
            if message["type"] == "websocket.close":
                raise self._take_failure() or self._disconnect()
        except WebSocketDisconnect:
            if iterating:
                raise StopAsyncIteration from None
            raise
        data = message.get(key)
        if data is None:
            if other_key is None:
                expected, got = ("text", "binary") if key == "text" else ("binary", "text")
                raise WebSocketFrameTypeError(expected, got)
            data = message[other_key]
        return data if decode is None else decode(data)

    # The end

    async def close(self, code: int | None = NORMAL_CLOSURE, reason: str = "") -> None:
        """Close as a client does; messages that it has sent before reach the application first.

        What the application sends until it has reached the Close can still be received. Closing again or after the end
        does nothing. Without a code (None) the application is told 1005. Raises `ValueError` for a code that must not
        be sent (RFC 6455, section 7.4).
        """
        told = NO_STATUS_RECEIVED if code is None or code == NO_STATUS_RECEIVED else check_code(code)
        self._connection.client_closes(told, "" if code is None else truncate_reason(reason).decode())
        await anyio.lowlevel.checkpoint()

    async def abort(self) -> None:
        """Break the connection without a Close, as when a network fails: the application is told 1006."""
        self._connection.client_is_lost()
        await anyio.lowlevel.checkpoint()

    async def wait_closed(self, *, timeout: float | None = None) -> int:
        """Wait until the connection has ended, and return its close code.

        Messages that have come can still be received after it. Raises what `receive` does but for the disconnect.
        """
        connection = self._connection
        await self._until(lambda: connection.end is not None, "the connection did not end", timeout)
        failure = self._take_failure()
        if failure is not None:
            raise failure
        return self._disconnect().code

    # Within

    @property
    def _connection(self) -> Connection:
        if self._open is None:
            raise WebSocketRuntimeError("this WebSocket is not open: use it in a `with` block")
        return self._open

    def _disconnect(self) -> WebSocketDisconnect:
        self._told = WebSocketDisconnect(*(self._connection.end or (ABNORMAL_CLOSURE, "")))
        return self._told

    async def _until(self, ready: Callable[[], bool], unmet: str, timeout: float | None) -> None:
        timeout = self._timeout if timeout is None else timeout
        if not await self._changes.until(ready, timeout):
            where = ", neither in receive() nor in send()"
            if self._connection.receiving:
                where = " in receive()"
            elif self._connection.sending:
                where = f" in send(), since {self._max_queue} messages were not received"
            doing = self._task.doing(where)
            raise TimeoutError(f"{unmet} within {timeout:g} s on {self._path!r}: {doing}")


def _decoder(expected: Any) -> Callable[[str | bytes], Any]:
    return decode_json if expected is None else decoder_of(expected)
