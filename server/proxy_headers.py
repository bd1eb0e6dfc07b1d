"""The client's address and scheme as the proxies in front of the server report them."""

from collections.abc import Awaitable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.server.errors import ConfigError

_Address = IPv4Address | IPv6Address

_SECURE: Final = {b"http": False, b"ws": False, b"https": True, b"wss": True}


class ProxyHeadersMiddleware:
    """Corrects a scope's `client` and `scheme` from X-Forwarded-For and X-Forwarded-Proto of a trusted proxy.

    `trusted_hosts` names the proxies: IP addresses, networks such as `10.0.0.0/8`, `unix` for a peer on a unix
    socket, `*` for every peer; a string with commas between them, or a sequence. Raises `ConfigError` for anything
    else.

    Each proxy appends the address of its own peer to X-Forwarded-For. So the list is read from its end, and the
    first address that is not itself trusted is the client; what stands further left, anybody may have written. The
    scheme is the last one given: https and wss mean "wss" for a WebSocket. The scope is changed in place, so that
    whoever made it, the access log for one, sees the client too.
    """

    def __init__(self, app: ASGIApp, trusted_hosts: str | Sequence[str] = "127.0.0.1") -> None:
        self._app = app
        self._trusted = TrustedHosts(trusted_hosts)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Correct the scope of a connection and call the application."""
        if scope["type"] in ("http", "websocket") and self._trusted.is_trusted_peer(scope):
            self._correct(scope)
        return self._app(scope, receive, send)  # no coroutine of its own, which each message would pass through

    def _correct(self, scope: Scope) -> None:
        scheme = None
        forwarded_for: list[bytes] = []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded_for.extend(value.split(b","))
            elif name == b"x-forwarded-proto":
                scheme = value
        if scheme is not None:
            secure = _SECURE.get(scheme.rpartition(b",")[2].strip().lower())
            if secure is not None:
                scope["scheme"] = ("ws" if scope["type"] == "websocket" else "http") + ("s" if secure else "")
        client = self._trusted.find_client(forwarded_for)
        if client is not None:
            scope["client"] = client


class TrustedHosts:
    """The proxies to believe, as `ProxyHeadersMiddleware` takes them. Raises `ConfigError` as it does."""

    def __init__(self, hosts: str | Sequence[str]) -> None:
        self._everyone = False
        self._unix = False
        self._addresses: set[_Address] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in (entry.strip() for entry in (hosts.split(",") if isinstance(hosts, str) else hosts)):
            match entry:
                case "":
                    continue
                case "*":
                    self._everyone = True
                case "unix":
                    self._unix = True
                case _:
                    self._add(entry)

    def _add(self, entry: str) -> None:
        try:
            if "/" in entry:
                self._networks.append(ip_network(entry))
            else:
                self._addresses.add(ip_address(entry))
        except ValueError as error:
            detail = f" ({error})" if "/" in entry else ""
            raise ConfigError(
                f"forwarded_allow_ips has {entry!r}, which is no address, network, unix or *{detail}"
            ) from None

    def is_trusted_peer(self, scope: Scope) -> bool:
        """Tell whether the peer of a connection is a proxy to believe.

        A peer on a unix socket has no address, and neither has one that is gone; the server's own tells which.
        """
        if self._everyone:
            return True
        client, server = scope.get("client"), scope.get("server")
        if client is None:
            return self._unix and server is not None and server[1] is None
        parsed = _parse(str(client[0]))
        return parsed is not None and self._is_trusted(parsed[0])

    def find_client(self, forwarded_for: Sequence[bytes]) -> tuple[str, int] | None:
        """Return the host and port (0: unknown) of the client, or None when the header says nothing useful.

        An entry that is no address ends the search: the proxy that wrote it did not know its peer.
        """
        client: tuple[str, int] | None = None
        for entry in reversed(forwarded_for):
            text = entry.strip().decode("latin-1")
            if not text:
                continue
            parsed = _parse(text)
            if parsed is None:
                break
            client = str(parsed[0]), parsed[1]
            if not self._is_trusted(parsed[0]):
                break
        return client

    def _is_trusted(self, address: _Address) -> bool:
        if self._everyone or address in self._addresses:
            return True
        return any(address in network for network in self._networks)


_LONGEST: Final = len("[0000:0000:0000:0000:0000:ffff:192.168.100.100]:65535")


def _parse(text: str) -> tuple[_Address, int] | None:
    """Return the address and port of `192.0.2.7`, `192.0.2.7:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.

    The port is 0 when there is none. An IPv4 address mapped into IPv6 becomes IPv4 (RFC 4291, section 2.5.5.2).
    Returns None for anything else, zone identifiers included: they mean nothing elsewhere and may hold anything.
    """
    return _parse_short(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=1024)  # the address of a proxy comes with each connection
def _parse_short(text: str) -> tuple[_Address, int] | None:
    host, port = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return None
        port = rest[1:] if rest else "0"
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        port = "0"
    if "%" in host or not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        return None
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped, int(port)
    return address, int(port)
