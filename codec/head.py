"""The head of a request, from raw bytes: where it ends, its limits, and checks that are stricter than h11's.

Every byte is looked at a fixed number of times, however small the pieces that it comes in, and a fault is reported as
soon as its first byte is there. What is reported does not depend on the pieces either: the fault that comes first in
the bytes wins.
"""

import re
from dataclasses import dataclass
from typing import Final

from wsserve.codec.header_fields import TOKEN, group_fields
from wsserve.codec.refusal import Refusal


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Bounds on the head of a request; each has a test that crosses it by one.

    `max_target` is in bytes, and one more is answered with 414. `max_head` is in bytes from the request line to the
    empty line, both included, and `max_headers` counts header lines; one more of either is answered with 431.
    """

    max_target: int = 8192
    max_head: int = 16384
    max_headers: int = 128


@dataclass(slots=True)
class Head:
    """A complete head; `headers` have lower-case names, and `fields` are the same by name."""

    method: str
    target: bytes
    http_version: str
    headers: list[tuple[bytes, bytes]]
    fields: dict[bytes, list[bytes]]


MAX_EMPTY_LINES: Final = 2
"""Empty lines that are ignored ahead of a request line; RFC 9112, section 2.2, asks for one at least."""

_LONGEST_REST_OF_LINE: Final = 64
"""What may stand in a request line beside its target: the method, two spaces and the version."""

_REQUEST_LINE: Final = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) HTTP/([0-9]\.[0-9])")
_HEADER_LINE: Final = re.compile(rb"^(" + TOKEN + rb"):([^\r]*)\r\n", re.MULTILINE)

# A name that most clients send, as they spell it, and its lower case, which is then one object for all connections.
_LOWER_CASE: Final = {
    spelling: name.lower()
    for name in (
        b"Accept",
        b"Accept-Encoding",
        b"Accept-Language",
        b"Cache-Control",
        b"Connection",
        b"Content-Length",
        b"Content-Type",
        b"Cookie",
        b"Host",
        b"Origin",
        b"Pragma",
        b"Sec-WebSocket-Extensions",
        b"Sec-WebSocket-Key",
        b"Sec-WebSocket-Protocol",
        b"Sec-WebSocket-Version",
        b"Upgrade",
        b"User-Agent",
        b"X-Forwarded-For",
        b"X-Forwarded-Proto",
    )
    for spelling in (name, name.lower())
}

# As they stand behind the colon: what each open connection would hold a copy of.
_SHARED: Final = {
    b" " + value: value
    for value in (b"Upgrade", b"websocket", b"13", b"permessage-deflate; client_max_window_bits", b"permessage-deflate")
}
_METHODS: Final = {b"GET": "GET"}
_VERSIONS: Final = {b"1.0": "1.0", b"1.1": "1.1"}

# What h11 lets pass. The last byte of a match is where the fault is. The class comes first, which is what makes the
# search fast, and what the byte is that it found is told apart after it.
_FORBIDDEN: Final = re.compile(
    rb"""
    [\x00-\x08\x0a-\x1f\x7f\x85]
    (?:
        (?<=[\x00-\x08\x0b\x0c\x0e-\x1f\x7f])   # a control character
      | (?<=\r) (?: \n[ \t] | (?=[^\n]) )       # a folded line, a CR alone
      | (?<=\n) (?<!\r\n)                       # an LF alone
      | (?<=\x85) (?<! [\x80-\xc1\xc3-\xff]\x85 )   # U+0085, in Latin-1 or UTF-8; not the end of another character
    )
    """,
    re.VERBOSE,
)

_ABSOLUTE_FORM: Final = re.compile(rb"(?i:https?|wss?)://([^/?]*)(.*)")
# A registered name without its comma, or an IP address, and a port (RFC 3986, section 3.2).
_is_host: Final = re.compile(
    rb"(?:(?:[0-9A-Za-z._~!$&'()*+;=\-]|%[0-9A-Fa-f]{2})+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?"
).fullmatch


class HeadReader:
    """Takes one request's head off the front of a buffer that grows between the calls."""

    __slots__ = ("_empty_lines", "_limits", "_lines", "_request_line", "_searched")

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        self._empty_lines = 0
        self._searched = 0
        self._lines = 0
        self._request_line: tuple[str, bytes, str] | None = None

    @property
    def method(self) -> str:
        """The request's method; empty as long as there is no valid request line."""
        return self._request_line[0] if self._request_line else ""

    def read(self, buffer: bytearray) -> Head | Refusal | None:
        """Return the head, and take it off the buffer, once it is there; None as long as there must be more bytes."""
        if not self._searched:
            self._skip_empty_lines(buffer)
            if buffer == b"\r":
                return None
        limits, searched = self._limits, self._searched
        end = buffer.find(b"\r\n\r\n", max(searched - 3, 0), limits.max_head)
        stop = end + 4 if end >= 0 else min(len(buffer), limits.max_head)
        fault = _FORBIDDEN.search(buffer, max(searched - 2, 0), stop)
        sound = fault.end() - 1 if fault else stop
        complete = end >= 0 and not fault

        if self._request_line is None:
            parsed = self._parse_request_line(buffer, max(searched - 1, 0), sound)
            if isinstance(parsed, Refusal):
                return parsed
            self._request_line = parsed
        self._lines += buffer.count(b"\n", searched, sound)
        if self._lines > limits.max_headers + (2 if complete else 1):  # the request line, and the empty one at the end
            return self._too_large()
        if fault:
            return _explain(fault[0])
        if self._request_line is None or not complete:
            self._searched = stop
            return self._too_large() if len(buffer) >= limits.max_head else None

        raw = bytes(buffer[:stop])
        del buffer[:stop]
        headers = [
            (_LOWER_CASE.get(name) or name.lower(), _SHARED.get(value) or value.strip(b" \t"))
            for name, value in _HEADER_LINE.findall(raw)
        ]
        if len(headers) != self._lines - 2:
            return Refusal(400, "a header line must be a name, a colon and a value")
        return Head(*self._request_line, headers, group_fields(headers))

    def _skip_empty_lines(self, buffer: bytearray) -> None:
        while self._empty_lines < MAX_EMPTY_LINES and buffer.startswith(b"\r\n"):
            del buffer[:2]
            self._empty_lines += 1

    def _parse_request_line(self, buffer: bytearray, start: int, stop: int) -> tuple[str, bytes, str] | Refusal | None:
        max_target = self._limits.max_target
        longest = max_target + _LONGEST_REST_OF_LINE
        end = buffer.find(b"\r\n", start, stop)
        # A CR may be there already whose LF is not.
        if end > longest or (end < 0 and stop > longest + buffer.endswith(b"\r", 0, stop)):
            return Refusal(414, f"the request line must not have a target of more than {max_target} bytes")
        if end < 0:
            return None
        match = _REQUEST_LINE.fullmatch(buffer, 0, end)
        if match is None:
            return Refusal(400, "the request line must be a method, a target and an HTTP version")
        method, target, version = match.groups()
        if len(target) > max_target:
            return Refusal(414, f"the request line must not have a target of more than {max_target} bytes")
        if version not in _VERSIONS:
            return Refusal(505, "the HTTP version must be 1.1, or 1.0 without an upgrade")
        return _METHODS.get(method) or method.decode("ascii"), target, _VERSIONS[version]

    def _too_large(self) -> Refusal:
        limits = self._limits
        return Refusal(
            431, f"the request head must have at most {limits.max_head} bytes and {limits.max_headers} headers"
        )


