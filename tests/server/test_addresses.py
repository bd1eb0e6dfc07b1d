"""Addresses in scopes (G11)."""

import socket
from pathlib import Path
from typing import Any, cast

import pytest

from wsserve.server.addresses import client_of, server_of


class FakeSocket:
    """A socket of any family, with any addresses."""

    def __init__(self, family: int, name: Any, peer: Any) -> None:
        self.family = family
        self._name = name
        self._peer = peer

    def getsockname(self) -> Any:
        return self._answer(self._name)

    def getpeername(self) -> Any:
        return self._answer(self._peer)

    def _answer(self, address: Any) -> Any:
        if isinstance(address, OSError):
            raise address
        return address


def fake(family: int, name: Any, peer: Any = None) -> socket.socket:
    return cast(socket.socket, FakeSocket(family, name, peer))


def test_g11_tcp_has_host_and_port() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        with server:
            assert client_of(server) == client.getsockname()
            assert server_of(server) == listener.getsockname()


def test_g11_ipv6_has_host_and_port_and_no_more() -> None:
    sock = fake(socket.AF_INET6, ("::1", 8000, 0, 0), ("fe80::1%eth0", 50000, 0, 2))
    assert client_of(sock) == ("fe80::1%eth0", 50000)
    assert server_of(sock) == ("::1", 8000)


def test_g11_a_unix_socket_is_its_path_and_its_client_nobody(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen()
        client.connect(path)
        server, _ = listener.accept()
        with server:
            assert client_of(server) is None
            assert server_of(server) == (path, None)


@pytest.mark.parametrize(
    ("name", "path"), [(b"\0abstract", "\0abstract"), ("", ""), (b"\0\xff", "\0\N{REPLACEMENT CHARACTER}")]
)
def test_g11_a_unix_socket_without_a_file(name: Any, path: str) -> None:
    assert server_of(fake(socket.AF_UNIX, name)) == (path, None)


def test_a_peer_that_has_gone_and_a_socket_that_is_closed_have_no_address() -> None:
    sock = fake(socket.AF_INET, OSError("closed"), OSError("not connected"))
    assert client_of(sock) is None
    assert server_of(sock) is None


def test_another_family_has_no_host_and_port() -> None:
    sock = fake(999, (1, 2), (3, 4))
    assert client_of(sock) is None
    assert server_of(sock) is None
