"""Iterating over the messages of a WebSocket."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T", covariant=True)


class MessageIterator(Generic[T]):
    """Iterates over messages until either side has ended the connection.

    An error, such as that for a wrong type of message, does not end it: the next step gives the next message. It is no
    generator, so that a loop may be left at any point with nothing to finalize.
    """

    __slots__ = ("_decode", "_key", "_other_key", "_receive_data")

    def __init__(
        self,
        receive_data: Callable[..., Coroutine[Any, Any, T]],
        key: str,
        other_key: str | None = None,
        decode: Callable[[Any], T] | None = None,
    ) -> None:
        self._receive_data = receive_data
        self._key = key
        self._other_key = other_key
        self._decode = decode

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[Any, Any, T]:
        receive_data = self._receive_data
        return receive_data(self._key, self._other_key, self._decode, True)
