"""The part of a request's head that h11 decides on: how the message is framed, and whether it is an upgrade."""

from functools import lru_cache
from typing import Final

import h11

from wsserve.codec.head import Head

_FRAMING: Final = (b"host", b"connection", b"upgrade", b"expect", b"content-length", b"transfer-encoding")
"""The fields that h11 decides on; the others would only cost time there, having passed stricter checks."""

_UNLIMITED: Final = 1 << 31
"""What h11 gets is bounded before it gets it."""


def framing_of(head: Head) -> bytes:
    """Return a head that has only what h11 decides on, which the target is not: it has been checked already."""
    lines = [b"%s / HTTP/%s\r\n" % (head.method.encode(), head.http_version.encode())]
    for name in _FRAMING:
        lines += [b"%s: %s\r\n" % (name, value) for value in head.fields.get(name, ())]
    lines.append(b"\r\n")
    return b"".join(lines)


def begin_request(framing: bytes) -> h11.Connection:
    """Return h11's side of a connection that has received this head. Raises `h11.RemoteProtocolError`."""
    http = h11.Connection(h11.SERVER, max_incomplete_event_size=_UNLIMITED)
    http.receive_data(framing)
    http.next_event()
    return http


def is_upgrade_to_h11(framing: bytes) -> bool:
    """Tell whether h11 finds this head sound, without a body behind it, and ready for a switch of protocols."""
    return _ask_once(framing) if len(framing) <= _USUAL else _ask(framing)


def _ask(framing: bytes) -> bool:
    try:
        http = begin_request(framing)
        return type(http.next_event()) is h11.EndOfMessage and http.next_event() is h11.PAUSED
    except h11.RemoteProtocolError:
        return False


# h11's answer depends on these bytes alone, and the upgrades of many clients differ in little that it looks at: the
# Host and how they spell `Connection`. Asking takes several times as long as all other checks of a head together.
_USUAL: Final = 256
_ask_once: Final = lru_cache(maxsize=128)(_ask)
