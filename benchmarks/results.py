"""What was measured: one measurement for each round of each server under each load, kept as JSON."""

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.summary import medians

NOT_NEGOTIATED = "permessage-deflate is not negotiated"
"""The problem of a server that cannot do what a load is about, where every other problem is a failure."""


@dataclass(frozen=True)
class Measurement:
    """One round: its values, or why there are none."""

    load: str
    server: str
    round: int
    values: dict[str, float]
    problem: str = ""


@dataclass(frozen=True)
class Results:
    """A whole run."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    settings: dict[str, float]
    measurements: list[Measurement]

    @classmethod
    def begin(cls, versions: dict[str, str], settings: dict[str, float]) -> Self:
        """Return the results of a run that begins now."""
        return cls(time.strftime("%Y-%m-%d"), machine(), versions, settings, [])

    def has(self, load: str) -> bool:
        """Whether a load was tried."""
        return any(found.load == load for found in self.measurements)

    def medians(self, load: str) -> dict[str, dict[str, float]]:
        """Return the medians of a load's values, by server, for those that have any."""
        rounds: dict[str, list[dict[str, float]]] = {}
        for measurement in self.measurements:
            if measurement.load == load and not measurement.problem:
                rounds.setdefault(measurement.server, []).append(measurement.values)
        return {server: medians(values) for server, values in rounds.items()}

    def problems(self, load: str) -> dict[str, str]:
        """Return what went wrong under a load, by server: one sentence each, the last."""
        return {found.server: found.problem for found in self.measurements if found.load == load and found.problem}

    def write(self, path: Path) -> None:
        """Write all as JSON, a line for each measurement."""
        head: dict[str, Any] = {
            "date": self.date,
            "machine": self.machine,
            "versions": self.versions,
            "settings": self.settings,
        }
        lines = ",\n".join(json.dumps(asdict(_rounded(found))) for found in self.measurements)
        text = json.dumps(head, indent=1).removesuffix("\n}") + f',\n "measurements": [\n{lines}\n]\n}}\n'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what `write` wrote. Raises OSError, ValueError."""
        content = json.loads(path.read_text())
        try:
            measurements = [Measurement(**found) for found in content.pop("measurements")]
            return cls(**content, measurements=measurements)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is no result of the benchmarks: {error}") from error


def machine() -> dict[str, str]:
    """Return what this machine is."""
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _rounded(found: Measurement) -> Measurement:
    values = {name: float(f"{value:.5g}") for name, value in found.values.items()}
    return Measurement(found.load, found.server, found.round, values, found.problem)


def costs(results: Results, load: str, servers: Sequence[str]) -> dict[str, float]:
    """Return the median cost of those of the servers that have one under this load."""
    found = results.medians(load)
    return {server: found[server]["cost"] for server in servers if server in found}
