"""Iterating over the messages of a WebSocket."""

from collections.abc import Awaitable, Callable
from typing import Generic, Self, TypeVar

from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.receiver import Receiver
from wsserve.asgi_bridge.websocket_state import ConnectionState, WebSocketState

T = TypeVar("T", covariant=True)

DISCONNECTED = WebSocketState.DISCONNECTED


class MessageIterator(Generic[T]):
    """Iterates over messages until either side has ended the connection.

    An error, such as that for a wrong type of message, does not end it: the next step gives the next message. It is no
    generator, so that a loop may be left at any point with nothing to finalize.
    """

    __slots__ = ("_receive", "_receiver", "_state")

    def __init__(self, state: ConnectionState, receiver: Receiver, receive: Callable[[], Awaitable[T]]) -> None:
        self._state = state
        self._receiver = receiver
        self._receive = receive

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._state.application_state is DISCONNECTED or self._receiver.disconnect is not None:
            raise StopAsyncIteration
        try:
            return await self._receive()
        except WebSocketDisconnect:
            raise StopAsyncIteration from None
