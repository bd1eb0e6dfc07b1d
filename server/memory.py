"""The C library's allocator, set up for a server that moves large messages."""

import ctypes
import os
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""Parameters of glibc's `mallopt`."""

_KEPT: Final = 16 * 1024 * 1024
"""How much freed memory at the end of the heap stays with the process."""

_LARGE: Final = 4 * 1024 * 1024
"""Blocks from this size on are given back to the operating system one by one."""


def keep_freed_memory() -> None:
    """Keep freed memory for the next large message, in the whole process; with another C library than glibc do nothing.

    By default glibc gives blocks of a message's size back to the operating system as soon as they are free, and gets
    them again, zeroed page by page, for the next one: a third of what echoing messages of 1 MiB costs. Variables such
    as `MALLOC_TRIM_THRESHOLD_` in the environment take precedence: then nothing is set here.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
