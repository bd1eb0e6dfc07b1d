"""The hot half of a session: its marks, its order, and what stands against a quick send."""

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from tests.twins import twins
from wsserve.asgi_bridge.backpressure import EVENT_COST, OUTPUT_TURN
from wsserve.asgi_bridge.message_channel import (
    CEILING,
    COMPACT,
    INPUT_TURN,
    LARGE_READ,
    STEPS,
    LastEvent,
    MessageChannel,
)
from wsserve.codec.errors import LocalProtocolError
from wsserve.codec.events import Close, EndOfStream, Event, Fault, Ping, Pong

pytestmark = twins("new_channel", MessageChannel)


def message(size: int) -> bytes:
    """Return a message that counts `size` bytes in all."""
    return bytes(size - EVENT_COST)


class Script:
    """A codec whose events are given, and whose frames say what they are."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.received: list[bytes] = []

    def receive_data(self, data: bytes) -> None:
        self.received.append(data)

    def receive_eof(self) -> None:
        self.events.append(EndOfStream())

    def rest(self) -> None:
        raise NotImplementedError

    def next_event(self) -> Event | None:
        return self.events.popleft() if self.events else None

    def text(self, data: str) -> bytes:
        if not data.isprintable():
            raise LocalProtocolError("no text")
        return b"text " + data.encode()

    def binary(self, data: bytes) -> bytes:
        return b"binary " + data

    def ping(self, payload: bytes = b"") -> bytes:
        return b"ping " + payload

    def pong(self, payload: bytes = b"") -> bytes:
        return b"pong " + payload

    def close(self, code: int | None = None, reason: str = "") -> bytes:
        return b"close %d" % (code or 0) + reason.encode()


class Waker:
    """A signal, and how it was set."""

    def __init__(self, owner: "Owner") -> None:
        self.owner = owner
        self.calls: list[str] = []

    def set(self) -> None:
        self.calls.append("set")

    def resume(self) -> None:
        self.calls.append("resume")
        if self.owner.takes_on_resume:
            self.owner.channel.leave(self)
            self.owner.take_all()

    def __await__(self) -> Any:
        raise NotImplementedError


class Owner:
    """A channel, its transport, and what both were told."""

    def __init__(self, new_channel: type[MessageChannel], max_messages: int = 16, max_bytes: int = 65536) -> None:
        self.done: list[Any] = []
        self.control: list[Ping | Pong | LastEvent] = []
        self.taken: list[Any] = []
        self.signals: list[Waker] = []
        self.takes_on_resume = False
        self.codec = Script()
        self.time = 0.0
        self.soon: list[Callable[[], None]] = []
        self.channel = new_channel(self, self, self.event, max_messages, max_bytes)
        self.channel.codec = self.codec
        self.channel.is_open = True

    # wsserve.asgi_bridge.transport.Runtime

    def now(self) -> float:
        return self.time

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def next_turn(self) -> None:
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        raise NotImplementedError

    def cancelled(self) -> bool:
        raise NotImplementedError

    def spawn(self, function: Any, name: str) -> None:
        raise NotImplementedError

    def new_signal(self) -> Waker:
        self.signals.append(Waker(self))
        return self.signals[-1]

    def event(self, event: Ping | Pong | LastEvent) -> None:
        self.control.append(event)
        if isinstance(event, (Close, Fault, EndOfStream)):
            self.channel.last = event

    def arrive(self, *events: Event) -> None:
        self.codec.events.extend(events)
        self.channel.data_received(b"data")

    def take_all(self) -> None:
        while (event := self.channel.take()) is not None:
            self.taken.append(event)

    @property
    def marks(self) -> set[str]:
        """Return which marks the queue is over: reading has paused, parsing has stopped."""
        self.codec.events.append(Pong(b""))
        before = len(self.control)
        self.channel.pump()
        parsed = len(self.control) > before
        if not parsed:
            self.codec.events.pop()
        return ({"high"} if not self.channel.reading else set()) | ({"full"} if not parsed else set())

    # wsserve.asgi_bridge.transport.Transport

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def write_soon(self, data: bytes) -> None:
        self.done.append(("soon", data))

    def write_buffer_size(self) -> int:
        return 0

    def hand_to(self, receive: Any) -> None:
        raise NotImplementedError

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def close(self) -> None:
        raise NotImplementedError

    abort = close


Channels = type[MessageChannel]


def test_messages_come_out_in_order_as_asgi_events(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    owner.arrive("one", b"two", "")
    owner.take_all()
    assert owner.taken == [
        {"type": "websocket.receive", "text": "one"},
        {"type": "websocket.receive", "bytes": b"two"},
        {"type": "websocket.receive", "text": ""},
    ]
    assert owner.channel.is_empty()
    assert owner.channel.messages_received == 3
    assert owner.channel.bytes_received == 4
    assert owner.channel.heard


@pytest.mark.parametrize("last", [Close(1000, ""), Fault(1002, ""), EndOfStream()])
def test_other_events_go_to_the_session_as_they_are_parsed(new_channel: Channels, last: LastEvent) -> None:
    owner = Owner(new_channel)
    owner.arrive("one", Ping(b"a"), Pong(b"b"), last)
    assert owner.control == [Ping(b"a"), Pong(b"b"), last]
    owner.take_all()
    assert [event["text"] for event in owner.taken] == ["one"]
    assert not owner.channel.is_empty()


def test_clear_drops_what_waits_and_what_comes(new_channel: Channels) -> None:
    owner = Owner(new_channel, max_bytes=1000)
    owner.arrive(message(5000))
    assert owner.marks == {"high", "full"}
    owner.channel.clear()
    assert "full" not in owner.marks
    owner.arrive("late", Close(1000, ""))
    owner.take_all()
    assert owner.taken == []
    assert owner.channel.last == Close(1000, "")
    assert owner.channel.messages_received == 1


def test_max_queue_crossed_by_one_message(new_channel: Channels) -> None:
    owner = Owner(new_channel, max_messages=8)
    owner.arrive(*[""] * 7)
    assert owner.marks == set()
    owner.arrive("")
    assert owner.marks == {"high"}
    assert owner.done == ["pause"]
    for _ in range(5):
        owner.channel.take()
        assert not owner.channel.reading
    owner.channel.take()
    assert owner.done == ["pause", "resume"]


def test_max_queue_bytes_crossed_by_one_byte(new_channel: Channels) -> None:
    owner = Owner(new_channel, max_bytes=1000)
    owner.arrive(message(999))
    assert owner.marks == set()
    owner.channel.take()
    owner.arrive(message(1000))
    assert owner.marks == {"high"}


@pytest.mark.parametrize(("size", "is_low"), [(250, True), (251, False)])
def test_low_water_is_a_quarter(new_channel: Channels, size: int, is_low: bool) -> None:
    owner = Owner(new_channel, max_bytes=1000)
    owner.arrive(message(1000), message(size))
    assert not owner.channel.reading
    owner.channel.take()
    assert owner.channel.reading is is_low


def test_what_was_read_but_not_parsed_comes_before_reading_goes_on(new_channel: Channels) -> None:
    owner = Owner(new_channel, max_bytes=1000)
    owner.arrive(message(CEILING * 1000), message(1000), message(300))
    assert len(owner.codec.events) == 2
    owner.channel.take()
    assert not owner.codec.events
    assert owner.done == ["pause"]
    owner.channel.take()
    owner.channel.take()
    assert owner.done == ["pause", "resume"]
    owner.channel.resume_reading()
    assert owner.done == ["pause", "resume"]


def test_ceiling_crossed_by_one_byte(new_channel: Channels) -> None:
    owner = Owner(new_channel, max_bytes=1000)
    owner.arrive(message(CEILING * 1000 - 1))
    assert owner.marks == {"high"}
    owner.channel.take()
    owner.arrive(message(CEILING * 1000))
    assert owner.marks == {"high", "full"}


def test_a5_empty_messages_are_not_free(new_channel: Channels) -> None:
    owner = Owner(new_channel, max_messages=1_000_000)
    owner.arrive(*[""] * 5000)
    assert owner.channel.messages_received == CEILING * 65536 // EVENT_COST


def test_queue_of_one_message_works(new_channel: Channels) -> None:
    owner = Owner(new_channel, max_messages=1, max_bytes=1)
    assert owner.marks == set()
    owner.arrive("x")
    assert owner.marks == {"high", "full"}
    owner.channel.take()
    assert owner.marks == set()


def test_a_queue_that_is_never_empty_does_not_grow(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    owner.arrive("0")
    for number in range(3 * COMPACT):
        owner.arrive(str(number + 1))
        event = owner.channel.take()
        assert event is not None
        assert event["text"] == str(number)
    owner.take_all()
    assert owner.channel.is_empty()
    assert owner.channel.reading


# Turns


def test_a5_parsing_ends_with_the_turn_and_goes_on_in_the_next(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    owner.arrive(*[Ping(b"")] * (STEPS - 1))
    assert owner.soon == []
    owner.arrive(Ping(b""))
    assert len(owner.soon) == 1, "a turn begins with so many steps"
    owner.time = INPUT_TURN - 0.001
    owner.arrive(*[Ping(b"")] * 2)
    assert (len(owner.control), owner.done) == (STEPS + 2, [])
    owner.time = INPUT_TURN
    owner.arrive(*[Ping(b"")] * 3)
    assert (len(owner.control), owner.done) == (STEPS + 3, ["pause"])
    owner.arrive()
    owner.channel.resume_reading()
    assert (len(owner.control), owner.done) == (STEPS + 3, ["pause"])
    owner.next_turn()
    assert (len(owner.control), owner.done) == (STEPS + 5, ["pause", "resume"])
    assert len(owner.soon) == 1, "the next turn begins at once"
    owner.next_turn()
    assert owner.soon == []


@pytest.mark.parametrize(("size", "turns"), [(LARGE_READ, 0), (LARGE_READ + 1, 1)])
def test_a5_a_turn_begins_with_a_large_read(new_channel: Channels, size: int, turns: int) -> None:
    owner = Owner(new_channel)
    owner.codec.events.append("one")
    owner.channel.data_received(bytes(size))
    assert len(owner.soon) == turns
    assert owner.channel.has_messages()


def test_a_turn_that_is_not_used_up_changes_nothing(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    owner.arrive(*[Ping(b"")] * STEPS)
    owner.time = INPUT_TURN / 2
    owner.arrive(*[Ping(b"")] * STEPS)
    owner.next_turn()
    owner.time = INPUT_TURN * 2
    owner.arrive(*[Ping(b"")] * STEPS)
    assert (len(owner.control), owner.done) == (3 * STEPS, [])
    assert len(owner.soon) == 1


def test_the_application_waits_for_its_next_turn_too(new_channel: Channels) -> None:
    owner = Owner(new_channel, max_messages=10_000, max_bytes=1_000_000)
    owner.arrive(*[""] * 2 * STEPS)
    owner.time = INPUT_TURN
    owner.take_all()
    assert len(owner.taken) == 1
    assert owner.channel.has_messages()
    owner.channel.wait()
    owner.takes_on_resume = True
    owner.next_turn()
    assert len(owner.taken) == 2 * STEPS
    assert owner.done == ["pause", "resume"]


def test_a_queue_that_is_full_after_its_turn_is_not_read_on_for(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    owner.arrive(*[Ping(b"")] * STEPS)
    owner.time = INPUT_TURN
    owner.arrive(*[Ping(b"")] * STEPS, *[""] * 16)
    owner.next_turn()
    assert owner.done == ["pause"]
    assert not owner.channel.reading


def test_after_the_end_the_session_hears_nothing(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    owner.channel.end()
    owner.arrive(Ping(b""))
    assert owner.control == []


# Waiting


def test_who_waits_runs_when_bytes_bring_something(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    owner.takes_on_resume = True
    signal = owner.channel.wait()
    owner.arrive(Ping(b""))
    assert owner.signals[0].calls == []
    owner.arrive("one", "two")
    assert owner.signals[0].calls == ["resume"]
    assert len(owner.taken) == 2
    assert owner.channel.wait() is signal, "it is used again"
    assert owner.channel.wait() is not signal, "each waiter has its own"


def test_all_who_wait_are_woken(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    first = owner.channel.wait()
    owner.channel.wait()
    owner.arrive(EndOfStream())
    assert [signal.calls for signal in owner.signals] == [["resume"], ["resume"]]
    owner.channel.leave(first)
    owner.channel.wake()
    assert [signal.calls for signal in owner.signals] == [["resume"], ["resume", "set"]]


def test_pumping_wakes_in_the_next_turn(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    owner.channel.wait()
    owner.channel.pump()
    assert owner.signals[0].calls == []
    owner.codec.events.append("one")
    owner.channel.pump()
    assert owner.signals[0].calls == ["set"]


# Out


def test_a_message_is_sent_and_counted(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    assert owner.channel.send({"type": "websocket.send", "text": "one", "bytes": None})
    assert owner.channel.send({"type": "websocket.send", "bytes": b"two"})
    owner.channel.write(b"pong")
    assert owner.done == [b"text one", b"binary two", b"pong"]
    assert owner.channel.messages_sent == 2
    assert owner.channel.bytes_sent == sum(map(len, owner.done))


@pytest.mark.parametrize("waiting", ["more", Close(1000, "")])
def test_what_is_sent_while_something_waits_is_gathered(new_channel: Channels, waiting: str | Close) -> None:
    owner = Owner(new_channel)
    owner.arrive(waiting)
    owner.channel.send({"type": "websocket.send", "text": "one"})
    assert owner.done == [("soon", b"text one")]


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "message",
    [
        {"type": "websocket.close"},
        {"type": "websocket.send"},
        {"type": "websocket.send", "text": "a", "bytes": b"b"},
        {"type": "websocket.send", "text": Text("a")},
        {"type": "websocket.send", "bytes": bytearray(b"a")},
        {"type": "websocket.send", "text": None, "bytes": None},
        {"type": "websocket.send", "text": b"a"},
        {"text": "a"},
    ],
)
def test_whatever_is_unusual_needs_a_closer_look(new_channel: Channels, message: dict[str, Any]) -> None:
    owner = Owner(new_channel)
    assert not owner.channel.send(message)
    assert owner.done == []


def test_text_that_cannot_be_sent_raises_and_is_not_counted(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    with pytest.raises(LocalProtocolError):
        owner.channel.send({"type": "websocket.send", "text": "\n"})
    assert (owner.done, owner.channel.messages_sent, owner.channel.bytes_sent) == ([], 0, 0)


def test_nothing_is_sent_when_it_is_not_open(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    owner.channel.is_open = False
    assert not owner.channel.send({"type": "websocket.send", "text": "one"})


def test_nothing_is_sent_while_the_transport_is_full(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    owner.channel.blocked = True
    assert owner.channel.must_wait()
    assert not owner.channel.send({"type": "websocket.send", "text": "one"})
    owner.channel.blocked = False
    assert owner.channel.send({"type": "websocket.send", "text": "one"})


def test_a_sender_waits_when_it_has_had_its_turn(new_channel: Channels) -> None:
    owner = Owner(new_channel)
    full = {"type": "websocket.send", "bytes": bytes(OUTPUT_TURN - EVENT_COST - 1)}
    empty = {"type": "websocket.send", "bytes": b""}
    for had_turn in (owner.channel.had_turn, lambda: owner.channel.leave(owner.channel.wait())):
        assert owner.channel.send(full)
        assert owner.channel.send(empty), "one byte was left"
        assert not owner.channel.send(empty)
        had_turn()
    assert owner.channel.send(empty)
