"""What the page and the server say to each other over the control WebSocket: JSON in text messages.

Each message is an object whose "type" tells which one it is, a tagged union of `msgspec.Struct`s. What comes from the
page is bounded here, by `Meta`.
"""

from typing import Annotated

from msgspec import Meta, Struct

MAX_TEXT = 64 * 1024  # characters of a payload
MAX_BYTES = 64 * 1024  # bytes of a payload that is given in hexadecimal

# Nothing but the playground's own endpoints can be named, and no character that would end the request line.
TARGET = r"\A(echo|slow|close/[0-9]{1,6}|many|json/(text|binary))(\?[!-~]{0,500})?\Z"

Target = Annotated[str, Meta(pattern=TARGET)]
Subprotocol = Annotated[str, Meta(pattern=r"\A[!-~]{1,64}\Z")]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Hex = Annotated[str, Meta(max_length=2 * MAX_BYTES, pattern=r"\A([0-9a-fA-F]{2})*\Z")]


# From the page


class Connect(Struct, tag="connect", forbid_unknown_fields=True):
    """Open the connection to one of the endpoints; with `answer` it answers Pings and Closes by itself."""

    target: Target
    subprotocols: Annotated[list[Subprotocol], Meta(max_length=8)] = []
    compression: bool = True
    context_takeover: bool = True
    answer: bool = True


class Payload(Struct):
    """What to send: `text` as UTF-8, or the bytes that `hex` spells."""

    text: Text = ""
    hex: Hex | None = None

    def payload(self) -> bytes:
        """Return the bytes."""
        return self.text.encode() if self.hex is None else bytes.fromhex(self.hex)


class SendMessage(Payload, tag="message", forbid_unknown_fields=True):
    """Send a message, in fragments of `fragment_size` bytes; 0: in one frame."""

    binary: bool = False
    compress: bool = False
    fragment_size: Annotated[int, Meta(ge=0, le=MAX_BYTES)] = 0
    ping_between: bool = False


class SendFrame(Payload, tag="frame", forbid_unknown_fields=True):
    """Send one frame, right or wrong; `announced` is the length that its header claims instead of the true one."""

    opcode: Annotated[int, Meta(ge=0, le=15)] = 1
    fin: bool = True
    rsv: Annotated[int, Meta(ge=0, le=7)] = 0
    masked: bool = True
    announced: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | None = None


class SendClose(Struct, tag="close", forbid_unknown_fields=True):
    """Send a Close with any code, forbidden ones too; None: an empty one."""

    code: Annotated[int, Meta(ge=0, le=0xFFFF)] | None = None
    reason: Annotated[str, Meta(max_length=200)] = ""

    def payload(self) -> bytes:
        """Return the bytes."""
        return b"" if self.code is None else self.code.to_bytes(2, "big") + self.reason.encode()


class Drop(Struct, tag="drop", forbid_unknown_fields=True):
    """End the TCP connection at once, without a Close."""


Command = Connect | SendMessage | SendFrame | SendClose | Drop


# To the page. Times are microseconds since the connection was begun.


class HandshakeReport(Struct, tag="handshake"):
    """The request at `sent_us` and the response at `time_us`; the connection is open when its status is 101."""

    sent_us: int
    time_us: int
    transport: str
    request: str
    response: str
    status: int
    key_accepted: bool
    subprotocol: str
    extensions: str


class FrameReport(Struct, tag="frame"):
    """A frame, sent or received.

    `header` and `wire` are the header and the first bytes of the payload as they travel, in hexadecimal. `text` and
    `hex` show the beginning of the payload after unmasking and inflation, `length` is how long it is then; None when it
    cannot be inflated.
    """

    number: int
    time_us: int
    direction: str
    opcode: int
    fin: bool
    rsv: int
    masked: bool
    header: str
    wire: str
    wire_length: int
    length: int | None
    text: str
    hex: str
    close_code: int | None


class EndReport(Struct, tag="ended"):
    """The TCP connection is over."""

    time_us: int
    text: str


class ErrorReport(Struct, tag="error"):
    """What the page asked for could not be done."""

    text: str


Report = HandshakeReport | FrameReport | EndReport | ErrorReport
