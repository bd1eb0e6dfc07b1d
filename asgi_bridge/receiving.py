"""The receiving half of the `WebSocket` class."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect, WebSocketFrameTypeError, WebSocketRuntimeError
from wsserve.asgi_bridge.json_messages import decode_json, decoder_of, is_binary
from wsserve.asgi_bridge.message_iterator import MessageIterator
from wsserve.asgi_bridge.types import Message, Receive, Scope
from wsserve.asgi_bridge.websocket_state import ConnectionState, WebSocketState

T = TypeVar("T")

DISCONNECTED = WebSocketState.DISCONNECTED


class Receiving(ConnectionData):
    """What a `WebSocket` receives: single messages, iterators over them, and raw ASGI messages.

    Every coroutine between the handler and the server's `receive` costs about a quarter of what this class adds to a
    message. So there is one: `receive_text` has the hot path of `Receiver.next` and `Receiver.call` written out, and
    all others return the coroutine of `_receive_data`, which has it too.
    """

    __slots__ = ("_receiver", "_state")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope)
        self._state = ConnectionState.of(scope)
        self._receiver = self._state.receiver(receive)

    async def receive_text(self) -> str:
        """Return the next message, a text one.

        Raises `WebSocketDisconnect` when the connection has ended, `WebSocketFrameTypeError` for a binary message
        (which is taken), `WebSocketRuntimeError` before `accept()` and when the disconnect was received before.
        """
        receiver = self._receiver
        if receiver.calling or receiver.waiting or not self._state.is_open:
            message = await self._receive_in_turn()
        else:
            receiver.calling = True
            receive = receiver.receive  # a local, since Python 3.11 has no quick way to call what is in a slot
            try:
                message = await receive()
            finally:
                receiver.calling = False
                if receiver.changed is not None:
                    receiver.announce_change()
        text: str | None = message.get("text")
        if text is None:
            raise await self._other_than("text", message)
        return text

    def receive_bytes(self) -> Coroutine[Any, Any, bytes]:
        """Return the next message, a binary one; to be awaited. Raises what `receive_text` does."""
        return self._receive_data("bytes")

    @overload
    def receive_json(self, data: object = None, mode: str | None = None) -> Coroutine[Any, Any, Any]: ...
    @overload
    def receive_json(
        self, data: object = None, mode: str | None = None, *, type: type[T]
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def receive_json(self, data: object = None, mode: str | None = None, *, type: Any) -> Coroutine[Any, Any, Any]: ...
    def receive_json(
        self,
        data: object = None,
        mode: str | None = None,
        *,
        type: Any = None,  # noqa: A002  # what msgspec calls it
    ) -> Coroutine[Any, Any, Any]:
        """Return the value of the next message, JSON in a text message or, with `mode="binary"`, in a binary one.

        With `type`, such as a `msgspec.Struct` or a union of tagged ones, a dataclass or `list[int]`, it is of that
        type. To be awaited. Raises what `receive_text` does, and `WebSocketJSONError` when the message is no JSON or
        its value of another type.

        The mode may be given by position too. Lilya's documentation shows a call `receive_json(data, mode="binary")`;
        it works, and `data` has no meaning there.
        """
        if mode is None:
            mode = data if isinstance(data, str) else "text"
        return self._receive_data("bytes" if is_binary(mode) else "text", decode=_decoder(type))

    def iter_text(self) -> MessageIterator[str]:
        """Iterate over text messages until the connection has ended; then `close_code` tells how."""
        return MessageIterator(self._receive_data, "text")

    def iter_bytes(self) -> MessageIterator[bytes]:
        """Iterate over binary messages until the connection has ended; then `close_code` tells how."""
        return MessageIterator(self._receive_data, "bytes")

    @overload
    def iter_json(self, mode: str = "text") -> MessageIterator[Any]: ...
    @overload
    def iter_json(self, mode: str = "text", *, type: type[T]) -> MessageIterator[T]: ...
    @overload
    def iter_json(self, mode: str = "text", *, type: Any) -> MessageIterator[Any]: ...
    def iter_json(
        self,
        mode: str = "text",
        *,
        type: Any = None,  # noqa: A002  # what msgspec calls it
    ) -> MessageIterator[Any]:
        """Iterate over values of JSON messages until the connection has ended; then `close_code` tells how.

        `type` is as for `receive_json`. After an error for one message the next step gives the next one.
        """
        return MessageIterator(self._receive_data, "bytes" if is_binary(mode) else "text", decode=_decoder(type))

    def __aiter__(self) -> MessageIterator[str | bytes]:
        """Iterate over messages of both types until the connection has ended; then `close_code` tells how."""
        return MessageIterator(self._receive_data, "text", "bytes")

    async def receive(self) -> Message:
        """Return the next ASGI message, whichever it is; after an own `close()` that is in the end the disconnect.

        Raises `WebSocketRuntimeError` when the disconnect was received before, or for a message out of order.
        """
        before = self._state.client_state
        message = await self._receiver.next()
        await self._note(message, before)
        return message

    async def _receive_data(
        self,
        key: str,
        other_key: str | None = None,
        decode: Callable[[Any], Any] | None = None,
        iterating: bool = False,
    ) -> Any:
        """Return what the next message has under one of these keys, decoded.

        Raises what `receive_text` does, but `StopAsyncIteration` for the end of the connection when `iterating`.
        """
        receiver = self._receiver
        try:
            if receiver.calling or receiver.waiting or not self._state.is_open:
                message = await self._receive_in_turn(iterating)
            else:
                receiver.calling = True
                receive = receiver.receive
                try:
                    message = await receive()
                finally:
                    receiver.calling = False
                    if receiver.changed is not None:
                        receiver.announce_change()
            data = message.get(key)
            if data is None and (other_key is None or (data := message.get(other_key)) is None):
                raise await self._other_than("text" if key == "text" else "binary", message)
        except WebSocketDisconnect:
            if iterating:
                raise StopAsyncIteration from None
            raise
        return data if decode is None else decode(data)

    async def _receive_in_turn(self, iterating: bool = False) -> Message:
        state, receiver = self._state, self._receiver
        if iterating and (state.application_state is DISCONNECTED or receiver.disconnect is not None):
            raise state.gone()
        if not state.accepted:
            raise WebSocketRuntimeError("no message can be received: call accept() first")
        return await receiver.next()

    async def _other_than(self, expected: str, message: Message) -> Exception:
        """Return the error for a message that is not what was asked for."""
        await self._note(message, self._state.client_state)
        if message["type"] == "websocket.disconnect":
            return self._state.gone()
        for key, got in (("text", "text"), ("bytes", "binary")):
            if message.get(key) is not None:
                return WebSocketFrameTypeError(expected, got)
        return WebSocketRuntimeError(f"the server delivered {message['type']!r} without text or bytes")

    def _note(self, message: Message, before: WebSocketState) -> Coroutine[Any, Any, None]:
        if message["type"] == "websocket.disconnect":
            self._receiver.disconnect = message
        return self._state.received(message, before)


def _decoder(expected: Any) -> Callable[[Any], Any]:
    return decode_json if expected is None else decoder_of(expected)
