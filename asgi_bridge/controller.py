"""WebSocket handlers as classes."""

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal

import anyio

from wsserve.asgi_bridge.endings import close_for
from wsserve.asgi_bridge.json_messages import decode_json, decoder_of
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.codec.close_codes import ABNORMAL_CLOSURE

logger = logging.getLogger("wsserve.websocket")

ENCODINGS: Final = (None, "text", "bytes", "json")


class WebSocketController:
    """A handler with a method for each thing that happens; a route takes the class, and makes an object per connection.

    What `__init__` asks for is injected as for any handler, and lives as long as the connection. The route also takes
    `middleware`, `permissions`, `dependencies` and `exception_handlers` from the class.
    """

    encoding: ClassVar[Literal["text", "bytes", "json"] | None] = None
    """What `on_receive` gets: str, bytes, values of JSON (in text or binary messages), or with None str and bytes.

    A message of the other type closes the connection with 1003, one that is no JSON with 1007.
    """
    message_type: ClassVar[Any] = None
    """With the encoding "json", the type of the values, as for `WebSocket.receive_json`."""
    middleware: ClassVar[Sequence[Any]] = ()
    permissions: ClassVar[Sequence[Any]] = ()
    dependencies: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    exception_handlers: ClassVar[Mapping[Any, Any]] = MappingProxyType({})
    disconnect_timeout: ClassVar[float] = 10.0
    """Seconds that `on_disconnect` may take, which nothing else cuts short."""

    async def on_connect(self, websocket: WebSocket) -> None:
        """Answer the handshake; to accept it is the default."""
        await websocket.accept()

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        """Take a message."""

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        """Do what is to be done at the end, once for each `on_connect`, however the connection has ended.

        `close_code` is 1006 when it was never accepted, or was cut by cancellation.
        """

    async def serve(self, websocket: WebSocket) -> None:
        """Run one connection."""
        close_code = ABNORMAL_CLOSURE
        try:
            await self.on_connect(websocket)
            decode, messages = self._messages(websocket)
            async for message in messages:
                await self.on_receive(websocket, message if decode is None else decode(message))
            close_code = websocket.close_code or ABNORMAL_CLOSURE
        except Exception as error:
            closing = close_for(error)
            close_code = websocket.close_code or (ABNORMAL_CLOSURE if closing is None else closing[0])
            raise
        finally:
            with anyio.move_on_after(self.disconnect_timeout, shield=True) as limit:
                await self.on_disconnect(websocket, close_code)
            if limit.cancelled_caught:
                logger.error("%s.on_disconnect took over %g s", type(self).__qualname__, self.disconnect_timeout)

    def _messages(self, websocket: WebSocket) -> tuple[Callable[[Any], Any] | None, AsyncIterator[Any]]:
        """Return how to decode a message, and the messages."""
        if self.encoding == "text":
            return None, websocket.iter_text()
        if self.encoding == "bytes":
            return None, websocket.iter_bytes()
        if self.encoding == "json":
            return decode_json if self.message_type is None else decoder_of(self.message_type), aiter(websocket)
        return None, aiter(websocket)

    @classmethod
    def faults(cls) -> list[str]:
        """Return what is wrong with the class, a sentence each."""
        faults = []
        if cls.encoding not in ENCODINGS:
            faults.append(f"encoding is one of {', '.join(map(repr, ENCODINGS))}, not {cls.encoding!r}")
        if cls.message_type is not None and cls.encoding != "json":
            faults.append(f'message_type needs the encoding "json", not {cls.encoding!r}')
        methods = ("on_connect", "on_receive", "on_disconnect")
        plain = [name for name in methods if not inspect.iscoroutinefunction(getattr(cls, name))]
        unknown = [name for name in dir(cls) if name.startswith("on_") and name not in methods]
        return [
            *faults,
            *(f"{name} has to be an async function" for name in plain),
            *(f"{name} is none of {', '.join(methods)}: nothing calls it" for name in unknown),
        ]
