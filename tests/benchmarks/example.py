"""Results made up for the tests of what is made from results."""

from benchmarks.results import NOT_NEGOTIATED, Measurement, Results

TIMED = {"rate": 50_000.0, "p50": 100.0, "p99": 400.0, "server_share": 0.99, "client_share": 0.6}


def results(*measurements: Measurement) -> Results:
    return Results(
        "2026-01-02",
        {"processor": "Some CPU, 2 cores", "system": "Linux 6.1", "python": "CPython 3.11.7"},
        {"wsserve": "0.1.0", "picows": "2.3.1"},
        {"rounds": 3, "seconds": 1.0},
        list(measurements),
    )


def measured(load: str, server: str, cost: float, round_number: int = 1, **others: float) -> Measurement:
    values = {"cost": cost} if load.startswith(("idle", "linear")) else {"cost": cost, **TIMED, **others}
    return Measurement(load, server, round_number, values)


def refused(load: str, server: str) -> Measurement:
    return Measurement(load, server, 1, {}, NOT_NEGOTIATED)
