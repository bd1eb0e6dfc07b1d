"""How the frame codecs are compared with each other: event by event, type by type, after every read.

The compiled wire codec must do exactly what the pure one does. The codec on wsproto must do the same but for the words
of a fault, and but for the exceptions that are named here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from itertools import chain, cycle

from tests.codec.frames import CODECS, CONTROL_OPCODES, RSV1, RSV2, RSV3, CodecFactory, outcome, pull
from wsserve.codec.deflate import DeflateParameters
from wsserve.codec.events import EndOfStream, Event, Fault
from wsserve.codec.frames import FrameCodec, FrameLimits


def split(wire: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Cut `wire` into reads of these sizes, over and over; one of them at least is not 0."""
    start = 0
    for size in cycle(sizes):
        if start >= len(wire):
            return
        yield wire[start : start + size]
        start += size


def exact(event: Event | None) -> object:
    """Return an event in a form that differs when a type in it does, such as bytes from bytearray."""
    if event is None or isinstance(event, (str, bytes)):
        return type(event), event
    return type(event), [(type(value), value) for value in astuple(event)]


def are_same(events: list[Event], others: list[Event]) -> bool:
    """Tell whether events are the same in value and in type, but for the words of a fault."""
    return list(map(exact, outcome(events))) == list(map(exact, outcome(others)))


def events_after_each(codec: FrameCodec, pieces: Sequence[bytes]) -> list[list[Event]]:
    """Return what comes out after each piece, and after the end of file behind them."""
    events = []
    for piece in pieces:
        codec.receive_data(piece)
        events.append(pull(codec))
    codec.receive_eof()
    events.append(pull(codec))
    return events


def slow_events(codec: FrameCodec, pieces: Sequence[bytes]) -> list[Event | None]:
    """Return what comes out when one event is pulled after each piece, and the others behind the last piece."""
    events: list[Event | None] = []
    for piece in pieces:
        codec.receive_data(piece)
        events.append(codec.next_event())
    codec.receive_eof()
    return [*events, *pull(codec)]


def flat(events: Iterable[list[Event]]) -> list[Event]:
    return list(chain.from_iterable(events))


def last_header(wire: bytes) -> bytes:
    """Return the bytes of `wire` from where its last, incomplete frame begins; nothing when it ends with a frame."""
    start = 0
    while start + 2 <= len(wire):
        length, header = wire[start + 1] & 127, start + 2
        if length > 125:
            end_of_length = header + (2 if length == 126 else 8)
            if end_of_length > len(wire):
                break
            length, header = int.from_bytes(wire[header:end_of_length], "big"), end_of_length
        end = header + length + (4 if wire[start + 1] & 128 else 0)
        if end > len(wire):
            break
        start = end
    return wire[start:]


def wsproto_waits_for_the_extended_length(wire: bytes, deflate: DeflateParameters | None) -> bool:
    """Named exception 1: the first two bytes of a data frame are at fault, and its extended length is incomplete.

    The wire codec fails the connection at once. wsproto looks at RSV bits and at the mask when it has the whole length;
    it comes to the same fault unless the peer's bytes end before that.
    """
    header = last_header(wire)
    if len(header) < 2 or header[0] & 15 in CONTROL_OPCODES:
        return False
    is_compressed = bool(header[0] & RSV1)
    is_faulty = bool(header[0] & (RSV2 | RSV3)) or not header[1] & 128
    is_faulty = is_faulty or (is_compressed and (deflate is None or header[0] & 15 == 0))
    return is_faulty and len(header) < {126: 4, 127: 10}.get(header[1] & 127, 0)


def faults_meet(in_pieces: list[Event], at_once: list[Event], deflate: DeflateParameters | None) -> bool:
    """Named exception 2: DEFLATE data is invalid right behind the byte that takes a message over its limit.

    zlib looks at the next symbol when it has no more room: the fault is 1007 when the symbol is in the same read, and
    1009 when it is not.
    """
    if deflate is None or not are_same(in_pieces[:-1], at_once[:-1]):
        return False
    is_over = isinstance(in_pieces[-1], Fault) and in_pieces[-1].code == 1009
    return is_over and at_once[-1] == Fault(1007, "compressed message is not valid DEFLATE data")


def assert_wsproto_agrees(
    wire: list[list[Event]], wsproto: list[list[Event]], pieces: Sequence[bytes], deflate: DeflateParameters | None
) -> None:
    """Compare what two codecs gave after each piece and after the end of file."""
    received = b""
    ours: list[Event] = []
    theirs: list[Event] = []
    for piece, our_next, their_next in zip([*pieces, b""], wire, wsproto, strict=True):
        received += piece
        ours += our_next
        theirs += their_next
        if are_same(ours, theirs):
            continue
        assert wsproto_waits_for_the_extended_length(received, deflate), (ours, theirs)
        before = [event for event in theirs if not isinstance(event, EndOfStream)]
        assert are_same(ours, [*before, Fault(1002, "any words")]), (ours, theirs)


def assert_agreement(
    wire: bytes,
    sizes: Sequence[int],
    limits: FrameLimits,
    deflate: DeflateParameters | None = None,
    codecs: dict[str, CodecFactory] = CODECS,
) -> list[Event]:
    """Feed `wire` in reads of these sizes to every codec and compare; return the events.

    Each codec must also give the same events for the whole of `wire` in one read. Nothing may raise, and a last event
    (a Close, a Fault or an EndOfStream) is always there.
    """
    pieces = list(split(wire, sizes))
    events: dict[str, list[list[Event]]] = {}
    slow: dict[str, list[Event | None]] = {}
    for name, make in codecs.items():
        events[name] = events_after_each(make(limits, deflate), pieces)
        slow[name] = slow_events(make(limits, deflate), pieces)
        at_once = flat(events_after_each(make(limits, deflate), [wire]))
        slowly = [event for event in slow[name] if event is not None]
        for in_pieces in (flat(events[name]), slowly):
            agrees = are_same(in_pieces, at_once) or faults_meet(in_pieces, at_once, deflate)
            assert agrees, (name, in_pieces, at_once)
    for name in events.keys() - {"wire", "wsproto"}:
        for twin, pure in zip(events[name], events["wire"], strict=True):
            assert list(map(exact, twin)) == list(map(exact, pure)), (name, twin, pure)
        assert list(map(exact, slow[name])) == list(map(exact, slow["wire"])), (name, slow)
    assert_wsproto_agrees(events["wire"], events["wsproto"], pieces, deflate)
    return flat(events["wire"])
