"""Sockets to listen on."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wsserve.server import listeners
from wsserve.server.config import Config
from wsserve.server.errors import StartupError
from wsserve.server.listeners import describe, listening, open_sockets


@pytest.fixture
def taken() -> Iterator[int]:
    """Give a port that another socket listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


def refusal(config: Config) -> str:
    with pytest.raises(StartupError) as caught:
        open_sockets(config)
    message = str(caught.value)
    assert "\n" not in message
    return message


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[Any, ...]) -> None:
    """Let every host name stand for `addresses`."""

    def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        return [
            (socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


# TCP


def test_port_0_is_a_free_port_and_clients_can_connect() -> None:
    with listening(Config(port=0)) as sockets:
        (sock,) = sockets
        host, port = sock.getsockname()
        assert host == "127.0.0.1"
        assert port > 0
        assert not sock.getblocking()
        assert not sock.get_inheritable()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        assert describe(sockets, tls=False) == [f"http://127.0.0.1:{port}"]
        assert describe(sockets, tls=True) == [f"https://127.0.0.1:{port}"]
        socket.create_connection((host, port), timeout=5).close()
    assert sock.fileno() == -1


@needs_ipv6
def test_ipv6_is_written_in_brackets() -> None:
    with listening(Config(host="::1", port=0)) as sockets:
        assert describe(sockets, tls=False) == [f"http://[::1]:{sockets[0].getsockname()[1]}"]


@needs_ipv6
def test_every_address_of_a_host_gets_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, ("::1", 0, 0, 0), ("127.0.0.1", 0), ("127.0.0.1", 0))
    with listening(Config(host="localhost", port=0)) as sockets:
        assert [sock.family for sock in sockets] == [socket.AF_INET6, socket.AF_INET]
        assert sockets[0].getsockname()[1] == sockets[1].getsockname()[1]
        assert sockets[0].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def test_localhost_can_be_listened_on() -> None:
    with listening(Config(host="localhost", port=0)) as sockets:
        assert len({sock.getsockname()[1] for sock in sockets}) == 1


@needs_ipv6
def test_the_ipv6_wildcard_alone_takes_ipv4_too() -> None:
    with listening(Config(host="::", port=0)) as sockets:
        (sock,) = sockets
        socket.create_connection(("127.0.0.1", sock.getsockname()[1]), timeout=5).close()


def test_an_empty_host_is_every_interface() -> None:
    with listening(Config(host="", port=0)) as sockets:
        assert "0.0.0.0" in [sock.getsockname()[0] for sock in sockets]


@pytest.mark.parametrize("code", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_one_address_of_several_is_enough(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    resolve_to(monkeypatch, ("::1", 0, 0, 0), ("127.0.0.1", 0))
    real = listeners._bind

    def bind(family: int, address: Any, v6_only: bool) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(code, "no IPv6 here")
        return real(family, address, v6_only)

    monkeypatch.setattr(listeners, "_bind", bind)
    with listening(Config(host="localhost", port=0)) as sockets:
        assert [sock.family for sock in sockets] == [socket.AF_INET]


def test_another_port_is_picked_when_the_second_address_lacks_the_first(
    monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    resolve_to(monkeypatch, ("127.0.0.2", 0), ("127.0.0.1", 0))
    real = listeners._bind
    picks = iter([taken, taken])

    def bind(family: int, address: Any, v6_only: bool) -> socket.socket:
        host, port = address
        return real(family, (host, port or next(picks, 0)), v6_only)

    monkeypatch.setattr(listeners, "_bind", bind)
    with listening(Config(host="both", port=0)) as sockets:
        ports = {sock.getsockname()[1] for sock in sockets}
        assert len(ports) == 1
        assert taken not in ports


def test_a_port_in_use_is_said(taken: int) -> None:
    message = refusal(Config(port=taken))
    assert message == f"127.0.0.1:{taken} is already in use: stop the program that has it, or choose another port"


def test_a_port_that_is_taken_only_at_listen_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = listeners._bind
    made: list[socket.socket] = []

    def bind(family: int, address: Any, v6_only: bool) -> socket.socket:
        made.append(real(family, address, v6_only))
        # With SO_REUSEADDR two sockets may be bound to one port; the second to listen fails.
        other = real(family, made[-1].getsockname(), v6_only)
        other.listen()
        made.append(other)
        return made[0]

    monkeypatch.setattr(listeners, "_bind", bind)
    assert "is already in use" in refusal(Config(port=0))
    assert made[0].fileno() == -1
    made[1].close()


def test_an_unknown_host_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert refusal(Config(host="nowhere.invalid")) == (
        "host 'nowhere.invalid' is unknown: check its spelling, or give an address"
    )


@pytest.mark.parametrize("host", ["a" * 70, "a..b"])
def test_a_host_that_can_be_no_name_is_said(host: str) -> None:
    assert "is unknown" in refusal(Config(host=host))


def test_an_address_of_another_machine_is_said() -> None:
    assert refusal(Config(host="192.0.2.1", port=0)) == (
        "192.0.2.1 is not an address of this machine: use 127.0.0.1, 0.0.0.0 for all, or one of its own"
    )


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (PermissionError(errno.EACCES, "denied"), "no permission to listen on 127.0.0.1:80: choose a port of 1024"),
        (OSError(errno.ENOBUFS, "No buffer space"), "cannot listen on 127.0.0.1:80: No buffer space"),
    ],
)
def test_other_errors_are_said(monkeypatch: pytest.MonkeyPatch, error: OSError, part: str) -> None:
    def bind(*_: object) -> socket.socket:
        raise error

    monkeypatch.setattr(listeners, "_bind", bind)
    assert part in refusal(Config(port=80))


# Unix


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a path short enough for a unix socket."""
    monkeypatch.chdir(tmp_path)
    return "app.sock"


def test_a_unix_socket_is_open_to_who_may_write_and_removed_at_the_end(path: str) -> None:
    old = os.umask(0o027)
    try:
        with listening(Config(uds=path)) as sockets:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o666 & ~0o027
            assert describe(sockets, tls=False) == [f"unix:{path}"]
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
    finally:
        os.umask(old)
    assert not os.path.lexists(path)
    assert sockets[0].fileno() == -1


def test_a_stale_unix_socket_is_replaced(path: str) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    with listening(Config(uds=path)), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def test_a_live_unix_socket_is_refused_and_left_alone(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        assert "another process serves it" in refusal(Config(uds=path))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


def test_a_live_unix_socket_of_another_kind_is_refused(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(path)
        assert "another process serves it" in refusal(Config(uds=path))


def test_a_regular_file_is_refused_and_left_alone(path: str) -> None:
    Path(path).write_text("mine")
    assert "a file that is no socket is there" in refusal(Config(uds=path))
    assert Path(path).read_text() == "mine"


def test_a_missing_directory_is_said(path: str) -> None:
    assert "its directory does not exist" in refusal(Config(uds=f"absent/{path}"))


def test_a_file_for_a_directory_is_said(path: str) -> None:
    Path("file").touch()
    assert "its directory does not exist" in refusal(Config(uds=f"file/{path}"))


def test_a_path_that_is_too_long_is_said() -> None:
    assert "too long for a unix socket" in refusal(Config(uds="x" * 200))


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (errno.EACCES, "no permission to create it"),
        (errno.EADDRINUSE, "has just taken it"),
        (errno.ENOBUFS, "No buffer space available"),
    ],
)
def test_other_unix_errors_are_said(monkeypatch: pytest.MonkeyPatch, path: str, code: int, part: str) -> None:
    def chmod(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "chmod", chmod)
    assert part in refusal(Config(uds=path))


def test_a_file_that_is_no_longer_ours_is_left_alone(path: str) -> None:
    with listening(Config(uds=path)):
        os.unlink(path)
        Path(path).write_text("a successor's")
    assert Path(path).read_text() == "a successor's"


def test_a_file_that_is_gone_is_no_error(path: str) -> None:
    with listening(Config(uds=path)):
        os.unlink(path)


# Inherited


def inherited(sock: socket.socket) -> Config:
    """Return the config for a server that `sock` was passed to."""
    return Config(fd=sock.fileno())


def test_a_listening_socket_is_inherited(tmp_path: Path) -> None:
    parent = socket.create_server(("127.0.0.1", 0))
    with listening(inherited(parent)) as sockets:
        parent.detach()
        socket.create_connection(sockets[0].getsockname(), timeout=5).close()
        assert not sockets[0].getblocking()


def test_a_bound_unix_socket_is_inherited_and_its_file_stays(path: str) -> None:
    parent = socket.socket(socket.AF_UNIX)
    parent.bind(path)
    with listening(inherited(parent)) as sockets:
        parent.detach()
        assert describe(sockets, tls=False) == [f"unix:{path}"]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
    assert os.path.exists(path)


def test_an_abstract_unix_socket_is_described() -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"\0wsserve-test-{os.getpid()}")
        assert describe([sock], tls=False) == [f"unix:@wsserve-test-{os.getpid()}"]


def test_a_closed_descriptor_is_said() -> None:
    sock = socket.socket()
    fd = sock.fileno()
    sock.close()
    assert refusal(Config(fd=fd)).startswith(f"descriptor {fd} is not open: start wsserve from a program")


def test_a_descriptor_of_a_file_is_said(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert "is not a socket" in refusal(Config(fd=file.fileno()))


def test_a_socket_that_is_not_bound_is_said() -> None:
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        for sock in (tcp, unix):
            assert "is not bound to an address" in refusal(inherited(sock))
            sock.getsockname()  # still open


def test_a_socket_that_cannot_be_listened_on_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert "is not a stream socket" in refusal(inherited(datagrams))
    one, two = socket.socketpair()
    with one, two:
        assert "is connected to a peer" in refusal(inherited(one))


def test_a_socket_of_another_family_is_said() -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as sock:
        assert "has the address family" in refusal(inherited(sock))


def test_a_descriptor_whose_port_is_taken_is_said(taken: int) -> None:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    rival = socket.socket()
    rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with sock, rival:
        sock.bind(("127.0.0.1", 0))
        rival.bind(sock.getsockname())
        rival.listen()
        assert "cannot listen: Address already in use" in refusal(inherited(sock))
