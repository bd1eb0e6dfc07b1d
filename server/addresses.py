"""Addresses of a connection's two ends, as an ASGI scope has them."""

import socket
from typing import Any


def client_of(sock: socket.socket) -> tuple[str, int] | None:
    """Return the peer's host and port; None for a unix socket, and for a peer that has gone already."""
    try:
        return _host_and_port(sock.getpeername())
    except OSError:
        return None


def server_of(sock: socket.socket) -> tuple[str, int | None] | None:
    """Return our own host and port; for a unix socket its path and None."""
    try:
        address = sock.getsockname()
    except OSError:
        return None
    if isinstance(address, (str, bytes)):
        return (address.decode(errors="replace") if isinstance(address, bytes) else address, None)
    return _host_and_port(address)


def _host_and_port(address: Any) -> tuple[str, int] | None:
    # The form of an address tells its family; `socket.family` takes longer to do so than the system call took.
    match address:
        case (str(), int()):
            found: tuple[str, int] = address  # as it is: the event loop keeps this very object
            return found
        case (str(host), int(port), _, _):
            return host, port
        case _:
            return None
