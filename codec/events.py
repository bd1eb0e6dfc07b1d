"""What a frame codec reports about the peer's bytes.

A complete message, all of its fragments joined, is a `str` if it is text and `bytes` if it is binary (RFC 6455, section
5.6): nearly all events are messages, and an object around each would cost as much as parsing it. The other events are
plain data. A codec yields them in the order of the bytes; after `Close`, `Fault` or `EndOfStream` it yields nothing
more, because RFC 6455 lets an endpoint process no data after a Close frame (section 5.5.1) or after failing the
connection (section 7.1.7).
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Ping:
    """A Ping frame; whoever owns the connection answers with a Pong of the same payload (RFC 6455, section 5.5.2)."""

    payload: bytes


@dataclass(slots=True)
class Pong:
    """A Pong frame, asked for or not (RFC 6455, section 5.5.3)."""

    payload: bytes


@dataclass(slots=True)
class Close:
    """The peer's Close frame; `code` is 1005 when the frame was empty (RFC 6455, sections 5.5.1 and 7.1.5)."""

    code: int
    reason: str


@dataclass(slots=True)
class Fault:
    """The peer broke the protocol or a limit: fail the connection with this close code and reason (section 7.1.7)."""

    code: int
    reason: str


@dataclass(slots=True)
class EndOfStream:
    """The peer's bytes ended without a Close frame; the close code is 1006 (RFC 6455, section 7.1.5)."""


Event = str | bytes | Ping | Pong | Close | Fault | EndOfStream
