"""What deflates outgoing messages: ISA-L where its package `isal` is installed, else zlib; docs/deflate.md has why.

Both write the same format, keep to the window that was agreed on, and end a sync flush with 00 00 FF FF. Incoming
messages are always inflated by zlib, which is the stricter of the two about what DEFLATE (RFC 1951) allows.
"""

import os
import zlib
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Final, Protocol, TypeAlias

_ISAL_LEVELS: Final = range(1, 4)
_ISAL_MAX_MEMORY_LEVEL: Final = 2


class Compressor(Protocol):
    """A DEFLATE stream that goes out; an object of `zlib.compressobj` is one."""

    def compress(self, data: bytes, /) -> bytes:
        """Take `data`, and return what can go out already."""

    def flush(self, mode: int, /) -> bytes:
        """Return the rest, up to a byte boundary when `mode` is Z_SYNC_FLUSH."""


NewCompressor: TypeAlias = Callable[[int, int, int], Compressor]
"""Makes a compressor of a level (0 to 9), window bits (9 to 15) and a memory level (1 to 9)."""


def zlib_compressor(level: int, window_bits: int, memory_level: int) -> Compressor:
    """Return a compressor of zlib, which takes all three values as they are."""
    return zlib.compressobj(level, zlib.DEFLATED, -window_bits, memory_level)


def load_isal() -> NewCompressor | None:
    """Return what makes compressors of ISA-L; None where it is not installed, or `WSSERVE_NO_EXTENSIONS` is set."""
    if os.environ.get("WSSERVE_NO_EXTENSIONS"):
        return None
    try:
        compressobj = import_module("isal.isal_zlib").compressobj
    except ImportError:
        return None

    def isal_compressor(level: int, window_bits: int, memory_level: int) -> Compressor:
        # Its level 1 takes a third of the time of zlib's levels 1 to 3 and is as small as level 3. Its levels 2 and 3
        # gain less than 1% over that for half as much memory again; its level 0 compresses, unlike zlib's.
        if level not in _ISAL_LEVELS:
            return zlib_compressor(level, window_bits, memory_level)
        # More memory makes no message smaller, but takes longer to get where each message has a new compressor.
        compressor: Compressor = compressobj(1, zlib.DEFLATED, -window_bits, min(memory_level, _ISAL_MAX_MEMORY_LEVEL))
        return compressor

    return isal_compressor


_ISAL: Final = load_isal()

DEFLATE_ENGINES: Final[dict[str, NewCompressor]] = {"zlib": zlib_compressor} | ({"isal": _ISAL} if _ISAL else {})
"""What is there, by name."""

new_compressor: Final = _ISAL or zlib_compressor


def describe_deflate() -> str:
    """Return the engine that deflates with its version, for `wsserve --version`."""
    return f"isal {version('isal')}" if new_compressor is _ISAL else f"zlib {zlib.ZLIB_RUNTIME_VERSION}"
