"""The messages that a `WebSocket` sends, checked before anything goes out (ASGI specification, WebSocket 2.5)."""

from collections.abc import Callable
from typing import Final

from wsserve.asgi_bridge import messages
from wsserve.asgi_bridge.headers import HeaderPairs, encode_headers
from wsserve.asgi_bridge.types import Message, Scope
from wsserve.codec.close_codes import NORMAL_CLOSURE, check_code, truncate_reason
from wsserve.codec.handshake import SERVER_HEADERS


def acceptance(scope: Scope, subprotocol: str | None, headers: HeaderPairs | None) -> Message:
    """Return a `websocket.accept`.

    Raises `TypeError` and `ValueError` for headers as `encode_headers` does and for those that the handshake sets by
    itself, and for a subprotocol that the client has not offered (RFC 6455, section 4.2.2).
    """
    encoded = encode_headers(headers)
    for name, _ in encoded:
        if name in SERVER_HEADERS:
            hint = ": use subprotocol=" if name == b"sec-websocket-protocol" else ""
            raise ValueError(f"header {name.decode()!r} is set by the handshake itself{hint}")
    if subprotocol is not None:
        if not isinstance(subprotocol, str):
            raise TypeError(f"the subprotocol is a str, not {type(subprotocol).__name__}")
        offered = list(scope.get("subprotocols") or ())
        if subprotocol not in offered:
            raise ValueError(f"subprotocol {subprotocol!r} was not offered by the client, which offered {offered}")
    return {"type": "websocket.accept", "subprotocol": subprotocol, "headers": encoded}


def closure(code: int, reason: str | None) -> Message:
    """Return a `websocket.close` with a reason of at most 123 bytes.

    Raises `LocalProtocolError` (a `ValueError`) for a code that must not be sent, `TypeError` for a reason that is no
    str.
    """
    if reason is not None and not isinstance(reason, str):
        raise TypeError(f"the close reason is a str, not {type(reason).__name__}")
    return {"type": "websocket.close", "code": check_code(code), "reason": truncate_reason(reason or "").decode()}


def _check_accept(scope: Scope, message: Message) -> Message:
    return {**message, **acceptance(scope, message.get("subprotocol"), message.get("headers"))}


def _check_close(_scope: Scope, message: Message) -> Message:
    code = message.get("code")
    return {**message, **closure(NORMAL_CLOSURE if code is None else code, message.get("reason"))}


def _check_send(_scope: Scope, message: Message) -> Message:
    messages.payload(message)
    return message


def _check_response_start(_scope: Scope, message: Message) -> Message:
    status, headers = messages.response_start(message)
    return {**message, "status": status, "headers": headers}


def _check_response_body(_scope: Scope, message: Message) -> Message:
    messages.response_body(message)
    return message


CHECKS: Final[dict[str, Callable[[Scope, Message], Message]]] = {
    "websocket.accept": _check_accept,
    "websocket.close": _check_close,
    "websocket.send": _check_send,
    "websocket.http.response.start": _check_response_start,
    "websocket.http.response.body": _check_response_body,
}
"""For each type of message what checks its content and gives what to send; each raises what the builders above do, or
`wsserve.asgi_bridge.messages.InvalidMessageError`."""
