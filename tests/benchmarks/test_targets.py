import pytest

from benchmarks.loads import select_loads
from benchmarks.results import Measurement
from benchmarks.server_table import select_servers
from benchmarks.targets import ASGI_PEERS, PEERS, TARGETS, UVICORN, Outcome, Target, all_reached, check, targets_table
from tests.benchmarks.example import measured, refused, results


def outcome_of(text: str, load: str, *measurements: Measurement) -> Outcome:
    [found] = [
        outcome
        for outcome in check(results(*measurements))
        if (outcome.target.text, outcome.target.load) == (text, load)
    ]
    return found


def test_targets_name_what_exists() -> None:
    for target in TARGETS:
        assert select_loads([target.load])
        assert select_servers([target.server, *target.peers])


def test_limit_is_a_factor_of_the_best_peer() -> None:
    peers = [measured("64b", peer, 20 + index) for index, peer in enumerate(UVICORN)]
    outcome = outcome_of("0.45x uvicorn's fastest", "64b", measured("64b", "wsserve", 9), *peers)
    assert (outcome.measured, outcome.limit, outcome.verdict) == (9, 9, "pass")
    outcome = outcome_of("0.45x uvicorn's fastest", "64b", measured("64b", "wsserve", 9.1), *peers)
    assert outcome.verdict == "FAIL"


def test_below_is_not_equal() -> None:
    peers = [measured("1m", peer, 700) for peer in ASGI_PEERS]
    assert outcome_of("below every ASGI peer", "1m", measured("1m", "wsserve", 700), *peers).verdict == "FAIL"
    assert outcome_of("below every ASGI peer", "1m", measured("1m", "wsserve", 699), *peers).verdict == "pass"


def test_limit_without_peers() -> None:
    assert outcome_of("8 KiB", "idle", measured("idle", "wsserve", 8)).verdict == "pass"
    assert outcome_of("8 KiB", "idle", measured("idle", "wsserve", 8.1)).verdict == "FAIL"
    assert outcome_of("8 KiB", "idle").verdict == "not measured"


def test_peer_that_does_not_negotiate_is_no_peer() -> None:
    others = [measured("deflate", peer, 60) for peer in PEERS if peer != "picows"]
    own = measured("deflate", "wsserve", 50)
    assert outcome_of("below every peer", "deflate", own, *others, refused("deflate", "picows")).verdict == "pass"


@pytest.mark.parametrize("problem", ["", "it was not listening after 15 seconds: no"])
def test_peer_that_is_missing_leaves_a_target_open(problem: str) -> None:
    measurements = [measured("deflate", peer, 60) for peer in PEERS if peer != "picows"]
    if problem:
        measurements.append(Measurement("deflate", "picows", 1, {}, problem))
    outcome = outcome_of("below every peer", "deflate", measured("deflate", "wsserve", 50), *measurements)
    assert (outcome.verdict, outcome.reached) == ("not measured", False)


def test_aims_do_not_count() -> None:
    aim = Target("64b", "2 µs", 2.0, aim=True)
    must = Target("64b", "4 µs", 4.0)
    assert all_reached([Outcome(aim, 3.0, 2.0), Outcome(must, 3.0, 4.0)])
    assert not all_reached([Outcome(must, 5.0, 4.0)])
    assert not all_reached([Outcome(must, None, 4.0)])
    assert Outcome(aim, 3.0, 2.0).verdict == "aim not reached"
    assert Outcome(aim, 1.0, 2.0).verdict == "aim reached"


def test_table() -> None:
    table = targets_table(check(results(measured("idle", "wsserve", 6))))
    assert ["2,000 idle connections", "8 KiB", "KiB/connection", "6.00", "8.00", "pass"] in table.rows
    assert len(table.rows) == len(TARGETS)
