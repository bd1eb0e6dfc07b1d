"""The frame codecs by name, and which build of the wire codec runs: compiled where it was built, else plain Python."""

import os
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Final, TypeAlias

from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.frames import FrameCodec, FrameLimits
from wsserve.codec.wsproto_codec import WsprotoCodec

FrameCodecFactory: TypeAlias = Callable[[FrameLimits, DeflateParameters | None], FrameCodec]


def _wire_codec() -> tuple[FrameCodecFactory, str]:
    if not os.environ.get("WSSERVE_NO_EXTENSIONS"):
        try:
            return import_module("wsserve.codec._wire_c").WireCodec, "compiled"
        except ImportError:
            pass
    return import_module("wsserve.codec.wire").WireCodec, "pure Python"


_WIRE, _WIRE_BUILD = _wire_codec()

FRAME_CODECS: Final[dict[str, FrameCodecFactory]] = {"wire": _WIRE, "wsproto": WsprotoCodec}


def describe(name: str) -> str:
    """Return a codec's name with its build or version, for `wsserve --version`."""
    return f"wire, {_WIRE_BUILD}" if name == "wire" else f"wsproto {version('wsproto')}"
