"""Broadcast: one connection sends, all receive; the next message goes out when the last one is everywhere."""

import select
import time

from benchmarks.load_generator.client import Client, Messages, wait_for_events
from benchmarks.load_generator.connection import LoadError, open_connections
from benchmarks.load_generator.window import Window
from benchmarks.loads import Load

JOIN_TIME = 0.3
"""Seconds from the last handshake until a server has surely taken the connection among the members."""


def run_broadcast(load: Load, port: int, window: Window) -> dict[str, float]:
    """Return the values by delivery; latencies are from sending to the last delivery. Raises LoadError, OSError."""
    messages = Messages(load, 0)
    with open_connections(port, load.path, load.connections) as connections, select.epoll() as poller:
        time.sleep(JOIN_TIME)
        connections[0].socket.sendall(messages.frames[0])
        for connection in connections:
            connection.expect(messages.payloads[0], messages.opcode)
        clients = {connection.socket.fileno(): Client(connection, messages, poller) for connection in connections}
        sender = clients[connections[0].socket.fileno()]
        deliveries = 0
        window.begin()
        while not window.is_over:
            began = time.perf_counter()
            sender.send(1, began)
            deliveries += deliver(clients, poller)
            now = time.perf_counter()
            window.latencies.append(now - began)
            if window.is_due(now):
                window.read(deliveries)
    return window.values()


def deliver(clients: dict[int, Client], poller: select.epoll) -> int:
    """Wait until each client has one message more; return how many. Raises LoadError when one gets two."""
    missing = len(clients)
    while missing > 0:
        for descriptor, _ in wait_for_events(poller):
            missing -= clients[descriptor].receive()
    if missing or len({client.received for client in clients.values()}) > 1:
        raise LoadError("a message of the broadcast did not reach each connection once")
    return len(clients)
