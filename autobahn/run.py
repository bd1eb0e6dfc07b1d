"""`python -m wsserve.autobahn.run`: judge the server by the Autobahn test suite and compare with expected.json."""

import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from wsserve.autobahn import report
from wsserve.autobahn.cases import SLOW, Expectations, load_expectations
from wsserve.autobahn.configuration import BACKENDS, CODECS, LOOPS, Configuration, every_configuration
from wsserve.autobahn.environment import SetupError, Suite, prepare
from wsserve.autobahn.fuzzing_client import SuiteError, run_suite
from wsserve.autobahn.progress import Progress
from wsserve.autobahn.server_process import ServerError, ServerProcess, start_server

RESULT_FILES = ("index.json", "index.html")


@dataclass(frozen=True)
class Trial:
    """A set of cases, to be run on one server or several."""

    suite: Suite
    expectations: Expectations
    cases: Sequence[str]
    repeat: int = 1

    def judge(self, name: str, directory: Path, server: Configuration | str) -> bool:
        """Run the cases on wsserve in a configuration, or on a server that already runs at a URL; print the findings.

        Reports, with `name` as the server's name, and logs go to `directory`. Returns whether all is as expected.
        """
        directory.mkdir(parents=True, exist_ok=True)
        for file in RESULT_FILES:  # an older run's must not be taken for this one's
            (directory / file).unlink(missing_ok=True)
        agents = [name] if self.repeat == 1 else [f"{name} {number}" for number in range(1, self.repeat + 1)]
        times = f", {self.repeat} times" if self.repeat > 1 else ""
        click.echo(f"{name}: {len(self.cases)} of the suite's {len(self.expectations.outcomes)} cases{times}")
        problems = self._run(agents, directory, server)

        _print(f"problem: {problem}" for problem in problems)
        index = directory / "index.json"
        results = report.read_index(index) if index.is_file() else {}
        expected = {case: self.expectations.outcomes[case] for case in self.cases}
        verdicts = report.judge(expected, results, agents)
        _print(report.table(verdicts, self.expectations.sections))
        _print(report.differences(verdicts, directory))
        if results:
            click.echo(f"report: {directory / 'index.html'}")
        click.echo(report.closing_line(verdicts))
        return not problems and all(verdict.passed for verdict in verdicts)

    def _run(self, agents: Sequence[str], directory: Path, server: Configuration | str) -> list[str]:
        """Run the suite, and the server if need be; return what went wrong beside the cases."""
        problems: list[str] = []
        process: ServerProcess | None = None
        progress = Progress(len(self.cases) * self.repeat, sys.stdout)
        try:
            if isinstance(server, str):
                url = server
            else:
                process, url = start_server(server, directory)
            # Of a whole run the suite decides the cases, so that one which expected.json lacks is noticed.
            cases = ["*"] if len(self.cases) == len(self.expectations.outcomes) else self.cases
            run_suite(self.suite, directory, url=url, agents=agents, cases=cases, progress=progress)
        except (ServerError, SuiteError) as error:
            problems.append(str(error))
        finally:
            seconds = progress.finish()
            if process is not None:
                end = process.stop()
                problems += end.problems
                click.echo(f"{seconds:.1f} seconds; the server used {end.cpu_seconds:.1f} seconds of CPU")
            else:
                click.echo(f"{seconds:.1f} seconds")
        return problems


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--codec", type=click.Choice(CODECS), default="wire", show_default=True, help="Frame codec.")
@click.option("--backend", type=click.Choice(BACKENDS), default="asyncio", show_default=True, help="Async backend.")
@click.option("--loop", type=click.Choice(LOOPS), default="auto", show_default=True, help="Event loop of asyncio.")
@click.option("--tls", is_flag=True, help="Serve wss:// with a certificate made for the run.")
@click.option(
    "--cases", multiple=True, metavar="PATTERNS", help="Only these: ids (7.1.6), sections (7, 7.1) or patterns."
)
@click.option(
    "--exclude", multiple=True, metavar="PATTERNS", help="All but these. Both may be repeated or have commas."
)
@click.option("--quick", is_flag=True, help="Leave out the long sections: 9, 12 and 13.")
@click.option("--all", "every", is_flag=True, help="Every configuration, one after the other.")
@click.option("--repeat", type=click.IntRange(min=1), default=1, metavar="N", help="Run each case N times.")
@click.option("--url", metavar="URL", help="Judge the server at this ws:// or wss:// URL; start none.")
@click.option(
    "--outdir", type=click.Path(file_okay=False, path_type=Path), help="Default: reports/autobahn/<configuration>."
)
def main(
    *,
    codec: str,
    backend: str,
    loop: str,
    tls: bool,
    cases: tuple[str, ...],
    exclude: tuple[str, ...],
    quick: bool,
    every: bool,
    repeat: int,
    url: str | None,
    outdir: Path | None,
) -> None:
    """Run the Autobahn test suite against wsserve and check every case against expected.json."""
    if backend == "trio" and loop != "auto":
        raise click.UsageError("--loop chooses an event loop of asyncio; leave it out with --backend trio")
    if url and (every or tls):
        raise click.UsageError("--url judges a running server as it is; it goes with neither --all nor --tls")
    expectations = load_expectations()
    try:
        chosen = expectations.select(_split(cases), [*_split(exclude), *(SLOW if quick else ())])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    root = _root()
    try:
        suite = prepare(root / ".cache" / "autobahn")
    except SetupError as error:
        raise click.ClickException(str(error)) from error

    trial = Trial(suite, expectations, chosen, repeat)
    reports = root / "reports" / "autobahn"
    if url:
        sys.exit(not trial.judge("url", (outdir or reports / "url").absolute(), url))
    configurations = every_configuration() if every else [Configuration(codec, backend, loop, tls)]
    differing = []
    for configuration in configurations:
        directory = outdir if outdir and not every else (outdir or reports) / configuration.name
        if not trial.judge(configuration.name, directory.absolute(), configuration):
            differing.append(configuration.name)
    if differing and every:
        click.echo(f"not as expected: {', '.join(differing)}", err=True)
    sys.exit(bool(differing))


def _split(patterns: Iterable[str]) -> list[str]:
    return [part.strip() for pattern in patterns for part in pattern.split(",") if part.strip()]


def _root() -> Path:
    """Return the repository that this file is part of; of an installed package, the current directory."""
    repository = Path(__file__).resolve().parent.parent
    return repository if (repository / "pyproject.toml").is_file() else Path.cwd()


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


if __name__ == "__main__":
    # So that a run which is stopped from outside stops its server and the suite as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main()
