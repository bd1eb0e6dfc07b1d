"""Masking of payloads (RFC 6455, section 5.3): each byte is XORed with the key's byte at its index modulo four.

Servers only unmask; the operation is its own inverse. `_masking_c.pyx` is the compiled twin.
"""

import codecs
from typing import Final

_STEP: Final = 16384


def unmask(data: bytes, start: int, size: int, key: bytes = b"") -> bytes:
    """Return `size` bytes of `data` from `start`, unmasked with `key`; without one, it is the four bytes before."""
    key = key or data[start - 4 : start]
    if size > _STEP:
        end = start + size
        return b"".join([unmask(data, at, min(_STEP, end - at), key) for at in range(start, end, _STEP)])
    # One XOR of two long integers is the fastest that Python has without a compiler, up to some KiB.
    repeated = (key * (size // 4 + 1))[:size]
    masked = int.from_bytes(data[start : start + size], "little")
    return (masked ^ int.from_bytes(repeated, "little")).to_bytes(size, "little")


def unmask_text(data: bytes, start: int, size: int) -> str:
    """Return what `unmask` does, as text. Raises `UnicodeDecodeError` when that is not UTF-8."""
    return unmask(data, start, size).decode()


class PayloadBuffer(bytearray):
    """The payload of one message while it arrives: pieces are unmasked to its end."""

    __slots__ = ("_checked",)

    def __init__(self) -> None:
        super().__init__()
        self._checked = 0

    def unmask(self, data: bytes, start: int, size: int, key: bytes, most: int) -> None:  # noqa: ARG002  # for the twin
        """Append `size` bytes of `data` from `start`, unmasked with the four bytes of `key`, which begin at `start`.

        The payload will have `most` bytes at most: the compiled twin makes room for no more than that.
        """
        self += unmask(data, start, size, key)

    def can_begin_text(self) -> bool:
        """Whether what is here is UTF-8 so far; a character may still be incomplete at its end."""
        unchecked = self[self._checked :]
        try:
            valid = codecs.utf_8_decode(unchecked, "strict", False)[1]
        except UnicodeDecodeError:
            return False
        self._checked += valid
        # Python's incremental decoder, and so wsproto, waits for a third byte although these begin no character.
        return not b"\xed\xa0" <= unchecked[valid:] <= b"\xed\xbf"

    def take(self) -> bytes:
        """Return the payload, and be empty again."""
        payload = bytes(self)
        self.clear()
        self._checked = 0
        return payload

    def take_text(self) -> str:
        """Return the payload as text, and be empty again. Raises `UnicodeDecodeError` when it is not UTF-8."""
        text = self.decode()
        self.clear()
        self._checked = 0
        return text


def new_payload_buffer() -> PayloadBuffer:
    """Return an empty buffer; Cython replaces functions, not classes, with those of the compiled twin."""
    return PayloadBuffer()
