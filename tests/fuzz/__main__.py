"""Fuzzes each target for a while: `python -m tests.fuzz [--seconds N] [TARGET ...]`.

Inputs that reach new code are kept in .cache/fuzz/corpus and are where the next run begins. An input that breaks an
invariant is saved in tests/fuzz/crashes, and the exit code is 1. It is 2 where Atheris is not installed.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
from hashlib import sha1
from pathlib import Path

from tests.fuzz.targets import CRASHES, NAMES, crashes, load

CACHE = Path(__file__).parents[2] / ".cache" / "fuzz"
MISSING = "Fuzzing needs Atheris, which has wheels for CPython on Linux (x86_64): pip install atheris"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the codecs with Atheris.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"one of {', '.join(NAMES)}; all by default")
    parser.add_argument("--seconds", type=int, default=60, help="how long to run each target (60)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the random numbers; 0, the default, is another each time"
    )
    options = parser.parse_args(arguments)
    unknown = set(options.targets) - set(NAMES)
    if unknown:
        parser.error(f"there is no target {', '.join(sorted(unknown))}: use {', '.join(NAMES)}")
    if options.seconds < 1:
        parser.error("--seconds must be 1 or more")
    if importlib.util.find_spec("atheris") is None:
        print(MISSING, file=sys.stderr)
        return 2
    results = [fuzz(name, options.seconds, options.seed) for name in options.targets or NAMES]
    return 0 if all(results) else 1


def fuzz(name: str, seconds: int, seed: int) -> bool:
    """Run one target in a process of its own; return whether its invariant held."""
    corpus, log = CACHE / "corpus" / name, CACHE / f"{name}.log"
    corpus.mkdir(parents=True, exist_ok=True)
    for data in load(name).SEEDS:
        (corpus / sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    (CRASHES / name).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.under_atheris", name, str(corpus), str(CRASHES / name)]
    command += [
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-artifact_prefix={CRASHES / name}/",
        "-max_len=2048",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    before = crashes(name)
    with log.open("w") as output:
        code = subprocess.run(command, cwd=CACHE.parents[1], stdout=output, stderr=output, check=False).returncode
    text = log.read_text(errors="replace")
    count = re.search(r"stat::number_of_executed_units: +(\d+)", text)
    summary = f"{name}: {count[1] if count else 'unknown number of'} inputs"
    if code == 0:
        print(f"{summary}, the invariant held", flush=True)
        return True
    saved = [str(path) for path in crashes(name) if path not in before]
    print(f"{summary}, exit code {code}, saved {', '.join(saved) or 'nothing'}; the end of {log}:", flush=True)
    print("\n".join(line[:300] for line in text.splitlines()[-40:]), flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main())
