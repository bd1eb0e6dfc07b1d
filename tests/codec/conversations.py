"""What a client may send, drawn by hypothesis: whole conversations, valid, and broken in one place."""

import zlib
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.codec.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    MASKING_KEY,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    ClientDeflater,
    client_frame,
    close_frame,
    deflated,
    fragments,
    frame_header,
    octets,
    parameters,
)
from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.events import Close, EndOfStream, Event, Ping, Pong
from wsserve.codec.frames import FrameLimits

LIMITS = FrameLimits(max_message_size=140, max_fragments=4)
"""Small enough to be crossed, large enough for a length in two bytes."""

DEFLATES = [
    None,
    DEFLATE,
    parameters(client_no_context_takeover=True),
    parameters(client_max_window_bits=9),
    parameters(client_max_window_bits=9, client_no_context_takeover=True),
]
deflates = st.sampled_from(DEFLATES)
reads = st.lists(st.integers(0, 20) | st.just(1), min_size=1, max_size=8).filter(any)


@dataclass
class Conversation:
    """The frames that a client sends, and the events that they must lead to when nothing breaks them."""

    frames: list[bytes]
    events: list[Event]
    deflate: DeflateParameters | None

    @property
    def wire(self) -> bytes:
        return b"".join(self.frames)


keys = st.sampled_from([MASKING_KEY, b"\0\0\0\0", b"\xff\0\x80\x01"])
texts = st.text(max_size=20) | st.sampled_from(["a" * 139, "a" * 140, "é" * 70, "😀" * 35, "chat chat chat"])
binaries = st.binary(max_size=30) | st.sampled_from([bytes(125), bytes(126), bytes(140), bytes(range(140))])
controls = st.builds(Ping, st.binary(max_size=8)) | st.builds(Pong, st.just(b"\xff" * 125))
closes = st.just(Close(1005, "")) | st.builds(
    Close, st.sampled_from([1000, 1001, 1014, 3000, 4999]), st.text(max_size=10)
)


def control_frame(event: Ping | Pong | Close, key: bytes) -> bytes:
    match event:
        case Ping(payload):
            return client_frame(PING, payload, key=key)
        case Pong(payload):
            return client_frame(PONG, payload, key=key)
        case Close(1005):
            return client_frame(CLOSE, key=key)
        case Close(code, reason):
            return client_frame(CLOSE, code.to_bytes(2, "big") + reason.encode(), key=key)


