"""The headers that the server adds to every response."""

import time
from email.utils import formatdate

Headers = list[tuple[bytes, bytes]]


class DefaultHeaders:
    """Called for each response, returns a fresh list: Server, Date (RFC 9110, section 6.6.1), then the owner's own.

    The date is formatted once a second. The owner's headers replace the first two, and names are in lower case.
    """

    __slots__ = ("_date_header", "_fixed", "_head", "_second")

    def __init__(self, *, server_header: bool, date_header: bool, extra: tuple[tuple[bytes, bytes], ...]) -> None:
        names = {name for name, _ in extra}
        self._fixed = ([(b"server", b"wsserve")] if server_header and b"server" not in names else []) + list(extra)
        self._date_header = date_header and b"date" not in names
        self._second = -1
        self._head: Headers = self._fixed

    def __call__(self) -> Headers:
        """Return the headers for a response that is made now."""
        if self._date_header:
            second = int(time.time())
            if second != self._second:
                self._second = second
                self._head = [(b"date", formatdate(second, usegmt=True).encode()), *self._fixed]
        return self._head.copy()
