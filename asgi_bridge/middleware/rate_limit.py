"""Limits for what one client may do: how fast it sends, how many connections it has and how fast it opens them."""

import math
import time
from collections.abc import Callable, Hashable
from ipaddress import IPv6Address, ip_address
from typing import Final

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.middleware.client_table import ClientTable
from wsserve.asgi_bridge.middleware.message_limits import MessageLimits
from wsserve.asgi_bridge.middleware.refusal import refuse
from wsserve.asgi_bridge.middleware.token_bucket import Rate
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send

_NETWORK: Final = 64  # bits of an IPv6 address; below that a single customer chooses (RFC 6177)


def client_network(connection: ConnectionData) -> Hashable:
    """Return what a client is told by: its IPv4 address, or the /64 network of its IPv6 address.

    A client that the server knows no address of, as on a unix socket, is one with all others of that sort.
    """
    host = "" if connection.client is None else connection.client.host
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return int(address) >> (address.max_prefixlen - _NETWORK)


class RateLimitMiddleware:
    """Limits what a WebSocket client may do; each limit is off by default.

    - `messages` and `bytes`: how fast one connection may send. At the first message above it the connection is closed
      with 1008; the application gets `websocket.disconnect` with 1008, and that message and the later ones not at all.
      A single message larger than the burst of `bytes` never passes.
    - `connections`: how many one client may have open at the same time.
    - `new_connections`: how fast one client may open them. Above either, handshakes get 429 with Retry-After in
      seconds (403 where the server lacks the extension `websocket.http.response`). Refused ones do not count.

    With `http_requests` these two count requests as well, each as open as long as it runs. `key` tells the clients
    apart, `client_network` by default; one for which it returns None has no limit. Behind a proxy the address is the
    proxy's unless the server trusts its X-Forwarded-For. All counts are of this process alone, and of at most
    `max_idle_clients` clients that have no open connection. `clock` gives monotonic seconds. Raises `ValueError` or
    `TypeError` for a limit that is none.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        messages: Rate | None = None,
        bytes: Rate | None = None,  # noqa: A002  # the limit's name for the caller; the type is not needed here
        connections: int | None = None,
        new_connections: Rate | None = None,
        http_requests: bool = False,
        key: Callable[[ConnectionData], Hashable | None] = client_network,
        max_idle_clients: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, rate in (("messages", messages), ("bytes", bytes), ("new_connections", new_connections)):
            if rate is not None and not isinstance(rate, Rate):
                raise TypeError(f"{name} is a Rate such as Rate(20, per=1.0), not {rate!r}")
        limit = 1 if connections is None else connections
        for name, number in (("connections", limit), ("max_idle_clients", max_idle_clients)):
            if not (isinstance(number, int) and number > 0):
                raise ValueError(f"{name} is a number above 0, not {number!r}")
        self._app = app
        self._messages = messages
        self._bytes = bytes
        self._limits_messages = messages is not None or bytes is not None
        self._limits_connections = connections is not None or new_connections is not None
        self._counted = ("websocket", "http") if http_requests else ("websocket",)
        self._key = key
        self._clock = clock
        self._clients = ClientTable(connections, new_connections, max_idle_clients, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on within the limits, or refuse it."""
        key = self._key(ConnectionData(scope)) if scope["type"] in self._counted else None
        if key is None:
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket" and self._limits_messages:
            limits = MessageLimits(receive, send, self._messages, self._bytes, self._clock)
            receive, send = limits.receive, limits.send
        if not self._limits_connections:
            await self._app(scope, receive, send)
            return
        wait = self._clients.enter(key)
        if wait is not None:
            retry = {"retry-after": str(math.ceil(wait))}
            await refuse(scope, receive, send, 429, "there are too many connections from your address\n", retry)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._clients.leave(key)
