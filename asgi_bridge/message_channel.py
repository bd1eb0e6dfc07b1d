"""What every message of a WebSocket passes on its way between the frame codec and the application, in and out.

It is plain Python that runs as it is, and that Cython compiles, with the types of `_message_channel_c.pxd`: what
happens here is paid for with each message, and what else a session does is not
(`wsserve.asgi_bridge.websocket_session`).
"""

from collections.abc import Callable
from typing import Final

from wsserve.asgi_bridge.backpressure import EVENT_COST, OUTPUT_TURN
from wsserve.asgi_bridge.transport import Runtime, Signal, Transport
from wsserve.asgi_bridge.types import Message
from wsserve.codec.events import Close, EndOfStream, Fault, Ping, Pong
from wsserve.codec.frames import FrameCodec

CEILING: Final = 4
"""How many times the high-water mark in bytes may wait before parsing stops as well as reading.

Bytes that were read with the message that crossed the mark are still parsed up to here, so that pings among them are
answered; beyond it a compressed read could grow without bound.
"""

COMPACT: Final = 1024
"""How many messages are taken from the front of a queue that is never empty before their places are given up."""

INPUT_TURN: Final = 0.005
"""Seconds for which one connection's messages may be parsed and taken before the others get their turn.

One read may hold 40,000 empty frames, and an event loop may read a socket that is never empty many times in a row.
"""

STEPS: Final = 64
"""How many events are parsed or taken before a turn counts as one, and the clock is looked at for each further one."""

LARGE_READ: Final = 4096
"""A read of more bytes than this counts as a turn from the first event on."""

LastEvent = Close | Fault | EndOfStream


