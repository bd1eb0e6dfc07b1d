"""Medians and percentiles."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of the ordered values do not exceed.

    Raises ValueError when there is none.
    """
    if not ordered:
        raise ValueError("there are no values to take a percentile of")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def medians(rounds: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each value over the rounds."""
    collected: dict[str, list[float]] = {}
    for values in rounds:
        for name, value in values.items():
            collected.setdefault(name, []).append(value)
    return {name: median(found) for name, found in collected.items()}
