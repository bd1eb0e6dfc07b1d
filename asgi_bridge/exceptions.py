"""What the `WebSocket` class, the router and the server raise in an application, and what an application may raise.

Exception
├── WebSocketDisconnect              the connection has ended: `code`, `reason`
├── WebSocketException               the application ends the connection so: `code`, `reason`
├── HTTPException                    the application denies the handshake so: `status_code`, `detail`, `headers`
│   └── PermissionDenied             403
├── WebSocketMessageError            the client's message is not what was asked for: `close_code`
│   ├── WebSocketFrameTypeError      text for binary or binary for text (also a TypeError): 1003
│   └── WebSocketJSONError           malformed JSON (also a ValueError): 1007
├── RuntimeError
│   ├── WebSocketRuntimeError        a call that the connection's state does not allow
│   ├── ImproperlyConfigured         a middleware or a router is missing
│   └── InvalidMessageError          an ASGI message that is not allowed; it is in messages.py
├── TypeError
│   └── RouteDeclarationError        all mistakes in the declaration of a route: `mistakes`
├── LookupError
│   └── NoMatchFound                 no route of that name and these parameters
└── OSError
    └── ClientDisconnected           what a server's `send` and `receive` raise after the end
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar, NamedTuple

from wsserve.codec.close_codes import (
    ABNORMAL_CLOSURE,
    INVALID_PAYLOAD,
    NORMAL_CLOSURE,
    POLICY_VIOLATION,
    UNSUPPORTED_DATA,
    check_code,
)


class WebSocketDisconnect(Exception):  # noqa: N818  # the name that Starlette, FastAPI and Lilya gave it
    """The connection has ended, seen while receiving or sending.

    `code` is the close code (RFC 6455, section 7.4; 1005: the client gave none, 1006: the connection was lost),
    `reason` the close reason, empty when there is none.
    """

    def __init__(self, code: int = NORMAL_CLOSURE, reason: str | None = None) -> None:
        self.code = code
        self.reason = reason or ""
        super().__init__(code, self.reason)

    def __str__(self) -> str:
        because = f" and reason {self.reason!r}" if self.reason else ""
        return f"the WebSocket has ended with close code {self.code}{because}"


class WebSocketException(Exception):  # noqa: N818  # the name that Starlette, FastAPI and Lilya gave it
    """Raised by an application: the connection ends with this close code and reason.

    Before `accept()` the handshake is denied (403). Raises `ValueError` for a code that must not be sent (RFC 6455,
    section 7.4).
    """

    def __init__(self, code: int = POLICY_VIOLATION, reason: str | None = None) -> None:
        self.code = check_code(code)
        self.reason = reason or ""
        super().__init__(code, self.reason)

    def __str__(self) -> str:
        return f"close code {self.code}" + (f" and reason {self.reason!r}" if self.reason else "")


class HTTPException(Exception):  # noqa: N818  # the name that Starlette, FastAPI and Lilya gave it
    """Raised by an application: the handshake is denied, or an HTTP request answered, with this status and text.

    `detail` is the body, by default the status's name. After `accept()` there is no status any more: the connection is
    closed with 1008 for a status below 500, else 1011, and the detail as reason. Exceptions of frameworks that have
    a `status_code` count the same. Raises `ValueError` for a status that is no answer, 300 to 599.
    """

    def __init__(self, status_code: int, detail: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        if not isinstance(status_code, int) or not 300 <= status_code <= 599:
            raise ValueError(f"an HTTPException needs a status from 300 to 599, not {status_code!r}")
        self.status_code = int(status_code)
        self.detail = _phrase(self.status_code) if detail is None else detail
        self.headers = dict(headers or {})
        super().__init__(status_code, self.detail, self.headers)

    def __str__(self) -> str:
        return f"{self.status_code} {self.detail}"


class PermissionDenied(HTTPException):  # the name that Lilya gave it
    """The client may not do this; raised by permissions."""

    def __init__(self, detail: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(403, detail, headers)
        self.args = (self.detail, self.headers)


class Mistake(NamedTuple):
    """One thing that is wrong in a declaration, and where that is."""

    text: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class RouteDeclarationError(TypeError):
    """Routes or their handlers were declared in a way that cannot work; `mistakes` are all that were found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = list(mistakes)
        super().__init__(self.mistakes)

    def __str__(self) -> str:
        return "\n".join(map(str, self.mistakes))


class WebSocketMessageError(Exception):
    """The client sent a message that is not of the kind that was asked for.

    The message is taken, and the connection stays usable. When nobody catches the error, `close_code` is the code that
    the connection is closed with.
    """

    close_code: ClassVar[int]


class WebSocketFrameTypeError(WebSocketMessageError, TypeError):
    """The client sent a text message where a binary one was asked for, or the other way round."""

    close_code = UNSUPPORTED_DATA

    def __init__(self, expected: str, got: str) -> None:
        self.expected = expected
        self.got = got
        super().__init__(expected, got)

    def __str__(self) -> str:
        return f"expected a {self.expected} message, got a {self.got} one"


class WebSocketJSONError(WebSocketMessageError, ValueError):
    """The client sent a message that is no well-formed JSON (RFC 8259)."""

    close_code = INVALID_PAYLOAD


class WebSocketRuntimeError(RuntimeError):
    """A call that the connection's state does not allow, such as sending before `accept()` or after `close()`."""


class ImproperlyConfigured(RuntimeError):  # noqa: N818  # the name that Django, Lilya and others gave it
    """Something that the application has to install around a handler is missing."""


class NoMatchFound(LookupError):  # noqa: N818  # the name that Starlette and Lilya gave it
    """No route has this name and takes these parameters."""

    def __init__(self, name: str, params: dict[str, object]) -> None:
        self.name = name
        self.params = params
        super().__init__(name, params)

    def __str__(self) -> str:
        given = ", ".join(f"{key}={value!r}" for key, value in self.params.items()) or "no parameters"
        return f"no route is named {self.name!r} and takes {given}"


class ClientDisconnected(OSError):  # noqa: N818  # the name that uvicorn gave it
    """What a server's `send` and `receive` raise after the connection has ended (ASGI specification, WebSocket 2.4).

    `code` and `reason` are those of the end, as far as they are known by then.
    """

    def __init__(
        self, message: str = "the client has disconnected", *, code: int = ABNORMAL_CLOSURE, reason: str = ""
    ) -> None:
        self.code = code
        self.reason = reason
        super().__init__(message)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
