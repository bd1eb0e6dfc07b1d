"""Close codes and reasons (RFC 6455, section 7.4, and the IANA WebSocket Close Code Number Registry)."""

from typing import Final

from wsserve.codec.errors import LocalProtocolError

NORMAL_CLOSURE: Final = 1000
PROTOCOL_ERROR: Final = 1002
UNSUPPORTED_DATA: Final = 1003
NO_STATUS_RECEIVED: Final = 1005
ABNORMAL_CLOSURE: Final = 1006
INVALID_PAYLOAD: Final = 1007
POLICY_VIOLATION: Final = 1008
MESSAGE_TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012

MAX_REASON_BYTES: Final = 123
"""A control frame's payload is at most 125 bytes (RFC 6455, section 5.5), of which the code takes two."""

_REGISTERED: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


def is_valid(code: int) -> bool:
    """Tell whether a Close frame may carry `code`, in either direction.

    Registered protocol codes, 3000-3999 (libraries) and 4000-4999 (private use) may; 1005, 1006 and 1015 only ever
    describe what happened and are never on the wire (RFC 6455, section 7.4.1).
    """
    return 3000 <= code <= 4999 or code in _REGISTERED


def check_code(code: object) -> int:
    """Return `code` as a plain int if an application may close a connection with it.

    Raises `LocalProtocolError` when it is not an int that `is_valid` accepts.
    """
    if not isinstance(code, int) or not is_valid(code):
        raise LocalProtocolError(
            f"close code {code!r} cannot be sent: use 1000-1003, 1007-1014 or 3000-4999 (RFC 6455, section 7.4)"
        )
    return int(code)


def truncate_reason(reason: str) -> bytes:
    """Return `reason` as UTF-8 of at most 123 bytes, cut on a character boundary.

    Raises `LocalProtocolError` when `reason` has lone surrogates, which UTF-8 cannot carry.
    """
    try:
        encoded = reason.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"close reason {reason!r} cannot be encoded as UTF-8") from error
    return encoded[:MAX_REASON_BYTES].decode(errors="ignore").encode()
