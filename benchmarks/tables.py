"""Tables of the results, for the terminal and for docs/performance.md."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.loads import Kind, Load
from benchmarks.results import Results
from benchmarks.server_table import SERVERS

FULL_SHARE = 0.97
"""From this share of its core on the load generator is what limits a rate, if the server's share is lower."""

RATES = {Kind.ECHO: "messages/s", Kind.BROADCAST: "deliveries/s", Kind.CONNECTS: "connections/s"}

Values = dict[str, float]


@dataclass(frozen=True)
class Table:
    """Headings and rows of words, the first `text_columns` aligned to the left, and sentences below."""

    title: str
    headings: list[str]
    rows: list[list[str]]
    notes: list[str]
    text_columns: int = 1

    def text(self) -> str:
        """Return the table for a terminal."""
        lines = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        aligned = [
            "  ".join(
                word.ljust(width) if column < self.text_columns else word.rjust(width)
                for column, (word, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        return "\n".join([self.title, *(f"  {line}" for line in aligned), *(f"  {note}" for note in self.notes)])

    def markdown(self, level: int = 3) -> str:
        """Return the table in Markdown, its title as a heading of this level."""
        rule = ["---" if column < self.text_columns else "---:" for column in range(len(self.headings))]
        lines = [self.headings, rule, *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        notes = "".join(f"\n- {note}" for note in self.notes)
        return f"{'#' * level} {self.title}\n\n{table}\n" + (f"{notes}\n" if notes else "")


def load_table(results: Results, load: Load, baseline: str) -> Table:
    """Return the table of one load: a row for each server, the lowest cost first; what went wrong is below."""
    titles = {server.name: server.title for server in SERVERS}
    found = sorted(results.medians(load.name).items(), key=lambda item: item[1]["cost"])
    base = baseline_cost(dict(found), baseline)
    columns = _columns(load, base, baseline)
    rows = [[titles.get(name, name), *(show(values) for _, show in columns)] for name, values in found]
    notes = [f"{titles.get(name, name)}: {problem}." for name, problem in results.problems(load.name).items()]
    if any(limited_by_client(values) for _, values in found):
        notes.append("* The load generator's core was full and the server's was not: the rate is the generator's.")
    return Table(load.title, ["server", *(heading for heading, _ in columns)], rows, notes)


def baseline_cost(found: dict[str, Values], baseline: str) -> float | None:
    """Return the lowest cost among the servers that are `baseline` or begin with it and a hyphen; None without any."""
    matching = [values["cost"] for name, values in found.items() if name == baseline or name.startswith(f"{baseline}-")]
    return min(matching, default=None)


def limited_by_client(values: Values) -> bool:
    """Whether the load generator could not ask for more."""
    return values.get("client_share", 0) >= FULL_SHARE > values.get("server_share", 1)


def _columns(load: Load, base: float | None, baseline: str) -> list[tuple[str, Callable[[Values], str]]]:
    def ratio(values: Values) -> str:
        return f"{values['cost'] / base:.2f}" if base else "-"

    if load.kind is Kind.LINEARITY:
        return [(load.unit, lambda values: f"{values['cost']:.2f}")]
    columns: list[tuple[str, Callable[[Values], str]]] = [
        (load.unit, lambda values: number(values["cost"])),
        (f"ratio to {baseline}", ratio),
    ]
    if load.kind is not Kind.MEMORY:
        columns += [
            (RATES[load.kind], _rate),
            ("p50 µs", lambda values: number(values["p50"])),
            ("p99 µs", lambda values: number(values["p99"])),
            ("server CPU", lambda values: f"{values['server_share']:.0%}"),
            ("load CPU", lambda values: f"{values['client_share']:.0%}"),
        ]
    return columns


def _rate(values: Values) -> str:
    return f"{values['rate']:,.0f}{'*' if limited_by_client(values) else ''}"


def number(value: float) -> str:
    """Return a value with three digits, or all those before the point."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"
