"""The clients of the echo and broadcast loads: made in advance what can be, and little done for each message.

A reply is only counted: by its bytes where all are alike, by the frames' heads where compression makes their sizes
differ.
"""

import select
import time
from collections.abc import Iterator, Mapping
from itertools import cycle

from benchmarks.load_generator.connection import TIMEOUT, Connection, LoadError
from benchmarks.load_generator.frames import FrameCounter, Opcode, chat_messages, client_frame, deflate, frame_head
from benchmarks.loads import Load

DIFFERENT_MESSAGES = 64
"""How many compressed messages go round: the window of a server that keeps one holds the last few of them."""

buffer = bytearray(1 << 20)


class Messages:
    """What the clients of a load send, made in advance."""

    def __init__(self, load: Load, window_bits: int) -> None:
        self.opcode = Opcode.TEXT if load.text else Opcode.BINARY
        self.deflate = load.deflate
        if load.deflate:
            self.payloads = chat_messages(DIFFERENT_MESSAGES, load.size)
            compressed = (deflate(payload, window_bits) for payload in self.payloads)
            self.frames = [client_frame(self.opcode, payload, rsv1=True) for payload in compressed]
            self.reply_size = 0
        else:
            self.payloads = [bytes(97 + index % 26 for index in range(load.size))]
            self.frames = [client_frame(self.opcode, self.payloads[0])]
            self.reply_size = len(frame_head(self.opcode, load.size)) + load.size
        self._round: Iterator[bytes] = cycle(self.frames)
        self._batches = [self.frames[0] * count for count in range(load.in_flight + 1)]

    def next(self, count: int) -> bytes:
        """Return the next `count` frames, no more than are in flight."""
        if self.deflate:
            return b"".join(next(self._round) for _ in range(count))
        return self._batches[count]


class Client:
    """The non-blocking half of a connection."""

    def __init__(self, connection: Connection, messages: Messages, poller: select.epoll) -> None:
        self.socket = connection.socket
        self.socket.setblocking(False)
        self.received = 0
        self.sent = 0
        self._messages = messages
        self._reply_size = messages.reply_size
        self._partial = 0
        self._counter = FrameCounter()
        self._poller = poller
        self._unsent = memoryview(b"")
        self._receive_into = self.socket.recv_into
        self._send = self.socket.send
        self.timed = 0
        self.timed_since = 0.0
        """When the message of number `timed` was sent; the others in flight are not timed."""
        poller.register(self.socket, select.EPOLLIN)

    def receive(self) -> int:
        """Read once and return how many replies that completed. Raises LoadError when the server has closed."""
        size = self._receive_into(buffer)
        if not size:
            raise LoadError("the server closed the connection under load")
        if not self._reply_size:
            count = self._counter.feed(buffer, size)
        elif size == self._reply_size and not self._partial:
            count = 1
        else:
            count, self._partial = divmod(self._partial + size, self._reply_size)
        self.received += count
        return count

    def send(self, count: int, now: float) -> None:
        """Send `count` messages, and time the first of them unless another is being timed.

        Raises LoadError when more has come back than was sent.
        """
        if self.received > self.sent:
            raise LoadError("more came back than was sent")
        if self.received >= self.timed:
            self.timed = self.sent + 1
            self.timed_since = now
        self.sent += count
        data = self._messages.next(count)
        if self._unsent:
            self._unsent = memoryview(bytes(self._unsent) + data)
        else:
            sent = self._try_to_send(data)
            if sent < len(data):
                self._unsent = memoryview(data)[sent:]
                self._poller.modify(self.socket, select.EPOLLIN | select.EPOLLOUT)

    def flush(self) -> None:
        """Go on with what the socket did not take."""
        self._unsent = self._unsent[self._try_to_send(self._unsent) :]
        if not self._unsent:
            self._poller.modify(self.socket, select.EPOLLIN)

    def _try_to_send(self, data: bytes | memoryview) -> int:
        try:
            return self._send(data)
        except BlockingIOError:
            return 0

    @property
    def idle(self) -> bool:
        """Whether all that was sent has come back, and no byte more."""
        return self.received == self.sent and not self._partial and self._counter.between_frames


def wait_for_events(poller: select.epoll) -> list[tuple[int, int]]:
    """Return the next events. Raises LoadError when there is none for long."""
    events = poller.poll(TIMEOUT)
    if not events:
        raise LoadError(f"nothing came back for {TIMEOUT:.0f} seconds")
    return events


def drain(clients: Mapping[int, Client], poller: select.epoll) -> None:
    """Wait for the replies that are under way. Raises LoadError unless all that was sent comes back, and no more."""
    deadline = time.perf_counter() + TIMEOUT
    while not all(client.idle for client in clients.values()):
        for descriptor, event in wait_for_events(poller):
            if event & select.EPOLLOUT:
                clients[descriptor].flush()
            if event & ~select.EPOLLOUT:
                clients[descriptor].receive()
        if time.perf_counter() > deadline:
            raise LoadError("what came back is not what was sent")
