"""Opening the sockets that a server listens on: TCP, a unix socket, or one that was inherited."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn

from wsserve.server.config import Config
from wsserve.server.errors import StartupError

_PORT_ATTEMPTS: Final = 10


@contextmanager
def listening(config: Config) -> Iterator[list[socket.socket]]:
    """Open the sockets of `config`, and at the end close them and remove the unix socket's file, if it is still ours.

    Raises `StartupError` as `open_sockets` does.
    """
    sockets = open_sockets(config)
    ours = _file_identity(config.uds)
    try:
        yield sockets
    finally:
        if config.uds is not None and ours is not None and _file_identity(config.uds) == ours:
            with suppress(FileNotFoundError):
                os.unlink(config.uds)
        for sock in sockets:
            sock.close()


def open_sockets(config: Config) -> list[socket.socket]:
    """Return the sockets that `config` asks for, bound and listening, close-on-exec and non-blocking.

    A host stands for all of its addresses, IPv4 and IPv6, on one port. Raises `StartupError` when that cannot be.
    """
    if config.fd is not None:
        return [_inherited_socket(config.fd, config.backlog)]
    if config.uds is not None:
        return [_unix_socket(config.uds, config.backlog)]
    return _tcp_sockets(config.host, config.port, config.backlog)


def describe(sockets: list[socket.socket], *, tls: bool) -> list[str]:
    """Return the addresses of `sockets` as people write them: `http://[::1]:8000`, `unix:/run/app.sock`."""
    return [_describe(sock, tls=tls) for sock in sockets]


def _describe(sock: socket.socket, *, tls: bool) -> str:
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        path = os.fsdecode(name)
        return f"unix:@{path[1:]}" if path.startswith("\0") else f"unix:{path}"
    return f"{'https' if tls else 'http'}://{_endpoint(name[0], name[1])}"


def _endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# TCP


def _tcp_sockets(host: str, port: int, backlog: int) -> list[socket.socket]:
    addresses = _resolve(host, port)
    for _ in range(_PORT_ATTEMPTS - 1 if port == 0 and len(addresses) > 1 else 0):
        # The port that the kernel picks on the first address may be taken on another one: then it picks again.
        with suppress(_PortTakenError):
            return _bind_all(addresses, host, port, backlog)
    return _bind_all(addresses, host, port, backlog)


class _PortTakenError(StartupError):
    """Another socket has the port."""


def _resolve(host: str, port: int) -> list[tuple[Any, Any]]:
    """Return the families and socket addresses that `host` stands for, each once; an empty host is all interfaces."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise StartupError(f"host {host!r} is unknown: check its spelling, or give an address") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bind_all(addresses: list[tuple[Any, Any]], host: str, port: int, backlog: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    # An IPv6 wildcard alone takes IPv4 clients as well; beside an IPv4 address it must leave those to it.
    v6_only = any(family == socket.AF_INET for family, _ in addresses)
    absent: OSError | None = None
    try:
        for family, address in addresses:
            try:
                bound = _bind(family, (address[0], port, *address[2:]), v6_only)
            except OSError as error:
                # "localhost" often names ::1 where IPv6 is switched off; one address is enough.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    _refuse(error, address[0], port)
                absent = error
                continue
            sockets.append(bound)
            port = port or bound.getsockname()[1]
            try:
                bound.listen(backlog)
            except OSError as error:
                _refuse(error, address[0], port)
        if not sockets and absent is not None:
            _refuse(absent, host, port)
    except StartupError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bind(family: int, address: Any, v6_only: bool) -> socket.socket:
    # asyncio turns Nagle's algorithm off only for connections of sockets that say they are TCP.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6_only))
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _refuse(error: OSError, host: str, port: int) -> NoReturn:
    """Raise what `error` means for someone who wanted to listen on `host` and `port`."""
    where = _endpoint(host, port)
    match error.errno:
        case errno.EADDRINUSE:
            raise _PortTakenError(
                f"{where} is already in use: stop the program that has it, or choose another port"
            ) from None
        case errno.EACCES | errno.EPERM:
            raise StartupError(
                f"no permission to listen on {where}: choose a port of 1024 or above, or run with more rights"
            ) from None
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            raise StartupError(
                f"{host} is not an address of this machine: use 127.0.0.1, 0.0.0.0 for all, or one of its own"
            ) from None
        case _:
            raise StartupError(f"cannot listen on {where}: {error.strerror}") from None


# Unix


def _unix_socket(path: str, backlog: int) -> socket.socket:
    """Listen on a unix socket at `path`, in place of one that no process serves any more.

    Its permissions are 0o666 less the umask: clients need to write to a socket file to connect.
    """
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.bind(path)
        os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) & 0o666)  # bind() gave it 0o777 less the umask
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        match error.errno:
            case errno.EACCES | errno.EPERM | errno.EROFS:
                remedy = "no permission to create it; choose a directory that you may write to"
            case errno.ENOENT | errno.ENOTDIR:
                remedy = "its directory does not exist; create that first"
            case errno.EADDRINUSE:
                remedy = "another process has just taken it; stop that one, or choose another path"
            case None:
                remedy = "the path is too long for a unix socket; choose one of at most 100 bytes"
            case _:
                remedy = str(error.strerror)
        raise StartupError(f"cannot listen on the unix socket {path!r}: {remedy}") from None
    return sock


def _remove_stale(path: str) -> None:
    """Remove the socket file at `path` if nobody listens there. Raises `StartupError` when something else is there."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise StartupError(f"cannot listen on {path!r}: a file that is no socket is there; choose another path")
    except OSError:
        return  # not there, or not to be seen: bind() says which
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a live server's full backlog would block
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            with suppress(OSError):  # bind() says what stands in the way
                os.unlink(path)
            return
        except OSError:
            pass  # alive but unwilling: its backlog is full, it is of another type, or we may not talk to it
    raise StartupError(f"cannot listen on {path!r}: another process serves it; stop that one, or choose another path")


def _file_identity(path: str | None) -> tuple[int, int] | None:
    try:
        found = os.lstat(path) if path is not None else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found is not None else None


# Inherited


def _inherited_socket(fd: int, backlog: int) -> socket.socket:
    """Take over the stream socket with the descriptor `fd`, listening on it unless its parent does already."""
    try:
        sock = socket.socket(fileno=fd)
    except OSError as error:
        what = "is not open" if error.errno == errno.EBADF else "is not a socket"
        raise StartupError(f"descriptor {fd} {what}: start wsserve from a program that passes a socket on") from None
    problem = _problem_with(sock)
    if problem is None:
        try:
            sock.setblocking(False)
            sock.listen(backlog)
        except OSError as error:
            problem = f"cannot listen: {error.strerror}"
    if problem is not None:
        sock.detach()  # it stays open: it was not ours
        raise StartupError(f"descriptor {fd} {problem}: pass on a TCP or unix stream socket that is bound")
    sock.set_inheritable(False)
    return sock


def _problem_with(sock: socket.socket) -> str | None:
    if sock.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        return f"has the address family {sock.family}"
    if sock.type != socket.SOCK_STREAM:
        return "is not a stream socket"
    with suppress(OSError):
        sock.getpeername()
        return "is connected to a peer"
    name = sock.getsockname()
    if name in ("", b"") or (sock.family != socket.AF_UNIX and name[1] == 0):
        return "is not bound to an address"
    return None
