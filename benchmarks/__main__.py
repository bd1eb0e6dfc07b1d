"""The command line of the benchmarks: `python -m benchmarks --help`."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import environment
from benchmarks.loads import LOADS, QUICK, Load, select_loads
from benchmarks.measure import Settings, TooFewCoresError, choose_cores, measure
from benchmarks.page import write_page
from benchmarks.results import Measurement, Results
from benchmarks.server_table import BASELINE, SERVERS, Server, select_servers
from benchmarks.tables import load_table
from benchmarks.targets import all_reached, check, targets_table

REPORTS = environment.REPOSITORY / "reports" / "bench"
DOCS = environment.REPOSITORY / "docs"

MOST_SECONDS = 10.0
"""Servers ping after 20 s by default, which the load generator does not expect."""


def main(arguments: Sequence[str]) -> int:
    """Run the command. Returns the exit status: 1 when a target is missed with --check, 2 when nothing can be run."""
    options = parse(arguments)
    try:
        results = Results.read(options.results) if options.results else run(options)
        for load in LOADS:
            if results.has(load.name):
                print(f"\n{load_table(results, load, options.baseline).text()}")
        if options.write_docs:
            write_page(results, DOCS)
    except (environment.SetupError, TooFewCoresError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    outcomes = check(results)
    if options.targets or options.check:
        print(f"\n{targets_table(outcomes).text()}")
    return 1 if options.check and not all_reached(outcomes) else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options. Exits with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure wsserve beside its peers.")
    parser.add_argument("--servers", type=_selection(select_servers), default=list(SERVERS), help="names, by commas")
    parser.add_argument("--loads", type=_selection(select_loads), help="names, by commas")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, over which medians are taken (default: 3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="measured seconds of each load (default: 1)")
    parser.add_argument("--quick", action="store_true", help="six loads, one round of 0.4 s: for a first look")
    parser.add_argument(
        "--baseline", default=BASELINE, help=f"the server ratios are to (default: {BASELINE}'s fastest)"
    )
    parser.add_argument("--targets", action="store_true", help="show what must be reached, and whether it is")
    parser.add_argument("--check", action="store_true", help="the same, and exit with 1 when a target is missed")
    parser.add_argument("--write-docs", action="store_true", help="write the results into docs/performance.*")
    parser.add_argument("--results", type=Path, help="take these results, a JSON file, rather than measure")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 0.4
    options.loads = options.loads or select_loads(QUICK if options.quick else ())
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}: at least one takes place")
    if not 0 < options.seconds <= MOST_SECONDS:
        parser.error(f"--seconds is {options.seconds:g}: it must be above 0 and at most {MOST_SECONDS:g}")
    return options


def run(options: argparse.Namespace) -> Results:
    """Measure and return the results, which are in reports/bench as well. Raises what keeps it from beginning."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or the server that runs would be left behind
    server_core, client_core = choose_cores()
    environment.prepare()
    servers = available(options.servers)
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    warm_up = min(0.3, options.seconds / 2)
    settings = Settings(options.rounds, options.seconds, warm_up, server_core, client_core, REPORTS / "logs")
    results = Results.begin(environment.versions(), {"rounds": options.rounds, "seconds": options.seconds})
    path = REPORTS / f"{stamp}.json"
    try:
        for measurement in measure(servers, options.loads, settings):
            results.measurements.append(measurement)
            show_progress(measurement)
    except KeyboardInterrupt:
        print("\nInterrupted: these are the results so far.")
    results.write(path)
    print(f"\nAll rounds: {path}")
    return results


def available(servers: Sequence[Server]) -> list[Server]:
    """Return the servers that can be run here, and say aloud which cannot."""
    if not any(server.needs_node for server in servers):
        return list(servers)
    missing = environment.prepare_node()
    if missing is None:
        return list(servers)
    for server in servers:
        if server.needs_node:
            print(f"LEFT OUT: {server.title}: {missing}", file=sys.stderr)
    return [server for server in servers if not server.needs_node]


def show_progress(measurement: Measurement) -> None:
    """Print one line."""
    outcome = measurement.problem or f"{measurement.values['cost']:.2f}"
    print(f"round {measurement.round}  {measurement.load:18} {measurement.server:26} {outcome}", flush=True)


def _selection(select: Callable[[Sequence[str]], Sequence[Server | Load]]) -> Callable[[str], Sequence[Server | Load]]:
    def parse_names(text: str) -> Sequence[Server | Load]:
        try:
            return select([name.strip() for name in text.split(",") if name.strip()])
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_names


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
