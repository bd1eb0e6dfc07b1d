"""One HTTP response, from an application's messages to the wire: for plain requests and for denied handshakes alike."""

from collections.abc import Callable, Mapping
from typing import Any

from wsserve.asgi_bridge import messages
from wsserve.asgi_bridge.transport import Transport
from wsserve.codec.http1 import Http1Codec

HeaderSource = Callable[[], messages.HeaderList]
"""Makes the headers that the server adds to each response; their names are in lower case."""


def with_defaults(default_headers: HeaderSource, headers: messages.HeaderList) -> messages.HeaderList:
    """Return the default headers that the application has not set itself, and behind them the application's."""
    names = {name.lower() for name, _ in headers}
    return [header for header in default_headers() if header[0] not in names] + headers


class Response:
    """Takes a start message and body messages in order, and writes them.

    The head waits for the first body message, so that a response that comes whole gets a Content-Length, and so that an
    application that fails between the two can still be answered for with a 500. `on_status` is told the status then.
    """

    __slots__ = (
        "_default_headers",
        "_head_only",
        "_headers",
        "_http",
        "_on_status",
        "_transport",
        "begun",
        "complete",
        "status",
    )

    def __init__(
        self,
        http: Http1Codec,
        transport: Transport,
        default_headers: HeaderSource,
        on_status: Callable[[int], None],
        *,
        head_only: bool = False,
    ) -> None:
        self._http = http
        self._transport = transport
        self._default_headers = default_headers
        self._on_status = on_status
        self._head_only = head_only
        self._headers: messages.HeaderList = []
        self.status: int | None = None
        """The status code, once the application has sent its start message."""
        self.begun = False
        """Whether anything is on the wire."""
        self.complete = False

    def start(self, message: Mapping[str, Any]) -> None:
        """Take the start message. Raises `InvalidMessageError` when it is faulty or not the first."""
        if self.status is not None:
            raise messages.unexpected(message["type"], "a response body message")
        self.status, self._headers = messages.response_start(message)

    def body(self, message: Mapping[str, Any]) -> int:
        """Write a body message, behind the head when it is the first; return the number of bytes written.

        Raises `InvalidMessageError` when it is faulty or comes at the wrong time, `LocalProtocolError` when the headers
        or the length of the body are not what HTTP allows.
        """
        if self.status is None or self.complete:
            raise messages.unexpected(message["type"], "a response start message" if self.status is None else "nothing")
        data, more = messages.response_body(message)
        output = b"" if self.begun else self._head(self.status, None if more else len(data))
        output += self._http.body(data)
        if not more:
            output += self._http.end()
        begun, self.begun, self.complete = self.begun, True, not more
        if output:
            write = self._transport.write_soon if more and not data else self._transport.write
            write(output)
        if not begun:
            self._on_status(self.status)
        return len(output)

    def _head(self, status: int, length: int | None) -> bytes:
        headers = with_defaults(self._default_headers, self._headers)
        may_have_body = status not in (204, 304) and not self._head_only
        if length is not None and may_have_body and not any(name.lower() in _FRAMING for name, _ in headers):
            headers.append((b"content-length", str(length).encode()))
        return self._http.respond(status, headers)


_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
