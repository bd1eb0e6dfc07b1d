"""The frame codecs by name, and which build of the wire codec runs: compiled where it was built, else plain Python."""

import os
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Final, TypeAlias

from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.frames import FrameCodec, FrameLimits
from wsserve.codec.wire import WireCodec
from wsserve.codec.wsproto_codec import WsprotoCodec

FrameCodecFactory: TypeAlias = Callable[[FrameLimits, DeflateParameters | None], FrameCodec]


def load_compiled() -> FrameCodecFactory | None:
    """Return the compiled wire codec; None where it was not built, or where `WSSERVE_NO_EXTENSIONS` is set."""
    if os.environ.get("WSSERVE_NO_EXTENSIONS"):
        return None
    try:
        factory: FrameCodecFactory = import_module("wsserve.codec._wire_c").WireCodec
    except ImportError:
        return None
    return factory


_COMPILED: Final = load_compiled()

FRAME_CODECS: Final[dict[str, FrameCodecFactory]] = {"wire": _COMPILED or WireCodec, "wsproto": WsprotoCodec}


def describe_codec(name: str) -> str:
    """Return a codec's name with its build or version, for `wsserve --version`."""
    if name == "wire":
        return f"wire, {'compiled' if _COMPILED else 'pure Python'}"
    return f"{name} {version(name)}"
