"""The server under test: waiting for it, stopping it, judging its end."""

import sys
from pathlib import Path

import pytest

from wsserve.autobahn import server_process
from wsserve.autobahn.configuration import Configuration
from wsserve.autobahn.server_process import ServerError, ServerProcess, free_port, start_server

LISTEN = """
import signal, socket, sys, time
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    listener.settimeout(0.02)
    while not stopped:
        try:
            listener.accept()[0].close()
        except TimeoutError:
            pass
"""


def start(directory: Path, code: str) -> ServerProcess:
    port = free_port()
    return ServerProcess([sys.executable, "-c", code, str(port)], port, directory)


def test_a_server_that_ends_well_has_no_problems(tmp_path: Path) -> None:
    end = start(tmp_path, LISTEN).stop()
    assert end.problems == []
    assert end.cpu_seconds > 0


def test_a_logged_traceback_is_a_problem(tmp_path: Path) -> None:
    code = "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()\n" + LISTEN
    end = start(tmp_path, code).stop()
    assert end.problems == [f"the server logged a traceback: see {tmp_path / 'server.log'}"]


def test_a_status_other_than_0_is_a_problem(tmp_path: Path) -> None:
    end = start(tmp_path, LISTEN + "sys.exit(7)").stop()
    assert end.problems == ["the server ended with status 7 after SIGTERM, not with 0"]


def test_a_server_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start(tmp_path, LISTEN + "time.sleep(60)")
    monkeypatch.setattr(server_process, "STOP_TIMEOUT", 0.3)
    end = process.stop()
    assert end.problems == ["the server was still running 0 seconds after SIGTERM and was killed"]


def test_a_server_that_ended_in_the_middle_is_a_problem(tmp_path: Path) -> None:
    code = LISTEN.replace("listener.accept()[0].close()", "listener.accept()[0].close(); sys.exit(4)")
    process = start(tmp_path, code)
    assert process.ends_within(20)
    assert process.stop().problems == ["the server ended by itself, with status 4"]


def test_a_server_that_does_not_start_is_an_error_with_what_it_printed(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"(?s)ended with status 2 when started.*no such application"):
        start(tmp_path, "import sys; print('no such application'); sys.exit(2)")


def test_a_server_that_does_not_listen_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_process, "START_TIMEOUT", 0.2)
    with pytest.raises(ServerError, match=r"was not listening on port \d+ after 0 seconds"):
        start(tmp_path, "import time; time.sleep(60)")


@pytest.mark.parametrize("tls", [False, True])
def test_wsserve_is_started_with_the_echo_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(ServerProcess, "__init__", lambda _self, command, *_: commands.append(command))
    _, url = start_server(Configuration(tls=tls), tmp_path)
    (command,) = commands
    port = command[command.index("--port") + 1]
    assert command[1:6] == ["-m", "wsserve", "wsserve.autobahn.testee:app", "--host", "127.0.0.1"]
    assert url == f"{'wss' if tls else 'ws'}://127.0.0.1:{port}"
    if tls:
        key, certificate = command[command.index("--ssl-keyfile") + 1], command[command.index("--ssl-certfile") + 1]
        assert "PRIVATE KEY" in Path(key).read_text()
        assert "BEGIN CERTIFICATE" in Path(certificate).read_text()
    else:
        assert "--ssl-keyfile" not in command
