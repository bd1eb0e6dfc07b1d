"""The bounds of a WebSocket session."""

from collections.abc import Callable
from dataclasses import dataclass, field

from wsserve.codec.deflate import DeflateOptions, DeflateParameters
from wsserve.codec.engines import FRAME_CODECS
from wsserve.codec.frames import FrameCodec, FrameLimits


@dataclass(frozen=True, slots=True)
class WebSocketOptions:
    """Bounds of a session; times in seconds, sizes in bytes. docs/limits.md says why each default is what it is."""

    limits: FrameLimits = field(default_factory=FrameLimits)
    deflate: DeflateOptions | None = field(default_factory=DeflateOptions)
    new_codec: Callable[[FrameLimits, DeflateParameters | None], FrameCodec] = FRAME_CODECS["wire"]
    max_queue: int = 16
    max_queue_bytes: int = 65536
    ping_interval: float | None = 20.0
    ping_timeout: float | None = 20.0
    close_timeout: float = 10.0
    fail_timeout: float = 1.0
    write_timeout: float = 20.0
