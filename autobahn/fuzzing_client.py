"""One run of the suite's fuzzing client against a server."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from wsserve.autobahn import commands
from wsserve.autobahn.environment import SPEC_NAME, Suite
from wsserve.autobahn.progress import Progress

# The suite bounds each case by itself, with minutes at most for the longest. When it is silent for longer, it hangs.
SILENCE_TIMEOUT = 900.0

CASE_LINE = re.compile(r"Running test case ID (\S+) ")
NO_CONNECTION_LINE = re.compile(r"Connection to \S+ failed")


class SuiteError(Exception):
    """The suite did not come to its end; the message says what happened."""


def run_suite(
    suite: Suite, directory: Path, *, url: str, agents: Sequence[str], cases: Sequence[str], progress: Progress
) -> None:
    """Run `cases` against the server at `url`, once for each of `agents`, which are names for the report's columns.

    Afterwards `directory` has the suite's reports, index.json and index.html first, and its output in suite.log.
    Raises SuiteError when the suite fails, hangs, writes no report, or cannot connect to the server for some case.
    """
    spec = {
        "outdir": suite.report_directory(directory),
        "servers": [{"agent": agent, "url": url} for agent in agents],
        "cases": list(cases),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (directory / SPEC_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(spec)))

    log = directory / "suite.log"
    process = commands.start(suite.command(directory), output=subprocess.PIPE, directory=directory)
    try:
        refusals = _follow(process, log, progress)
        status = process.wait(60)
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise SuiteError(f"the suite hangs: {error}; its output is in {log}") from error
    finally:
        commands.stop(process)
    if status != 0 or not (directory / "index.json").is_file():
        tail = "\n".join(log.read_text().splitlines()[-10:])
        raise SuiteError(f"the suite ended with status {status} and wrote no report; its output, in {log}:\n{tail}")
    if refusals:
        raise SuiteError(f"the suite could not connect, and left the rest of the cases out: {refusals[0]}")


def _follow(process: subprocess.Popen[bytes], log: Path, progress: Progress) -> list[str]:
    """Copy the suite's output to its log and report its cases; return its lines on failed connections."""
    refusals = []
    assert process.stdout is not None  # noqa: S101 - it was started with a pipe
    with process.stdout, log.open("w") as file:
        for line in commands.lines(process.stdout, timeout=SILENCE_TIMEOUT):
            file.write(f"{line}\n")
            if found := CASE_LINE.match(line):
                progress.case(found[1])
            elif NO_CONNECTION_LINE.match(line):
                refusals.append(line)
    return refusals
