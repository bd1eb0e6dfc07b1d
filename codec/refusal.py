"""How a request is refused: a short response of its own, after which the connection closes."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from wsserve.codec.header_fields import check_headers

REASON_PHRASES: Final = {status.value: status.phrase.encode() for status in HTTPStatus}


@dataclass(slots=True)
class Refusal:
    """The answer to a request that is not served: its status, one plain sentence that says why, further headers."""

    status: int
    reason: str
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


def render_refusal(refusal: Refusal, *, head_only: bool = False) -> bytes:
    """Return the complete response; the answer to HEAD has the headers and no body (RFC 9110, section 9.3.2).

    Raises `LocalProtocolError` for headers that are malformed.
    """
    body = refusal.reason.encode(errors="replace")
    lines = [
        b"HTTP/1.1 %d %s" % (refusal.status, REASON_PHRASES.get(refusal.status, b"")),
        b"Connection: close",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(body),
        *(b"%s: %s" % header for header in check_headers(refusal.headers)),
        b"",
        b"" if head_only else body,
    ]
    return b"\r\n".join(lines)
