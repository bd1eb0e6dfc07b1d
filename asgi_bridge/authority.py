"""Hosts and ports as the headers Host and Origin name them, in one form that can be compared."""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final, NamedTuple

from wsserve.asgi_bridge.types import Scope

# Names are letters, digits, hyphens and underscores with dots between them, a final dot included; an address in
# brackets is IPv6 (RFC 3986, section 3.2.2). What else that section allows in a name is in no host that browsers ask.
_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*)\.?)(?::(?P<port>[0-9]{0,5}))?"
)
_LONGEST: Final = 300  # a name has at most 253 characters (RFC 1035, section 2.3.4)


class Authority(NamedTuple):
    """A host in lower case, without a final dot, IPv6 in brackets and in its short form; the port as far as given."""

    host: str
    port: int | None

    def __str__(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


def parse_authority(text: str) -> Authority | None:
    """Return the host and port in `text`, or None when it is malformed; user information counts as malformed."""
    match = _AUTHORITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port <= 65535:
        return None
    if match["ipv6"] is None:
        return Authority(match["name"].lower(), port)
    try:
        return Authority(f"[{IPv6Address(match['ipv6'])}]", port)
    except AddressValueError:
        return None


def host_of(scope: Scope) -> Authority | None:
    """Return what the Host header names; None when it is missing, malformed or there twice (RFC 9112, section 3.2)."""
    values = [value for name, value in scope.get("headers") or () if name.lower() == b"host"]
    return parse_authority(values[0].decode("latin-1")) if len(values) == 1 else None


def _to_ascii(text: str) -> str:
    """Return a host and port as headers have them: `bücher.example` is `xn--bcher-kva.example` there (UTS 46).

    Raises `ValueError` when that cannot be.
    """
    if text.isascii():
        return text
    from idna import encode  # its tables take a while to load, and few need them

    name, colon, port = text.partition(":")
    return encode(name, uts46=True).decode("ascii") + colon + port


class HostPattern(NamedTuple):
    """A host, or all hosts below it."""

    host: str
    is_suffix: bool

    def matches(self, host: str) -> bool:
        """Tell whether a parsed host is meant."""
        return host.endswith(f".{self.host}") if self.is_suffix else host == self.host


def parse_host_pattern(text: str) -> tuple[HostPattern, int | None]:
    """Return the pattern in `example.com`, `*.example.com` or `[::1]`, and its port, if it has one.

    `*.example.com` means one label or more in front of `example.com`, and not that itself. Raises `ValueError` for
    anything else, a star in another place included.
    """
    name = text.removeprefix("*.")
    is_suffix = name != text
    authority = parse_authority(_to_ascii(name))
    if authority is None or (is_suffix and authority.host.startswith("[")):
        raise ValueError(f"{text!r} is no host")
    return HostPattern(authority.host, is_suffix), authority.port
