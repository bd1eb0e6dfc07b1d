"""The loads: what the clients do."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

KIB = 1024
MIB = 1024 * KIB


class Kind(StrEnum):
    """What a load measures, and so which values its results have."""

    ECHO = "echo"
    BROADCAST = "broadcast"
    CONNECTS = "connects"
    MEMORY = "memory"
    LINEARITY = "linearity"


@dataclass(frozen=True)
class Load:
    """One load. Its cost is in `unit`: the lower, the better."""

    name: str
    title: str
    kind: Kind
    connections: int
    size: int = 64
    in_flight: int = 1
    text: bool = True
    deflate: bool = False
    unit: str = "CPU µs/message"
    codecs_only: bool = False
    """Whether it is for wsserve's codecs, and not for its peers."""

    once: bool = False
    """Whether one round is enough."""

    path: str = "/"
    """The path, and query, that the servers serve this load at."""

    routed: bool = False
    """Whether it is for routed handlers, and not for bare applications."""


ROUTED = "/chat/session123?max_users=5"

LOADS = (
    Load("64b", "64 B text, 10 connections, 1 in flight", Kind.ECHO, 10),
    Load("64b-10", "64 B text, 10 connections, 10 in flight", Kind.ECHO, 10, in_flight=10),
    Load("1k", "1 KiB text, 10 connections, 1 in flight", Kind.ECHO, 10, KIB),
    Load("64k", "64 KiB binary, 10 connections, 1 in flight", Kind.ECHO, 10, 64 * KIB, text=False),
    Load("1m", "1 MiB binary, 4 connections, 1 in flight", Kind.ECHO, 4, MIB, text=False),
    Load(
        "deflate", "1 KiB JSON with permessage-deflate, 10 connections, 1 in flight", Kind.ECHO, 10, KIB, deflate=True
    ),
    Load("500", "64 B text, 500 connections, 1 in flight", Kind.ECHO, 500),
    Load(
        "broadcast",
        "64 B text from one sender to 1,000 connections",
        Kind.BROADCAST,
        1000,
        unit="CPU µs/delivery",
        path="/broadcast",
    ),
    Load("connects", "Connections opened and closed, 10 at a time", Kind.CONNECTS, 10, unit="CPU µs/connection"),
    Load(
        "dispatch",
        "Connections to a routed handler (path, query, one resource), opened and closed, 10 at a time",
        Kind.CONNECTS,
        10,
        unit="CPU µs/connection",
        path=ROUTED,
        routed=True,
    ),
    Load(
        "routed-64b",
        "64 B text to a routed handler, 10 connections, 1 in flight",
        Kind.ECHO,
        10,
        path=ROUTED,
        routed=True,
    ),
    Load("idle", "2,000 idle connections", Kind.MEMORY, 2000, unit="KiB/connection", once=True),
    Load(
        "idle-deflate",
        "2,000 idle connections with permessage-deflate offered",
        Kind.MEMORY,
        2000,
        deflate=True,
        unit="KiB/connection",
        once=True,
    ),
    *(
        Load(
            f"linear-{name}",
            f"Twice the {name}: {title}",
            Kind.LINEARITY,
            1,
            unit="times the CPU",
            codecs_only=True,
            once=True,
        )
        for name, title in (
            ("fragments", "a message of 20,000 fragments, and of 40,000"),
            ("bytes", "a message of 20,000 bytes in writes of 1 byte, and of 40,000"),
            ("connections", "500 connections that echo a message, and 1,000"),
        )
    ),
)


QUICK = ("64b", "64b-10", "64k", "deflate", "connects", "idle")
"""The loads of a quick run."""


def select_loads(names: Sequence[str]) -> list[Load]:
    """Return the loads of these names, in the order of the table; all when there is none. Raises ValueError."""
    known = [load.name for load in LOADS]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"there is no load {unknown[0]!r}; the loads are {', '.join(known)}")
    return [load for load in LOADS if not names or load.name in names]
