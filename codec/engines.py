"""The frame codecs by name, and which build of the wire codec runs: compiled where it was built, else plain Python."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Final, TypeAlias

from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.frames import FrameCodec, FrameLimits
from wsserve.codec.speedups import compiled
from wsserve.codec.wire import WireCodec
from wsserve.codec.wsproto_codec import WsprotoCodec

FrameCodecFactory: TypeAlias = Callable[[FrameLimits, DeflateParameters | None], FrameCodec]


_WIRE: Final = compiled(WireCodec)

FRAME_CODECS: Final[dict[str, FrameCodecFactory]] = {"wire": _WIRE, "wsproto": WsprotoCodec}


def describe_codec(name: str) -> str:
    """Return a codec's name with its build or version, for `wsserve --version`."""
    if name == "wire":
        return f"wire, {'pure Python' if _WIRE is WireCodec else 'compiled'}"
    return f"{name} {version(name)}"
