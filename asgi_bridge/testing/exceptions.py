"""What the test client raises beside what a client on the wire would see.

WebSocketDisconnect
└── WebSocketDenialResponse    the handshake was refused with an HTTP response
RuntimeError
├── ApplicationEndedError      the application ended without doing what the protocol asks of it
└── LifespanError              the application reported that its startup or shutdown failed

A wait that takes too long is a `TimeoutError`.
"""

from typing import Any

from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.headers import Headers
from wsserve.asgi_bridge.testing.response import TestResponse
from wsserve.codec.close_codes import ABNORMAL_CLOSURE


class WebSocketDenialResponse(WebSocketDisconnect):
    """The application refused the handshake; the client got an HTTP response instead of a WebSocket.

    Its close code is 1006, as for every connection that was never open. A `websocket.close` before the accept is status
    403 (ASGI specification, WebSocket 2.5).
    """

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        super().__init__(ABNORMAL_CLOSURE)

    def __str__(self) -> str:
        shown = f": {self.text[:200]!r}" if self.body else ""
        return f"the application refused the WebSocket with status {self.status_code}{shown}"

    @property
    def status_code(self) -> int:
        """The status of the response."""
        return self.response.status_code

    @property
    def headers(self) -> Headers:
        """The headers of the response."""
        return self.response.headers

    @property
    def body(self) -> bytes:
        """The body of the response."""
        return self.response.content

    @property
    def text(self) -> str:
        """The body as text."""
        return self.response.text

    def json(self) -> Any:
        """Return the value of a body in JSON. Raises `ValueError` when it is none."""
        return self.response.json()


class ApplicationEndedError(RuntimeError):
    """The application ended, but had not done what a server needs of it; a server answers status 500 then."""


class LifespanError(RuntimeError):
    """The application reported that its startup or its shutdown failed, or does not support them where it must."""
