"""A server process from start to end: lifespan (G13), and SIGTERM with connections open (A14, A15)."""

import signal
import time

import pytest

from tests.end_to_end.raw_client import RawClient, close_frame, upgrade_head
from tests.end_to_end.server_process import Configuration, ServerProcess, new_report_id, target

APPS = "tests.end_to_end.apps."
GRACE = ("--timeout-graceful-shutdown", "0.5")


def test_g13_startup_comes_first_and_shutdown_last_and_a15_close_is_1012(configuration: Configuration) -> None:
    with ServerProcess(configuration, f"{APPS}lifespan_apps:recorded") as server, RawClient(server.port) as peer:
        peer.upgrade("/?id=one")
        server.terminate()
        close = peer.read_close()
        assert close is not None
        assert close[0] == 1012
        peer.send(close_frame(1012))
        assert peer.at_end()
        assert server.wait() == 0
        assert server.output.text().split("\n")[:-1] == ["startup", "connection one", "disconnect 1012 ", "shutdown"]
        server.assert_log_clean()


def test_g13_lifespan_that_raises_is_not_supported_in_auto_mode(configuration: Configuration) -> None:
    with ServerProcess(configuration, f"{APPS}lifespan_apps:unsupported") as server, RawClient(server.port) as peer:
        peer.upgrade("/")
        peer.send_text("hello")
        assert peer.read_frame().payload == b"hello"
        server.assert_log_clean()


@pytest.mark.parametrize("app", ["failing", "unsupported"])
def test_g13_failed_startup_ends_the_process(configuration: Configuration, app: str) -> None:
    server = ServerProcess(configuration, f"{APPS}lifespan_apps:{app}", ["--lifespan", "on"])
    with pytest.raises(EOFError):
        server.start()
    assert server.wait() not in (0, -signal.SIGKILL)
    if app == "failing":
        assert "the database is not there" in server.log.text()


@pytest.mark.parametrize("answers", [True, False])
def test_a15_sigterm_ends_with_0_within_the_grace(configuration: Configuration, answers: bool) -> None:
    """uvicorn waits without end for a client that does not leave."""
    server = ServerProcess(configuration, f"{APPS}main:app", GRACE)
    server.start()
    with RawClient(server.port) as peer:
        peer.upgrade("/echo")
        began = time.monotonic()
        server.terminate()
        close = peer.read_close()
        assert close is not None
        assert close[0] == 1012
        if answers:
            peer.send(close_frame(1012))
        assert server.wait() == 0
        assert time.monotonic() - began < 0.5 + 1
    server.assert_log_clean()


def test_a14_app_that_does_not_end_is_bounded_by_the_grace(configuration: Configuration) -> None:
    server = ServerProcess(configuration, f"{APPS}lifespan_apps:stubborn", GRACE)
    server.start()
    with RawClient(server.port) as peer:
        peer.upgrade("/")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 0.5 + 1.5


def test_a15_idle_http_connection_does_not_hold_the_shutdown_up(configuration: Configuration) -> None:
    with ServerProcess(configuration, f"{APPS}main:app") as server, RawClient(server.port):
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 2


def test_u13_a_handshake_that_is_open_at_sigterm_gets_503(configuration: Configuration) -> None:
    server = ServerProcess(configuration, f"{APPS}main:app", GRACE)
    server.start()
    waiting_id = new_report_id()
    with RawClient(server.port) as peer:
        path = target("/wait-before-accept", id=new_report_id(), waiting=waiting_id, first="receive")
        peer.send(upgrade_head(path))
        server.report(waiting_id)
        server.terminate()
        response = peer.read_response()
        assert response.status == 503
        assert response.values("Retry-After")
        assert server.wait() == 0
    server.assert_log_clean()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_an_idle_server_with_0(configuration: Configuration, signal_number: signal.Signals) -> None:
    server = ServerProcess(configuration, f"{APPS}main:app")
    server.start()
    server.terminate(signal_number)
    assert server.wait() == 0
    server.assert_log_clean()


def test_l39_cleanups_run_at_shutdown(configuration: Configuration) -> None:
    with ServerProcess(configuration, f"{APPS}handlers:app", GRACE) as server, RawClient(server.port) as peer:
        report_ids = [new_report_id(), new_report_id()]
        peer.upgrade(target("/cleanups", id=report_ids[0], end="wait"))
        with RawClient(server.port) as other:
            other.upgrade(target("/cleanups", id=report_ids[1], end="sleep"))
            server.terminate()
            assert server.wait() == 0
        for report_id in report_ids:
            assert server.report(report_id)["ran"] == [3, 2, 1]