class MessageChannel:
    """Messages that wait for the application, and the fast way of those that it sends.

    `max_messages` and `max_bytes` are the high-water mark of what waits; the low-water mark is a quarter of it. A
    character of text counts as one byte. Events that are no messages go to `on_event` as they are parsed.
    """

    __slots__ = (
        "_ceiling",
        "_cost",
        "_idle_signal",
        "_max_bytes",
        "_max_messages",
        "_messages",
        "_oldest",
        "_on_event",
        "_room",
        "_runtime",
        "_steps",
        "_transport",
        "_turn_ends",
        "_turn_is_over",
        "_waiting",
        "blocked",
        "bytes_received",
        "bytes_sent",
        "codec",
        "discards",
        "heard",
        "is_open",
        "last",
        "messages_received",
        "messages_sent",
        "reading",
    )

    def __init__(
        self,
        transport: Transport,
        runtime: Runtime,
        on_event: Callable[[Ping | Pong | LastEvent], None],
        max_messages: int,
        max_bytes: int,
    ) -> None:
        self._transport = transport
        self._runtime = runtime
        self._on_event = on_event
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._ceiling = CEILING * max_bytes
        self._cost = 0
        # A list with the index of its oldest message: an empty deque takes 700 bytes, and most connections are idle.
        self._messages: list[str | bytes | None] = []
        self._oldest = 0
        self._waiting: list[Signal] = []
        self._idle_signal: Signal | None = None
        self._room = OUTPUT_TURN
        self._steps = 0
        self._turn_ends = 0.0
        self._turn_is_over = False
        self.codec: FrameCodec | None = None
        """Set when the handshake has been accepted."""
        self.last: LastEvent | None = None
        """The event that ended the connection, once it waits behind the messages."""
        self.is_open = False
        """Whether the application may send messages."""
        self.blocked = False
        """Whether the transport holds more than it should."""
        self.discards = False
        """Whether messages are dropped: the application has closed."""
        self.reading = True
        """Whether the transport reads."""
        self.heard = False
        """Whether any bytes have come since somebody set it to false."""
        self.messages_received = 0
        self.messages_sent = 0
        self.bytes_received = 0
        self.bytes_sent = 0

    # In

    def data_received(self, data: bytes) -> None:
        """Take bytes from the peer; the application may run before this returns."""
        self.bytes_received += len(data)
        self.heard = True
        codec = self.codec
        assert codec is not None  # noqa: S101  # there is nothing to parse before the handshake
        codec.receive_data(data)
        if len(data) > LARGE_READ:
            self._look_at_clock()
        self._parse()
        self._resume()

    def pump(self) -> None:
        """Move events out of the codec as far as there is room, and wake the application if it waits for them."""
        self._parse()
        if not self.is_empty():
            self.wake()

    def _parse(self) -> None:
        codec = self.codec
        assert codec is not None  # noqa: S101  # see `data_received`
        while self._cost < self._ceiling and not self._turn_is_over:
            event = codec.next_event()
            if event is None:
                break
            self._step()
            if isinstance(event, (str, bytes)):
                if not self.discards:
                    self._messages.append(event)
                    self._cost += EVENT_COST + len(event)
                    self.messages_received += 1
            else:
                self._on_event(event)
        if self.reading and (self._cost >= self._max_bytes or self._count() >= self._max_messages):
            self.pause_reading()

    def take(self) -> Message | None:
        """Return the oldest message as an ASGI event; below the low-water mark, read on.

        None means that there is none, or that others have to get their turn first: `wait` then.
        """
        waiting = self._messages
        if not waiting or self._turn_is_over:
            return None
        self._step()
        data = waiting[self._oldest]
        assert data is not None  # noqa: S101  # that is what stands in place of those that were taken
        waiting[self._oldest] = None
        self._oldest += 1
        if self._oldest == len(waiting):
            waiting.clear()
            self._oldest = 0
        elif self._oldest == COMPACT:
            del waiting[:COMPACT]
            self._oldest = 0
        self._cost -= EVENT_COST + len(data)
        if not self.reading and self._is_low():
            self.pump()  # what was read, but not parsed
            if self._is_low():
                self.resume_reading()
        if isinstance(data, str):
            return {"type": "websocket.receive", "text": data}
        return {"type": "websocket.receive", "bytes": data}

    def clear(self) -> None:
        """Drop the messages that wait, and those that come."""
        self.discards = True
        self._messages.clear()
        self._oldest = 0
        self._cost = 0

    def is_empty(self) -> bool:
        """Tell whether the application has taken all that came."""
        return not self._messages and self.last is None

    def has_messages(self) -> bool:
        """Tell whether messages wait for the application."""
        return bool(self._messages)

    def wait(self) -> Signal:
        """Return what to await for the next change; then, however that ended, `leave` with it."""
        # A signal for each waiter: with a shared one, cancelling one waiting task would cancel the others.
        signal, self._idle_signal = self._idle_signal, None
        if signal is None:
            signal = self._runtime.new_signal()
        self._waiting.append(signal)
        return signal

    def leave(self, signal: Signal) -> None:
        """Give back what `wait` returned. The wait was a turn for all others."""
        self._waiting.remove(signal)
        self._idle_signal = signal
        self._room = OUTPUT_TURN

    def wake(self) -> None:
        """Wake the tasks that wait for a change."""
        for signal in self._waiting:
            signal.set()

    def pause_reading(self) -> None:
        """Take no more from the transport."""
        self.reading = False
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on. Idempotent."""
        if not self.reading and not self._turn_is_over:
            self.reading = True
            self.heard = True  # what was unread may be the answer to a ping
            self._transport.resume_reading()

    def _resume(self) -> None:
        """Run the tasks that wait for what there is now; the last that a callback of the event loop does."""
        if self._waiting and not self.is_empty():
            for signal in self._waiting.copy():
                signal.resume()

    def _step(self) -> None:
        self._steps += 1
        if self._turn_ends or self._steps >= STEPS:
            self._look_at_clock()

    def _look_at_clock(self) -> None:
        now = self._runtime.now()
        self._steps = 0
        if not self._turn_ends:
            self._turn_ends = now + INPUT_TURN
            self._runtime.call_soon(self._next_turn)
        elif now >= self._turn_ends:
            self._turn_is_over = True
            self.pause_reading()

    def _next_turn(self) -> None:
        self._turn_ends = 0.0
        if self._turn_is_over:
            self._turn_is_over = False
            self._look_at_clock()
            self._parse()
            if self._is_low():
                self.resume_reading()
            self._resume()

    def _count(self) -> int:
        return len(self._messages) - self._oldest

    def _is_low(self) -> bool:
        return 4 * self._cost <= self._max_bytes and 4 * self._count() <= self._max_messages

    def end(self) -> None:
        """Let go of the session: no more events come."""
        self._on_event = _ignore

    # Out

    def send(self, message: Message) -> bool:
        """Send a `websocket.send` that nothing stands against; return False for one that needs a closer look.

        Raises `LocalProtocolError` for text that UTF-8 cannot carry.
        """
        if not self.is_open or self.must_wait() or message.get("type") != "websocket.send":
            return False
        text = message.get("text")
        data = message.get("bytes")
        if type(text) is str and data is None:
            self.send_payload(text)
        elif type(data) is bytes and text is None:
            self.send_payload(data)
        else:
            return False
        return True

    def send_payload(self, payload: str | bytes) -> None:
        """Send a message; `is_open` must hold. Raises `LocalProtocolError` for text that UTF-8 cannot carry."""
        codec = self.codec
        assert codec is not None  # noqa: S101  # it is open
        frame = codec.text(payload) if isinstance(payload, str) else codec.binary(payload)
        self.bytes_sent += len(frame)
        self.messages_sent += 1
        if self._messages or self.last is not None:
            self._transport.write_soon(frame)  # the application has something more to answer
        else:
            self._transport.write(frame)
        self._room -= EVENT_COST + len(payload)

    def must_wait(self) -> bool:
        """Tell whether a sender has to wait: for room in the transport, or because others have not had their turn."""
        return self.blocked or self._room <= 0

    def had_turn(self) -> None:
        """Note that a sender has waited."""
        self._room = OUTPUT_TURN

    def write(self, frame: bytes) -> None:
        """Write a control frame."""
        self.bytes_sent += len(frame)
        self._transport.write(frame)


def _ignore(_event: Ping | Pong | LastEvent) -> None:
    pass
