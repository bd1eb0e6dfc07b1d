"""The HTTP request that a `Route`'s handler gets, for pages and health checks beside the WebSockets."""

from typing import Any, Final

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import HTTPException, WebSocketJSONError
from wsserve.asgi_bridge.json_messages import decode_json, decoder_of
from wsserve.asgi_bridge.types import Receive, Scope

MAX_BODY_SIZE: Final = 1024 * 1024
"""Bytes of a request body that `Request.body` takes by default."""


class Request(ConnectionData):
    """One HTTP request: what comes from its scope, as for a `WebSocket`, and its body.

    Raises `ValueError` for a scope of another type than `http`.
    """

    __slots__ = ("_body", "_receive")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        if scope.get("type") != "http":
            raise ValueError(f"a Request needs a scope of type 'http', not {scope.get('type')!r}")
        super().__init__(scope)
        self._receive = receive
        self._body: bytes | None = None

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.scope.get('path')!r}>"

    @property
    def method(self) -> str:
        """The method, in upper case."""
        return str(self.scope["method"])

    async def body(self, *, max_size: int = MAX_BODY_SIZE) -> bytes:
        """Return the whole body. Raises `HTTPException` with 413 when it is over `max_size` bytes, 400 when cut."""
        if self._body is None:
            body = bytearray()
            more = True
            while more:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    raise HTTPException(400, "the request ended before its body did")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > max_size:
                    raise HTTPException(413, f"the body has more than {max_size} bytes")
            self._body = bytes(body)
        return self._body

    async def json(self, *, type: Any = None) -> Any:  # noqa: A002  # what msgspec calls it
        """Return the body's JSON value, of the given type when there is one.

        Raises `HTTPException` with 400 when it is no JSON or of another type, and what `body` does.
        """
        decode = decode_json if type is None else decoder_of(type)
        try:
            return decode(await self.body())
        except WebSocketJSONError as error:
            raise HTTPException(400, str(error).replace("the message", "the body", 1)) from error
