"""What the error that a handler ended with means for its connection."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from wsserve.asgi_bridge.exceptions import (
    ClientDisconnected,
    WebSocketDisconnect,
    WebSocketException,
    WebSocketMessageError,
)
from wsserve.codec.close_codes import INTERNAL_ERROR, POLICY_VIOLATION


class Denial(NamedTuple):
    """An HTTP response in place of a WebSocket."""

    status: int
    body: str | bytes
    headers: list[tuple[str, str]]


def close_for(error: BaseException) -> tuple[int, str] | None:
    """Return the close code and reason for a connection whose handler ended with `error`.

    None when all that happened is a disconnect; what the error itself asks for, when it is one that does; else 1011,
    without a reason, which may hold what is not the client's business. Of an exception group all errors count.
    """
    cause = cause_of(error)
    if cause is None:
        return None
    code, reason = _closing(cause) or (INTERNAL_ERROR, "")
    return code, reason.encode(errors="replace").decode()


def denial_for(error: BaseException) -> Denial | None:
    """Return the response to a handshake or request whose handler ended with `error`, if the error asks for one.

    It does when it has a `status_code` from 300 to 599, such as the `HTTPException` of this package and of frameworks;
    `detail` is the body, or the attribute `body` of the type `media_type`; a 304 has none (RFC 9110, section 15.4.5).
    """
    cause = cause_of(error)
    status = status_of(cause)
    if status is None:
        return None
    headers = list((getattr(cause, "headers", None) or {}).items())
    if status == 304:
        return Denial(status, b"", headers)
    body = getattr(cause, "body", None)
    if isinstance(body, (str, bytes)):
        media_type = getattr(cause, "media_type", None)
        if media_type is not None:
            headers.append(("content-type", media_type))
        return Denial(status, body, headers)
    return Denial(status, f"{_detail(cause)}\n".encode(errors="replace").decode(), headers)


def is_answer(error: BaseException) -> bool:
    """Tell whether `error` is an orderly end: a disconnect, or one that says itself what to tell the client."""
    cause = cause_of(error)
    return cause is None or _closing(cause) is not None


def cause_of(error: BaseException) -> BaseException | None:
    """Return the one of the errors in `error` that counts: an unexpected one, else the first that is no disconnect."""
    errors = [leaf for leaf in leaves(error) if not isinstance(leaf, (WebSocketDisconnect, ClientDisconnected))]
    unexpected = [leaf for leaf in errors if _closing(leaf) is None]
    return next(iter(unexpected or errors), None)


def status_of(error: BaseException | None) -> int | None:
    """Return the HTTP status that `error` asks for, if it does: its `status_code` from 300 to 599.

    It has a `detail` as well: errors of HTTP clients, which also have a status, are no answer to one's own client.
    """
    status = getattr(error, "status_code", None)
    if isinstance(error, Exception) and hasattr(error, "detail") and isinstance(status, int) and 300 <= status <= 599:
        return status
    return None


def leaves(error: BaseException) -> list[BaseException]:
    """Return the errors in `error`; a task group puts what its tasks raise into groups."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


def _closing(error: BaseException) -> tuple[int, str] | None:
    if isinstance(error, WebSocketMessageError):
        return error.close_code, str(error)
    if isinstance(error, WebSocketException):
        return error.code, error.reason
    status = status_of(error)
    if status is None:
        return None
    return (POLICY_VIOLATION if status < 500 else INTERNAL_ERROR), _detail(error)


def _detail(error: BaseException | None) -> str:
    detail: Any = getattr(error, "detail", None)
    return str(error) if detail is None or isinstance(detail, Mapping) else str(detail)