def _explain(fault: bytes) -> Refusal:
    if fault.endswith((b" ", b"\t")):
        return Refusal(400, "a header must not be folded onto a second line")
    if fault in b"\r\n":
        return Refusal(400, "each line of the request head must end in CR LF")
    return Refusal(400, "the request head must not have control characters")


def check_host(head: Head) -> Refusal | None:
    """Return why the Host field is refused: missing in HTTP/1.1, repeated, empty or no host (RFC 9112, section 3.2)."""
    hosts = head.fields.get(b"host", [])
    if len(hosts) > 1 or (not hosts and head.http_version == "1.1"):
        return Refusal(400, "the request must have exactly one Host header")
    if hosts and not _is_host(hosts[0]):
        return Refusal(400, "the Host header must be a host name or address, with or without a port")
    return None


def resolve_target(head: Head) -> Refusal | None:
    """Bring the target of `head` to origin form, or return why it is refused (RFC 9112, section 3.2).

    Absolute form must be accepted, and its host counts instead of the Host field (section 3.2.2): the target becomes
    its path and query, and the Host field its authority, so that nobody behind this sees two hosts. Asterisk form is
    left as it is, for OPTIONS only.
    """
    if b"#" in head.target:
        return Refusal(400, "the request target must not have a fragment")
    if head.target.startswith(b"/") or (head.target == b"*" and head.method == "OPTIONS"):
        return None
    match = _ABSOLUTE_FORM.fullmatch(head.target)
    if match is None:
        return Refusal(400, "the request target must begin with a slash")
    authority, target = match.groups()
    if not _is_host(authority):
        return Refusal(400, "the authority in the request target must be a host, with or without a port")
    head.target = target if target.startswith(b"/") else b"/" + target
    others = [header for header in head.headers if header[0] != b"host"]
    head.headers = [(b"host", authority), *others]
    head.fields[b"host"] = [authority]
    return None
