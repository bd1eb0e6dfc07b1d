"""The client's end of a WebSocket, for tests that are plain functions."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from anyio.from_thread import BlockingPortal

from wsserve.asgi_bridge.exceptions import WebSocketRuntimeError
from wsserve.asgi_bridge.headers import Headers
from wsserve.asgi_bridge.message_iterator import MessageIterator
from wsserve.asgi_bridge.testing.async_websocket import AsyncTestWebSocket
from wsserve.asgi_bridge.types import Message, Scope

T = TypeVar("T")


class TestWebSocket:
    """A WebSocket to the application, open within a `with` block; `TestClient.websocket_connect` makes it.

    It is `AsyncTestWebSocket`, with the same rules and errors, but each method blocks until it is done.
    """

    __test__ = False

    def __init__(self, websocket: AsyncTestWebSocket, loop: AbstractContextManager[BlockingPortal]) -> None:
        self._websocket = websocket
        self._loop = loop
        self._portal: BlockingPortal | None = None
        self._stack = ExitStack()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.scope['path']!r}>"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            portal = stack.enter_context(self._loop)
            stack.enter_context(portal.wrap_async_context_manager(self._websocket))
            self._portal, self._stack = portal, stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._portal = None
        self._stack.__exit__(kind, error, traceback)

    @property
    def scope(self) -> Scope:
        """The scope that the application was called with."""
        return self._websocket.scope

    @property
    def accepted_subprotocol(self) -> str | None:
        """The subprotocol that the application has chosen."""
        return self._websocket.accepted_subprotocol

    @property
    def headers(self) -> Headers:
        """The headers that the application has added to its accept."""
        return self._websocket.headers

    @property
    def extra_headers(self) -> list[tuple[bytes, bytes]]:
        """The same as pairs of bytes, as Starlette's test client has them."""
        return self._websocket.extra_headers

    @property
    def close_code(self) -> int | None:
        """The close code of the end, None before it; 1005: there was none, 1006: the connection was lost."""
        return self._websocket.close_code

    @property
    def close_reason(self) -> str:
        """The close reason that belongs to `close_code`; empty when there is none."""
        return self._websocket.close_reason

    def send_text(self, data: str, *, timeout: float | None = None) -> None:
        """Send a text message; see `AsyncTestWebSocket.send_text`."""
        self._call(self._websocket.send_text, data, timeout=timeout)

    def send_bytes(self, data: bytes | bytearray | memoryview, *, timeout: float | None = None) -> None:
        """Send a binary message; see `AsyncTestWebSocket.send_bytes`."""
        self._call(self._websocket.send_bytes, data, timeout=timeout)

    def send_json(self, data: Any, mode: str = "text", *, timeout: float | None = None) -> None:
        """Send `data` as JSON; see `AsyncTestWebSocket.send_json`."""
        self._call(self._websocket.send_json, data, mode, timeout=timeout)

    def send(self, message: Message, *, timeout: float | None = None) -> None:
        """Put an ASGI event in front of the application; see `AsyncTestWebSocket.send`."""
        self._call(self._websocket.send, message, timeout=timeout)

    def receive(self, *, timeout: float | None = None) -> Message:
        """Return the application's next message as it is; see `AsyncTestWebSocket.receive`."""
        message: Message = self._call(self._websocket.receive, timeout=timeout)
        return message

    def receive_text(self, *, timeout: float | None = None) -> str:
        """Return the next message, a text one; see `AsyncTestWebSocket.receive_text`."""
        data: str = self._call(self._websocket.receive_text, timeout=timeout)
        return data

    def receive_bytes(self, *, timeout: float | None = None) -> bytes:
        """Return the next message, a binary one; see `AsyncTestWebSocket.receive_bytes`."""
        data: bytes = self._call(self._websocket.receive_bytes, timeout=timeout)
        return data

    @overload
    def receive_json(self, mode: str = "text", *, timeout: float | None = None) -> Any: ...
    @overload
    def receive_json(self, mode: str = "text", *, type: type[T], timeout: float | None = None) -> T: ...
    @overload
    def receive_json(self, mode: str = "text", *, type: Any, timeout: float | None = None) -> Any: ...
    def receive_json(
        self,
        mode: str = "text",
        *,
        type: Any = None,  # noqa: A002  # the name that the WebSocket class and msgspec have for it
        timeout: float | None = None,
    ) -> Any:
        """Return the value of the next message, which is JSON; see `AsyncTestWebSocket.receive_json`."""
        return self._call(self._websocket.receive_json, mode, type=type, timeout=timeout)

    def iter_text(self) -> Iterator[str]:
        """Iterate over text messages until the connection has ended."""
        return self._iterate(self._websocket.iter_text())

    def iter_bytes(self) -> Iterator[bytes]:
        """Iterate over binary messages until the connection has ended."""
        return self._iterate(self._websocket.iter_bytes())

    def iter_json(self, mode: str = "text", *, type: Any = None) -> Iterator[Any]:  # noqa: A002  # as above
        """Iterate over values of JSON messages until the connection has ended."""
        return self._iterate(self._websocket.iter_json(mode, type=type))

    def __iter__(self) -> Iterator[str | bytes]:
        """Iterate over messages of both types until the connection has ended."""
        return self._iterate(aiter(self._websocket))

    def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Close as a client does; see `AsyncTestWebSocket.close`."""
        self._call(self._websocket.close, code, reason)

    def abort(self) -> None:
        """Break the connection without a Close, as when a network fails: the application is told 1006."""
        self._call(self._websocket.abort)

    def wait_closed(self, *, timeout: float | None = None) -> int:
        """Wait until the connection has ended, and return its close code; see `AsyncTestWebSocket.wait_closed`."""
        code: int = self._call(self._websocket.wait_closed, timeout=timeout)
        return code

    def _iterate(self, messages: MessageIterator[T]) -> Iterator[T]:
        while True:
            try:
                message: T = self._call(messages.__anext__)
            except StopAsyncIteration:
                return
            yield message

    def _call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if self._portal is None:
            raise WebSocketRuntimeError("this WebSocket is not open: use it in a `with` block")
        return self._portal.call(partial(function, *args, **options))
