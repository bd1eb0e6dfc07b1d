"""What the benchmarks must show: wsserve's median costs against those of its peers."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.loads import LOADS
from benchmarks.results import NOT_NEGOTIATED, Results, costs
from benchmarks.server_table import SERVERS, UNROUTED, Family
from benchmarks.tables import Table, number

UVICORN = tuple(
    server.name for server in SERVERS if server.name.startswith("uvicorn-") and server.family is Family.ASGI
)
FRAMEWORKS = tuple(server.name for server in SERVERS if server.family is Family.FRAMEWORK)
ASGI_PEERS = tuple(server.name for server in SERVERS if server.family is Family.ASGI)
PEERS = tuple(server.name for server in SERVERS if server.family in (Family.ASGI, Family.OTHER))


@dataclass(frozen=True)
class Target:
    """The cost of `server` under `load` is at most `factor` times the lowest cost among `peers`, and `extra`.

    Without peers the factor is the limit itself. Below means less than the limit, not equal to it. An aim is worth
    reaching, but no condition.
    """

    load: str
    text: str
    factor: float = 1.0
    peers: tuple[str, ...] = ()
    server: str = "wsserve"
    below: bool = False
    extra: float = 0.0
    aim: bool = False


@dataclass(frozen=True)
class Outcome:
    """A target beside what was measured; None where a measurement is missing."""

    target: Target
    measured: float | None
    limit: float | None

    @property
    def reached(self) -> bool:
        """Whether it was measured and holds."""
        if self.measured is None or self.limit is None:
            return False
        return self.measured < self.limit if self.target.below else self.measured <= self.limit

    @property
    def verdict(self) -> str:
        """The outcome in a few words."""
        if self.measured is None or self.limit is None:
            return "not measured"
        if self.target.aim:
            return "aim reached" if self.reached else "aim not reached"
        return "pass" if self.reached else "FAIL"


TARGETS = (
    Target("64b", "0.45x uvicorn's fastest", 0.45, UVICORN),
    Target("64b", "1.35x the raw uvloop Protocol", 1.35, ("raw",)),
    Target("64b", "picows", 1.0, ("picows",), aim=True),
    Target("64b-10", "0.2x uvicorn's fastest", 0.2, UVICORN),
    Target("64b-10", "below picows, aiohttp and node ws", 1.0, ("picows", "aiohttp", "node-ws"), below=True),
    Target("64b-10", "2 µs", 2.0, aim=True),
    Target("64k", "0.8x the best ASGI peer", 0.8, ASGI_PEERS),
    Target("64k", "picows", 1.0, ("picows",), aim=True),
    Target("1m", "below every ASGI peer", 1.0, ASGI_PEERS, below=True),
    Target("deflate", "below every peer", 1.0, PEERS, below=True),
    Target("connects", "below every ASGI peer", 1.0, ASGI_PEERS, below=True),
    Target("idle", "8 KiB", 8.0),
    Target("idle-deflate", "10 KiB", 10.0),
    Target(
        "64b",
        "wsproto codec: below uvicorn with wsproto and hypercorn",
        1.0,
        ("uvicorn-wsproto", "hypercorn"),
        server="wsserve-wsproto",
        below=True,
    ),
    Target("64b", "pure Python codec: below uvicorn's fastest", 1.0, UVICORN, server="wsserve-pure", below=True),
    Target("64b", "WebSocket class: 1.15x the raw ASGI echo", 1.15, ("wsserve",), server="wsserve-class"),
    Target("64b-10", "WebSocket class: 1.15x the raw ASGI echo", 1.15, ("wsserve",), server="wsserve-class"),
    Target(
        "dispatch",
        "60 µs more than without a router",
        1.0,
        (UNROUTED,),
        server="wsserve-routed",
        extra=60.0,
    ),
    Target(
        "dispatch",
        "below Starlette, FastAPI and lihil on uvicorn",
        1.0,
        FRAMEWORKS,
        server="wsserve-routed",
        below=True,
    ),
    Target("routed-64b", "what it costs without a router, within 3%", 1.03, (UNROUTED,), server="wsserve-routed"),
    Target("linear-fragments", "2.2x the CPU for twice the input", 2.2),
    Target("linear-bytes", "2.2x the CPU for twice the input", 2.2),
    Target("linear-connections", "2.2x the CPU for twice the input", 2.2),
)


def check(results: Results) -> list[Outcome]:
    """Return the outcome of each target. One needs all its peers that can do the load."""
    return [_outcome(results, target) for target in TARGETS]


def all_reached(outcomes: Sequence[Outcome]) -> bool:
    """Whether all targets but the aims are reached."""
    return all(outcome.reached or outcome.target.aim for outcome in outcomes)


def targets_table(outcomes: Sequence[Outcome]) -> Table:
    """Return the table of the outcomes."""
    titles = {load.name: load.title for load in LOADS}
    units = {load.name: load.unit for load in LOADS}
    rows = [
        [
            titles[outcome.target.load],
            outcome.target.text,
            units[outcome.target.load],
            "-" if outcome.measured is None else number(outcome.measured),
            "-" if outcome.limit is None else number(outcome.limit),
            outcome.verdict,
        ]
        for outcome in outcomes
    ]
    return Table(
        "What it must show", ["load", "at most", "unit", "measured", "limit", "verdict"], rows, [], text_columns=2
    )


def _outcome(results: Results, target: Target) -> Outcome:
    measured = costs(results, target.load, [target.server]).get(target.server)
    if not target.peers:
        return Outcome(target, measured, target.factor)
    peers = costs(results, target.load, target.peers)
    problems = results.problems(target.load)
    failed = [peer for peer in target.peers if peer not in peers and problems.get(peer) != NOT_NEGOTIATED]
    if failed or not peers:
        return Outcome(target, measured, None)
    return Outcome(target, measured, target.factor * min(peers.values()) + target.extra)
