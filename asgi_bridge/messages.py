"""Checks of the messages that an application sends (ASGI specification, WebSocket 2.5 and HTTP 2.5).

Each function takes a message of the type in its name, gives its parts with the specification's defaults filled in, and
raises `InvalidMessageError` for a missing key or a wrong Python type. Extra keys are allowed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from wsserve.codec.close_codes import check_code

HeaderList = list[tuple[bytes, bytes]]
T = TypeVar("T")


class InvalidMessageError(RuntimeError):
    """The application sent a message that the ASGI specification does not allow, or not at this point."""


def unexpected(message_type: object, expected: str) -> InvalidMessageError:
    """Return the error for a message that is out of order or of no known type."""
    return InvalidMessageError(f"the application sent {message_type!r} where {expected} was expected")


def payload(message: Mapping[str, Any]) -> str | bytes:
    """Return the data of a `websocket.send`: text as str, or bytes."""
    text = message.get("text")
    data = message.get("bytes")
    if (text is None) is (data is None):
        state = "neither" if text is None else "both"
        raise InvalidMessageError(f"'websocket.send' needs exactly one of 'text' and 'bytes' not None, it has {state}")
    if text is not None:
        return _typed(message, "text", text, str)
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    return _typed(message, "bytes", data, bytes)


def acceptance(message: Mapping[str, Any]) -> tuple[str | None, HeaderList]:
    """Return the subprotocol and the headers of a `websocket.accept`."""
    subprotocol = message.get("subprotocol")
    if subprotocol is not None:
        _typed(message, "subprotocol", subprotocol, str)
    return subprotocol, headers(message)


def closure(message: Mapping[str, Any]) -> tuple[int, str]:
    """Return the code and the reason of a `websocket.close`.

    Raises `wsserve.codec.errors.LocalProtocolError` for a code that must not be on the wire.
    """
    code = message.get("code")
    reason = message.get("reason")
    return check_code(1000 if code is None else code), _typed(message, "reason", "" if reason is None else reason, str)


def response_start(message: Mapping[str, Any]) -> tuple[int, HeaderList]:
    """Return the status and the headers of an `http.response.start` or `websocket.http.response.start`."""
    status = message.get("status")
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise InvalidMessageError(f"{message['type']!r} needs a final 'status' from 200 to 599, not {status!r}")
    return int(status), headers(message)


def response_body(message: Mapping[str, Any]) -> tuple[bytes, bool]:
    """Return the data of a response body message, and whether more is to follow."""
    data = message.get("body", b"")
    if isinstance(data, (bytearray, memoryview)):
        data = bytes(data)
    return _typed(message, "body", data, bytes), bool(message.get("more_body", False))


def headers(message: Mapping[str, Any]) -> HeaderList:
    """Return a message's headers as a list of pairs; names and values are checked by the codec that writes them."""
    pairs: object = message.get("headers")
    if pairs is None:
        return []
    if isinstance(pairs, (str, bytes)) or not isinstance(pairs, Iterable):
        raise InvalidMessageError(f"{message['type']!r} needs 'headers' as pairs of bytes, not {type(pairs).__name__}")
    result: HeaderList = []
    for pair in pairs:
        try:
            name, value = pair
        except (TypeError, ValueError):
            raise InvalidMessageError(f"{message['type']!r} has a header that is no pair: {pair!r}") from None
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise InvalidMessageError(f"{message['type']!r} has a header that is not of bytes: {pair!r}")
        result.append((name, value))
    return result


def _typed(message: Mapping[str, Any], key: str, value: object, expected: type[T]) -> T:
    if not isinstance(value, expected):
        raise InvalidMessageError(
            f"{message['type']!r} needs {key!r} as {expected.__name__}, not {type(value).__name__}"
        )
    return value
