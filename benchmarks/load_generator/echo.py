"""Echo: messages go out as fast as replies come in, over an epoll loop that does little else.

That nothing but the replies came is checked around the measured time: the first and the last reply of each connection
are compared with what was sent, and all that was sent has come back, to the byte.
"""

import select
import time
from collections.abc import Mapping

from benchmarks.load_generator.client import Client, Messages, drain, wait_for_events
from benchmarks.load_generator.connection import TIMEOUT, open_connections
from benchmarks.load_generator.window import Window
from benchmarks.loads import Load


def run_echo(load: Load, port: int, window: Window) -> dict[str, float]:
    """Run an echo load and return its values. Raises LoadError, OSError."""
    with open_connections(port, load.path, load.connections, deflate=load.deflate) as connections:
        messages = Messages(load, connections[0].window_bits)
        for connection in connections:
            connection.exchange(messages.frames[0], messages.payloads[0], messages.opcode)
        with select.epoll() as poller:
            clients = {connection.socket.fileno(): Client(connection, messages, poller) for connection in connections}
            exchange_messages(clients, poller, load.in_flight, window)
            drain(clients, poller)
        if not load.deflate:  # with it the last reply takes all the earlier ones to inflate
            for connection in connections:
                connection.socket.settimeout(TIMEOUT)
                connection.exchange(messages.frames[0], messages.payloads[0], messages.opcode)
    return window.values()


def exchange_messages(clients: Mapping[int, Client], poller: select.epoll, in_flight: int, window: Window) -> None:
    """Keep so many messages in flight on each connection until the window is over. Raises LoadError."""
    window.begin()
    now = time.perf_counter()
    for client in clients.values():
        client.send(in_flight, now)
    while not window.is_over:
        for descriptor, event in wait_for_events(poller):
            client = clients[descriptor]
            if event & select.EPOLLOUT:
                client.flush()
            if event & ~select.EPOLLOUT and (count := client.receive()):
                now = time.perf_counter()
                if client.received - count < client.timed <= client.received:
                    window.latencies.append(now - client.timed_since)
                client.send(count, now)
        if window.is_due(now):
            window.read(sum(client.received for client in clients.values()))
