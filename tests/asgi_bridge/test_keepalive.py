"""When pings go out, and when a peer is given up (A8)."""

import random

import pytest

from tests.asgi_bridge.memory import MemoryRuntime
from wsserve.asgi_bridge.keepalive import Keepalive


class Peer:
    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, interval: float | None, timeout: float | None, first: float = 1.0
    ) -> None:
        monkeypatch.setattr(random, "uniform", lambda low, high: first)
        self.runtime = MemoryRuntime()
        self.start = self.runtime.now()
        self.pings: list[float] = []
        self.given_up: list[float] = []
        self.can_hear = True
        self.heard = False
        self.keepalive = Keepalive(self, self.runtime, interval, timeout)
        self.keepalive.start()

    @property
    def elapsed(self) -> float:
        return self.runtime.now() - self.start

    def send_ping(self) -> None:
        self.pings.append(self.elapsed)

    def give_up(self) -> None:
        self.given_up.append(self.elapsed)

    def is_alive(self) -> bool:
        heard, self.heard = self.heard, False
        return heard or not self.can_hear

    def answer(self, times: int, every: float) -> None:
        """Let time pass; after each step something has arrived."""
        for _ in range(times):
            self.runtime.advance(every)
            self.heard = True


def test_a8_silence_after_a_ping_is_given_up_after_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer(monkeypatch, 20, 20)
    peer.runtime.advance(100)
    assert peer.pings == [20]
    assert peer.given_up == [40]
    assert peer.runtime.pending == []


def test_a8_a_half_open_connection_is_given_up_within_45_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer(monkeypatch, 20, 20)
    peer.answer(3, 0.1)  # the last that is heard, at 0.3 s
    peer.runtime.advance(100)
    assert peer.given_up == [40]


@pytest.mark.parametrize(("interval", "timeout"), [(20, 20), (20, 5), (5, 20), (20, 7)])
def test_a8_any_inbound_byte_counts_as_life(monkeypatch: pytest.MonkeyPatch, interval: int, timeout: int) -> None:
    peer = Peer(monkeypatch, interval, timeout)
    peer.answer(1000, every=1)
    assert peer.given_up == []
    assert peer.pings == list(range(interval, 1001, interval))


@pytest.mark.parametrize(("interval", "timeout", "after"), [(20, 20, 40), (20, 5, 25), (5, 20, 25), (20, 7, 27)])
def test_a8_timeout_runs_from_the_first_ping_without_an_answer(
    monkeypatch: pytest.MonkeyPatch, interval: int, timeout: int, after: int
) -> None:
    peer = Peer(monkeypatch, interval, timeout)
    peer.runtime.advance(1000)
    assert peer.given_up == [after]
    assert peer.pings == list(range(interval, after, interval))


def test_a_byte_before_the_ping_is_no_answer_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer(monkeypatch, 20, 5)
    peer.answer(19, every=1)
    peer.runtime.advance(5.9)
    assert peer.given_up == []
    peer.runtime.advance(0.1)
    assert peer.given_up == [25]


def test_pings_keep_their_interval_when_the_timeout_is_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that cuts idle connections must see a ping every `interval` seconds."""
    peer = Peer(monkeypatch, 5, 20)
    peer.runtime.advance(16)
    assert peer.pings == [5, 10, 15]


def test_a8_deadline_is_suspended_while_nothing_can_be_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer(monkeypatch, 20, 20)
    peer.runtime.advance(21)
    peer.can_hear = False
    peer.runtime.advance(1000)
    assert peer.given_up == []
    peer.can_hear = True
    peer.runtime.advance(100)
    assert len(peer.given_up) == 1
    assert peer.given_up[0] - 1021 >= 19


def test_a8_suspended_deadline_of_a_short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer(monkeypatch, 20, 5)
    peer.can_hear = False
    peer.runtime.advance(26)
    assert peer.pings == [20]
    peer.can_hear = True
    peer.runtime.advance(18.9)
    assert peer.pings == [20, 40]
    assert peer.given_up == []
    peer.runtime.advance(0.1)
    assert peer.given_up == [45]


def test_without_a_timeout_nobody_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer(monkeypatch, 20, None)
    peer.runtime.advance(1000)
    assert peer.given_up == []
    assert peer.pings == list(range(20, 1001, 20))


@pytest.mark.parametrize("interval", [None, 0.0])
def test_without_an_interval_there_is_no_keepalive(monkeypatch: pytest.MonkeyPatch, interval: float | None) -> None:
    peer = Peer(monkeypatch, interval, 20)
    assert peer.runtime.pending == []
    peer.keepalive.stop()


def test_stop_ends_it_at_any_point(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer(monkeypatch, 20, 5)
    peer.runtime.advance(21)
    peer.keepalive.stop()
    peer.keepalive.stop()
    assert peer.runtime.pending == []
    peer.runtime.advance(100)
    assert peer.pings == [20]
    assert peer.given_up == []


class Silent:
    def send_ping(self) -> None: ...
    def give_up(self) -> None: ...
    def is_alive(self) -> bool:
        return True


def test_a11_first_pings_of_many_connections_are_spread() -> None:
    runtime = MemoryRuntime()
    for _ in range(200):
        Keepalive(Silent(), runtime, 20, 20).start()
    due = runtime.pending
    assert 10 <= min(due) < 12
    assert 18 < max(due) <= 20
    assert len({round(delay) for delay in due}) > 8
