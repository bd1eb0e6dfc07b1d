"""Where a coroutine waits, in words: what a developer needs most when something did not come in time."""

import sysconfig
from types import CoroutineType, FrameType
from typing import Final

_FOREIGN: Final = tuple({f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")})
"""Directories whose code is not the developer's own."""


def whereabouts(waiting: object) -> str:
    """Return file, line and function where `waiting` is suspended: the innermost of the developer's own, if any."""
    innermost = own = None
    while isinstance(waiting, CoroutineType):
        frame: FrameType | None = waiting.cr_frame
        if frame is not None:
            innermost = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
            module: str = frame.f_globals.get("__name__", "")
            if not module.startswith("wsserve.") and not frame.f_code.co_filename.startswith(_FOREIGN):
                own = innermost
        waiting = waiting.cr_await
    return own or innermost or "a place that is not known"
