"""What the `WebSocket` class and the server raise in an application.

Exception
├── WebSocketDisconnect              the connection has ended: `code`, `reason`
├── WebSocketMessageError            the client's message is not what was asked for: `close_code`
│   ├── WebSocketFrameTypeError      text for binary or binary for text (also a TypeError): 1003
│   └── WebSocketJSONError           malformed JSON (also a ValueError): 1007
├── RuntimeError
│   ├── WebSocketRuntimeError        a call that the connection's state does not allow
│   ├── ImproperlyConfigured         a middleware or a router is missing
│   └── InvalidMessageError          an ASGI message that is not allowed; it is in messages.py
├── LookupError
│   └── NoMatchFound                 no route of that name and these parameters
└── OSError
    └── ClientDisconnected           what a server's `send` and `receive` raise after the end
"""

from typing import ClassVar

from wsserve.codec.close_codes import (
    ABNORMAL_CLOSURE,
    INTERNAL_ERROR,
    INVALID_PAYLOAD,
    NORMAL_CLOSURE,
    UNSUPPORTED_DATA,
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


def close_for(error: BaseException) -> tuple[int, str] | None:
    """Return the close code and reason for a connection whose handler ended with `error`.

    None when all that happened is a disconnect; the `close_code` of a `WebSocketMessageError`, with what was wrong;
    else 1011, without a reason, which may hold what is not the client's business. Of an exception group all errors
    count.
    """
    errors = [leaf for leaf in leaves(error) if not isinstance(leaf, (WebSocketDisconnect, ClientDisconnected))]
    if not errors:
        return None
    faults = [leaf for leaf in errors if isinstance(leaf, WebSocketMessageError)]
    if len(faults) < len(errors):
        return INTERNAL_ERROR, ""
    return faults[0].close_code, str(faults[0]).encode(errors="replace").decode()


def leaves(error: BaseException) -> list[BaseException]:
    """Return the errors in `error`; a task group puts what its tasks raise into groups."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]
