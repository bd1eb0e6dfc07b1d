"""Connects: TCP connection, opening handshake, closing handshake with code 1000, the server closes TCP; then anew."""

import base64
import os
import select
import socket
import time

from benchmarks.load_generator.client import wait_for_events
from benchmarks.load_generator.connection import TIMEOUT, Connection, LoadError, request
from benchmarks.load_generator.frames import Opcode, client_frame
from benchmarks.load_generator.window import Window
from benchmarks.loads import Load

CLOSE = client_frame(Opcode.CLOSE, (1000).to_bytes(2))
CLOSE_BYTE = 0x80 | Opcode.CLOSE


class ShortConnection:
    """One connection from its begin to its end."""

    def __init__(self, port: int, path: str, poller: select.epoll) -> None:
        self.began = time.perf_counter()
        self._received = b""
        self._upgraded = False
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.socket.sendall(request(port, path, base64.b64encode(os.urandom(16))))
        poller.register(self.socket, select.EPOLLIN)

    def proceed(self) -> bool:
        """Read once and do what follows; return whether the connection has ended well. Raises LoadError, OSError."""
        data = self.socket.recv(4096)
        self._received += data
        if not self._upgraded and b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101 "):
                raise LoadError(f"the handshake was answered with {head[:200]!r}")
            self._upgraded = True
            self.socket.sendall(CLOSE)
        if data:
            return False
        if not self._upgraded or self._received[:1] != bytes([CLOSE_BYTE]):
            raise LoadError(f"the connection ended without a closing handshake, after {self._received[:200]!r}")
        self.socket.close()  # which takes it out of the epoll as well
        return True


def run_connects(load: Load, port: int, window: Window) -> dict[str, float]:
    """Return the values by connection. Raises LoadError, OSError."""
    connections: dict[int, ShortConnection] = {}
    count = 0
    with select.epoll() as poller:

        def connect() -> None:
            connection = ShortConnection(port, load.path, poller)
            connections[connection.socket.fileno()] = connection

        try:
            with Connection(port, load.path):
                window.begin()
            for _ in range(load.connections):
                connect()
            while not window.is_over:
                for descriptor, _ in wait_for_events(poller):
                    connection = connections[descriptor]
                    if connection.proceed():
                        del connections[descriptor]
                        window.latencies.append(time.perf_counter() - connection.began)
                        count += 1
                        connect()
                if window.is_due(time.perf_counter()):
                    window.read(count)
        finally:
            for connection in connections.values():
                connection.socket.close()
    return window.values()
