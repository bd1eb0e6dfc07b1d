"""The body of a request: h11 decodes it, behind checks of chunked framing that are stricter than its own."""

import re
from typing import Final

import h11

from wsserve.codec.header_fields import TOKEN
from wsserve.codec.refusal import Refusal

_PIECE: Final = 16384
"""How many bytes of a body h11 gets at a time."""

_MAX_FRAMING: Final = 16384
"""How many bytes may stand between the data of two chunks, or behind the last one: trailers are the longest of them."""

# All that may stand there: the end of a chunk, the next one's size and extension (256 bytes is several times what known
# clients send), trailers. h11 also lets pass a CR alone in an extension, an LF alone after a trailer, whitespace after
# a size, and an extension of any length.
_is_framing: Final = re.compile(
    rb"(?:\r\n)?[0-9A-Fa-f]{1,16}(?:;[\t\x20-\x7e\x80-\xff]{0,256})?\r\n"
    rb"(?:(?:" + TOKEN + rb":[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n)?"
).fullmatch


class RequestBody:
    """Takes one request's body off the front of a buffer that grows between the calls."""

    __slots__ = ("_chunked", "_framing", "_http", "_left")

    def __init__(self, http: h11.Connection, *, chunked: bool, length: int) -> None:
        """Begin behind the head, which `http` has got; `length` is Content-Length, 0 when there is none."""
        self._http = http
        self._chunked = chunked
        self._left = length
        """Bytes of a body with a Content-Length that h11 has not got."""
        self._framing = bytearray()
        """Bytes of a chunked body that h11 has got behind the last data that it gave."""

    @property
    def awaited(self) -> bool:
        """Whether the client waits for a 100 response before it sends this body, and there is one to be sent."""
        return self._http.they_are_waiting_for_100_continue and (self._chunked or self._left > 0)

    @property
    def buffered(self) -> int:
        """How many bytes are held here that no data has come of."""
        return len(self._framing)

    def read(self, buffer: bytearray) -> bytes | Refusal | None:
        """Return the next data, b"" at the end of the body, None as long as there must be more bytes."""
        malformed = Refusal(400, "the chunks of the request body are malformed")
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                if len(self._framing) > _MAX_FRAMING:
                    return malformed
                if not self._feed(buffer):
                    return None
        except h11.RemoteProtocolError:
            return malformed
        data = bytes(event.data) if isinstance(event, h11.Data) else b""
        if self._chunked:
            unread = self._http.trailing_data[0]
            framing = self._framing[: len(self._framing) - len(data) - len(unread)]
            if len(framing) > _MAX_FRAMING or (framing and not _is_framing(framing)):
                return malformed
            if data:
                self._framing = bytearray(unread)
            else:
                buffer[:0] = unread  # it belongs to the next request
        return data

    def _feed(self, buffer: bytearray) -> bool:
        """Give h11 the next bytes, of this request only where its end is known; tell whether there were any."""
        piece = bytes(buffer[: _PIECE if self._chunked else min(_PIECE, self._left)])
        if not piece:
            return False
        del buffer[: len(piece)]
        self._http.receive_data(piece)
        if self._chunked:
            self._framing += piece
        else:
            self._left -= len(piece)
        return True
