"""docs/performance.md: its parts that are made from results, between two marks, and the plot beside it."""

from pathlib import Path

from benchmarks.loads import LOADS
from benchmarks.plot import Bar, Panel, draw
from benchmarks.results import Results
from benchmarks.server_table import BASELINE, SERVERS, Family
from benchmarks.tables import Table, load_table, number
from benchmarks.targets import check, targets_table

PAGE = "performance.md"
PLOT = "performance.svg"
DATA = "performance.json"
BEGIN = "<!-- The rest is written by `python -m benchmarks --write-docs`. -->"

COMPARED = {"cost": "CPU or memory", "p50": "p50", "p99": "p99"}

PLOTTED = ("64b", "64b-10", "64k", "deflate", "idle")
NOTABLE = 1.02
"""A peer is called ahead from this ratio on: closer ones are even, within what rounds differ by."""


def write_page(results: Results, folder: Path) -> None:
    """Write the plot, the data and the generated part of the page in `folder`; what is above the mark stays.

    Raises ValueError when the page has no such mark.
    """
    page = folder / PAGE
    written, mark, _ = page.read_text().partition(BEGIN)
    if not mark:
        raise ValueError(f"{page} has no line {BEGIN!r}, below which the results go")
    page.write_text(written + mark + "\n\n" + generated_part(results))
    (folder / PLOT).write_text(plot(results))
    results.write(folder / DATA)


def generated_part(results: Results) -> str:
    """Return the Markdown of all that is made from the results."""
    return "\n".join(
        [
            _circumstances(results),
            f"![CPU time per message and memory per idle connection, by server]({PLOT})\n",
            ahead_table(results).markdown(level=2),
            targets_table(check(results)).markdown(level=2),
            "## All loads\n",
            *(load_table(results, load, BASELINE).markdown() for load in LOADS if results.has(load.name)),
        ]
    )


def plot(results: Results) -> str:
    """Return the plot of the loads that tell most."""
    panels = []
    for load in LOADS:
        found = results.medians(load.name)
        if load.name not in PLOTTED or not found:
            continue
        bars = [
            Bar(server.name, found[server.name]["cost"], number(found[server.name]["cost"]), _is_own(server.name))
            for server in sorted(SERVERS, key=lambda server: found.get(server.name, {}).get("cost", 0))
            if server.name in found
        ]
        panels.append(Panel(f"{load.title}: {load.unit}, less is better", bars))
    return draw(panels, "CPU time per message and memory per idle connection, by server")


def peers_ahead(results: Results, load: str, value: str) -> list[tuple[str, float]]:
    """Return the peers whose median `value` is lower than wsserve's by more than 2%, with the ratio of the two."""
    found = results.medians(load)
    own = found.get("wsserve", {}).get(value)
    if own is None:
        return []
    peers = [server.name for server in SERVERS if server.family in (Family.ASGI, Family.OTHER)]
    ratios = [(peer, own / found[peer][value]) for peer in peers if found.get(peer, {}).get(value)]
    return sorted((item for item in ratios if item[1] > NOTABLE), key=lambda item: -item[1])


def ahead_table(results: Results) -> Table:
    """Return the table of the loads in which a peer does better than wsserve, with the peers."""
    titles = {server.name: server.title for server in SERVERS}
    rows = []
    for load in LOADS:
        ahead = [peers_ahead(results, load.name, value) for value in COMPARED]
        if any(ahead):
            listed = ("; ".join(f"{titles[peer]} {ratio:.2f}" for peer, ratio in found) for found in ahead)
            rows.append([load.title, *listed])
    note = (
        f"The numbers are wsserve's value divided by the peer's; those up to {NOTABLE:.2f} are left out."
        if rows
        else "In this run, nowhere."
    )
    return Table("Where a peer is ahead", ["load", *COMPARED.values()], rows, [note], text_columns=4)


def _circumstances(results: Results) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results.versions.items()))
    settings = results.settings
    return (
        f"Measured on {results.date}; {results.machine['processor']}; {results.machine['system']}; "
        f"{results.machine['python']}. Rounds: {settings['rounds']:.0f}, of {settings['seconds']:g} s each.\n\n"
        f"Versions: {versions}.\n"
    )


def _is_own(name: str) -> bool:
    return any(server.name == name and server.family is Family.WSSERVE for server in SERVERS)