def deflate_to_the_end(payload: bytes, *, with_empty_block: bool) -> bytes:
    """Return `payload` in DEFLATE blocks that refer to nothing before them, the last with BFINAL=1 (section 7.2.3.4).

    The RFC asks for an empty block behind it; there are peers that leave it out.
    """
    context = zlib.compressobj(6, zlib.DEFLATED, -9)
    return context.compress(payload) + context.flush(zlib.Z_FINISH) + b"\0" * with_empty_block


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Draw up to five messages in order, with control frames between and inside them, and perhaps a Close."""
    deflate = draw(deflates)
    talk = Conversation([], [], deflate)
    sender = None if deflate is None else new_sender(deflate)
    for message in draw(st.lists(texts | binaries | controls, max_size=5)):
        key = draw(keys)
        talk.events.append(message)
        if isinstance(message, Ping | Pong):
            talk.frames.append(control_frame(message, key))
            continue
        opcode, payload = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)
        rsv = 0
        if deflate is not None and sender is not None and draw(st.integers(0, 3)):
            rsv = RSV1
            if draw(st.integers(0, 2)):
                payload = sender.deflate(payload) or b"\0"
            else:
                payload = deflate_to_the_end(payload, with_empty_block=draw(st.booleans()))
                sender = new_sender(deflate)  # the old one's references would miss by this message
        cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=LIMITS.max_fragments - 1)))
        for index, (start, stop) in enumerate(zip([0, *cuts], [*cuts, len(payload)], strict=True)):
            if index:
                for event in draw(st.lists(controls, max_size=1)):
                    talk.frames.append(control_frame(event, key))
                    talk.events.insert(-1, event)
            talk.frames.append(client_frame(opcode, payload[start:stop], fin=index == len(cuts), rsv=rsv, key=key))
            opcode, rsv = CONTINUATION, 0
    if draw(st.booleans()):
        close = draw(closes)
        talk.frames.append(control_frame(close, MASKING_KEY))
        talk.events.append(close)
    else:
        talk.events.append(EndOfStream())
    return talk


def new_sender(deflate: DeflateParameters) -> ClientDeflater:
    return ClientDeflater(window_bits=deflate.client_max_window_bits, takeover=not deflate.client_no_context_takeover)


OVER_SIZE = LIMITS.max_message_size + 1
BAD_UTF8 = [b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xed\xa0", b"\xf4\x90", b"ok\xff", b"\xf0\x9f\x98"]

FAULTY_FRAMES = [
    *(client_frame(opcode, b"x") for opcode in (3, 7, 0xB, 0xF)),
    *(client_frame(TEXT, b"x", rsv=rsv) for rsv in (RSV1, RSV2, RSV3)),
    *(client_frame(opcode, b"x", rsv=RSV1) for opcode in (CONTINUATION, PING, CLOSE)),
    *(client_frame(opcode, bytes(126), rsv=RSV2) for opcode in (BINARY, PING)),
    *(frame_header(opcode, size, key=None) for opcode in (BINARY, PING) for size in (1, 126, 65536)),
    *(client_frame(opcode, b"x", fin=False) for opcode in (CONTINUATION, TEXT, BINARY, PING, CLOSE)),
    client_frame(CONTINUATION, b"x"),
    *(client_frame(BINARY, bytes(size), length_bits=bits) for size in (5, 125) for bits in (16, 64)),
    client_frame(BINARY, bytes(126), length_bits=64),
    *(frame_header(BINARY, size) for size in (OVER_SIZE, 1 << 16, (1 << 63) - 1, 1 << 63)),
    *(frame_header(TEXT, size, rsv=RSV1) for size in (OVER_SIZE, 1 << 16, (1 << 63) - 1, 1 << 63)),
    client_frame(BINARY, bytes(OVER_SIZE)),
    client_frame(BINARY, deflated(bytes(OVER_SIZE)), rsv=RSV1),
    client_frame(TEXT, deflated(b"a" * LIMITS.max_message_size + b"\xff"), rsv=RSV1),
    client_frame(TEXT, deflated(b"\xff" + b"a" * 1000), rsv=RSV1),
    client_frame(BINARY, deflate_to_the_end(b"", with_empty_block=False) * 70, rsv=RSV1),
    client_frame(BINARY, deflated(b"a")[:-1] + b"\xff", rsv=RSV1),
    client_frame(BINARY, b"\xff\xff\xff", rsv=RSV1),
    client_frame(BINARY, b"", rsv=RSV1),
    client_frame(PING, bytes(126)),
    client_frame(CLOSE, b"\x03"),
    *(close_frame(code) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)),
    *(close_frame(1000, reason) for reason in BAD_UTF8),
    *(client_frame(TEXT, payload) for payload in BAD_UTF8),
    *(client_frame(TEXT, deflated(payload), rsv=RSV1) for payload in BAD_UTF8),
    *(fragments(TEXT, octets(payload)) for payload in BAD_UTF8),
    fragments(BINARY, [b""] * (LIMITS.max_fragments + 1)),
    fragments(BINARY, [bytes(OVER_SIZE - 1), b"x"]),
]
"""Frames, or whole messages, that are at fault by themselves; some only without deflate or outside of a message."""


@st.composite
def broken_conversations(draw: st.DrawFn) -> Conversation:
    """Draw a conversation that something breaks in one place; what it must lead to is not known."""
    talk = draw(conversations())
    place = draw(st.integers(0, len(talk.frames)))
    if draw(st.booleans()):
        talk.frames.insert(place, draw(st.sampled_from(FAULTY_FRAMES)))
    elif place < len(talk.frames):
        frame = bytearray(talk.frames[place])
        index = draw(st.integers(0, len(frame) - 1) | st.integers(0, min(3, len(frame) - 1)))
        match draw(st.sampled_from(["flip a bit", "drop bytes", "add bytes", "drop", "repeat", "move to the front"])):
            case "flip a bit":
                frame[index] ^= 1 << draw(st.integers(0, 7))
                talk.frames[place] = bytes(frame)
            case "drop bytes":
                del frame[index : index + draw(st.integers(1, 8))]
                talk.frames[place] = bytes(frame)
            case "add bytes":
                frame[index:index] = draw(st.binary(min_size=1, max_size=8))
                talk.frames[place] = bytes(frame)
            case "drop":
                del talk.frames[place]
            case "repeat":
                talk.frames.insert(place, bytes(frame))
            case _:
                talk.frames.insert(0, talk.frames.pop(place))
    if draw(st.booleans()):
        wire = talk.wire
        talk.frames = [wire[: draw(st.integers(0, len(wire)))]]
    return talk
