"""What every WebSocket frame codec offers, and the limits that it keeps."""

from dataclasses import dataclass
from typing import Protocol

from wsserve.codec.events import Event


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Bounds on what a peer may send; each has a test that crosses it by one.

    `max_message_size` counts bytes of one message after inflation, over all of its fragments; one byte more fails the
    connection with 1009. `max_fragments` counts the frames of one message, empty ones included; one more fails it with
    1008.
    """

    max_message_size: int = 1024 * 1024
    max_fragments: int = 1024


class FrameCodec(Protocol):
    """One connection's frames, from either side's bytes to events and back, without I/O.

    Bytes go in with `receive_data`; events are pulled one at a time with `next_event`, which parses no further than
    it must, so a caller that stops pulling also bounds the memory that messages take. The peer's faults come out as
    `Fault` events; the methods that build frames raise `LocalProtocolError` for a fault of our own caller.
    """

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer."""

    def receive_eof(self) -> None:
        """Note that the peer will send nothing more."""

    def next_event(self) -> Event | None:
        """Return the next event, or None until there are more bytes."""

    def rest(self) -> None:
        """Give back memory that is not in use; called now and then by whoever owns the connection."""

    def text(self, data: str) -> bytes:
        """Return a text message as one frame. Raises `LocalProtocolError` when `data` has lone surrogates."""

    def binary(self, data: bytes) -> bytes:
        """Return a binary message as one frame."""

    def ping(self, payload: bytes = b"") -> bytes:
        """Return a Ping frame. Raises `LocalProtocolError` when `payload` is over 125 bytes."""

    def pong(self, payload: bytes = b"") -> bytes:
        """Return a Pong frame. Raises `LocalProtocolError` when `payload` is over 125 bytes."""

    def close(self, code: int | None = None, reason: str = "") -> bytes:
        """Return a Close frame, empty when `code` is None; a reason is cut to 123 bytes on a character boundary.

        Raises `LocalProtocolError` for a code that may not be on the wire.
        """
