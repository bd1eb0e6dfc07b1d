"""The command: options, environment, and mistakes."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from wsserve.server import cli
from wsserve.server.config import Config
from wsserve.server.errors import ApplicationError, ConfigError, LifespanError, StartupError
from wsserve.server.loading import load_app


class Served:
    """What the command handed to the server; `outcome` is what the server answers, or raises."""

    def __init__(self) -> None:
        self.outcome: int | BaseException = 0
        self.calls: list[tuple[str, Config, dict[str, Any]]] = []

    def run(self, app: str, config: Config, **options: Any) -> int:
        self.calls.append((app, config, options))
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    @property
    def config(self) -> Config:
        ((_, config, _),) = self.calls
        return config


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Stand in for the server, and keep the environment as it was."""
    for name in os.environ:
        if name.startswith("WSSERVE_"):
            monkeypatch.delenv(name)
    before = dict(os.environ)
    served = Served()
    module = ModuleType("wsserve.server.serve")
    vars(module)["run"] = served.run
    monkeypatch.setitem(sys.modules, "wsserve.server.serve", module)
    yield served
    for name in set(os.environ) - set(before):
        del os.environ[name]


def test_without_options_the_defaults_are_served(served: Served) -> None:
    assert cli.run_command(["main:app"]) == 0
    assert served.calls == [("main:app", Config(), {"factory": False, "app_dir": ""})]


def test_options_reach_the_server(served: Served) -> None:
    line = (
        "shop:make --factory --app-dir src --host :: --port 0 --backend trio --ws-max-size 5 --ws-ping-interval 0"
        " --no-access-log --ws-per-message-deflate false --ws-deflate-no-context-takeover --log-level debug"
        " --limit-concurrency 7 --forwarded-allow-ips '*' --header 'X-One: 1' --header X-Two:2"
    )
    assert cli.run_command(shlex.split(line)) == 0
    app, config, options = served.calls[0]
    assert (app, options) == ("shop:make", {"factory": True, "app_dir": "src"})
    assert config == Config(
        host="::",
        port=0,
        backend="trio",
        ws_max_size=5,
        ws_ping_interval=None,
        access_log=False,
        ws_per_message_deflate=False,
        ws_deflate_no_context_takeover=True,
        log_level="debug",
        limit_concurrency=7,
        forwarded_allow_ips="*",
        headers=((b"x-one", b"1"), (b"x-two", b"2")),
    )


def test_n19_every_option_can_be_an_environment_variable(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "APP": "main:app",
        "FACTORY": "true",
        "APP_DIR": "src",
        "PORT": "81",
        "ACCESS_LOG": "false",
        "WS_MAX_SIZE": "5",
        "WS_PER_MESSAGE_DEFLATE": "no",
        "HEADER": "X-One: 1 and more\nX-Two: 2",
        "SSL_CERTFILE": "c",
        "SSL_KEYFILE_PASSWORD": "secret",
    }.items():
        monkeypatch.setenv(f"WSSERVE_{name}", value)
    assert cli.run_command(["--port", "82"]) == 0
    app, config, options = served.calls[0]
    assert (app, options) == ("main:app", {"factory": True, "app_dir": "src"})
    assert config == Config(
        port=82,
        access_log=False,
        ws_max_size=5,
        ws_per_message_deflate=False,
        headers=((b"x-one", b"1 and more"), (b"x-two", b"2")),
        ssl_certfile="c",
        ssl_keyfile_password="secret",
    )


def test_an_environment_file_comes_first_but_does_not_override(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "env"
    file.write_text("# comment\nexport SHOP_KEY='a b'\nSHOP_SET=from file\nWSSERVE_PORT=83\n", encoding="utf-8")
    monkeypatch.setenv("SHOP_SET", "before")
    assert cli.run_command(["main:app", "--env-file", str(file)]) == 0
    assert os.environ["SHOP_KEY"] == "a b"
    assert os.environ["SHOP_SET"] == "before"
    assert served.config.port == 83


def test_an_environment_file_that_is_no_text_is_said(
    served: Served, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"A=\xff\n")
    assert cli.run_command(["main:app", "--env-file", str(file)]) == 2
    assert error_line(capsys).startswith(f"Error: Invalid value for '--env-file': '{file}' is no text file in UTF-8")


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that was printed to standard error."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith("\n")
    assert printed.err.count("\n") == 1
    return printed.err[:-1]


HINT = ". `wsserve --help` lists the options."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'APP'" + HINT),
        (["main:app", "more"], "Got unexpected extra argument (more)" + HINT),
        (
            ["main:app", "--lifespan", "x"],
            "Invalid value for '--lifespan': 'x' is not one of 'auto', 'on', 'off'" + HINT,
        ),
        (["main:app", "--port", "x"], "Invalid value for '--port': 'x' is not a valid integer" + HINT),
        (["main:app", "--port"], "Option '--port' requires an argument" + HINT),
        (
            ["main:app", "--header", "x"],
            "Invalid value for '--header': 'x' has no colon: write it as \"Name: value\"" + HINT,
        ),
        (
            ["main:app", "--env-file", "/no/such"],
            "Invalid value for '--env-file': File '/no/such' does not exist" + HINT,
        ),
        (["main:app", "--port", "70000"], "--port must be from 0 to 65535, not 70000"),
        (["main:app", "--backlog", "0"], "--backlog must be at least 1, not 0"),
        (
            ["main:app", "--uds", "s", "--fd", "3"],
            "--uds and --fd are both set: choose one socket to listen on",
        ),
        (["main:app", "--ws-max-size", "0"], "--ws-max-size must be from 1 to 1099511627776, not 0"),
        (
            ["main:app", "--ssl-keyfile", "k"],
            "--ssl-keyfile is set without --ssl-certfile: name the certificate file too",
        ),
        (
            ["main:app", "--limit-request-target", "20000"],
            "--limit-request-target (20000) is above --limit-request-head (16384), which holds it: raise the latter",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    served: Served, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.run_command(arguments) == 2
    assert error_line(capsys) == f"Error: {message}"
    assert served.calls == []


@pytest.mark.parametrize("option", ["--ws", "--http", "--interface", "--reload", "--workers"])
def test_options_that_only_uvicorn_has_are_unknown(
    served: Served, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert cli.run_command(["main:app", option, "auto"]) == 2
    line = error_line(capsys)
    assert line.startswith("Error: No such option")
    assert option in line


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (StartupError("a sentence"), 1, "a sentence"),
        (StartupError("two\nlines"), 1, "two lines"),
        (StartupError("ssl_keyfile 'a/ssl_keyfile' is it"), 1, "--ssl-keyfile 'a/ssl_keyfile' is it"),
        (ConfigError("ws_max_size, it is (ws_max_queue)"), 2, "--ws-max-size, it is (--ws-max-queue)"),
        (LifespanError("The application failed to start: no database"), 3, None),
        (StartupError("host 'x' is unknown"), 1, "--host 'x' is unknown"),
        (StartupError("app_dir 'x' is not a directory"), 1, "--app-dir 'x' is not a directory"),
        (StartupError("hostess: choose another port, or host"), 1, None),
        (ApplicationError("alone"), 1, "alone"),
    ],
)
def test_a_start_that_fails_is_one_line(
    served: Served, capsys: pytest.CaptureFixture[str], error: StartupError, code: int, message: str | None
) -> None:
    served.outcome = error
    assert cli.run_command(["main:app"]) == code
    assert error_line(capsys) == f"Error: {message or error}"


def test_an_error_of_the_application_shows_its_traceback(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.outcome = ApplicationError("importing shop failed: ValueError: 5")
    served.outcome.__cause__ = ValueError(5)
    assert cli.run_command(["main:app"]) == 1
    assert capsys.readouterr().err == "ValueError: 5\nError: importing shop failed: ValueError: 5\n"


def test_the_traceback_begins_with_the_applications_code(
    served: Served, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_shop.py").write_text("raise ValueError(5)\n")
    monkeypatch.setattr(sys, "path", sys.path[:])
    try:
        load_app("broken_shop:app", app_dir=str(tmp_path))
    except ApplicationError as error:
        served.outcome = error
    assert cli.run_command(["main:app"]) == 1
    assert f'(most recent call last):\n  File "{tmp_path / "broken_shop.py"}", line 1' in capsys.readouterr().err


def test_the_servers_exit_code_is_the_commands(served: Served) -> None:
    served.outcome = 7
    assert cli.run_command(["main:app"]) == 7


def test_an_interrupted_start_has_no_traceback(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.outcome = KeyboardInterrupt()
    assert cli.run_command(["main:app"]) == 130
    assert capsys.readouterr().err.strip() == ""


def test_main_exits_with_the_code(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["wsserve", "main:app"])
    served.outcome = 5
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 5


def test_the_version_is_one_line(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run_command(["--version"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("wsserve 0.")
    assert printed.count("\n") == 1
    assert served.calls == []


def test_help_fits_and_shows_no_secret(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSSERVE_SSL_KEYFILE_PASSWORD", "hidden")
    assert cli.run_command(["--help"]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    assert "hidden" not in printed
    for part in ("Application:\n", "Listening:\n", "TLS:\n", "WebSocket:\n", "WSSERVE_WS_MAX_SIZE", "--env-file"):
        assert part in printed


# As a process

APP = """
async def app(scope, receive, send):
    raise RuntimeError("no lifespan here")

async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})

number = 5
"""


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a function that runs the command beside some modules."""
    (tmp_path / "shop.py").write_text(APP)
    (tmp_path / "broken.py").write_text("def load():\n    import no_such_library\n\nload()\n")
    (tmp_path / "key.pem").write_text("no key")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WSSERVE_")}
        return subprocess.run(
            [sys.executable, "-m", "wsserve", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["shpo:app"], 1, "there is no module 'shpo': did you mean 'shop'?"),
        (["shop.py:app"], 1, "there is no module 'shop.py': did you mean 'shop:app'?"),
        (["shop:app", "--app-dir", "no"], 1, "--app-dir 'no' is not a directory: name the one that holds shop"),
        (["shop:ap"], 1, "module 'shop' has no attribute 'ap': did you mean 'app'?"),
        (["shop:number"], 1, "shop:number is an int, not an ASGI application: name something that can be called"),
        (
            ["shop:app", "--ssl-certfile", "absent.pem"],
            1,
            "--ssl-certfile 'absent.pem' cannot be read: No such file or directory",
        ),
        (
            ["shop:app", "--ssl-certfile", "shop.py", "--ssl-keyfile", "key.pem"],
            1,
            "--ssl-certfile 'shop.py' holds no certificate in PEM format: check the file",
        ),
        (["shop:failing", "--port", "0"], 3, "The application failed to start: no database"),
        (["shop:app", "--log-config", "absent"], 1, "--log-config 'absent' cannot be read: No such file or directory"),
        (
            ["shop:app", "--log-config", "key.pem"],
            1,
            "--log-config 'key.pem' cannot be used:"
            " File contains no section headers. file: 'key.pem', line: 1 'no key'",
        ),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    command: Callable[..., subprocess.CompletedProcess[str]], arguments: list[str], code: int, message: str
) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"Error: {message}\n")


def test_an_unknown_option_is_one_line_with_a_suggestion(
    command: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = command("shop:app", "--prto", "1")
    assert done.returncode == 2
    assert re.fullmatch(
        r"Error: No such option:? '?--prto'?\.? Did you mean '?--port'?\? `wsserve --help` lists the options\.\n",
        done.stderr,
    )


def test_a_port_in_use_is_one_line(command: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("shop:app", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: 127.0.0.1:{port} is already in use: stop the program that has it, or choose another port\n"
    )


def test_an_error_of_the_module_itself_shows_its_own_traceback(
    command: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = command("broken:app")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{tmp_path / "broken.py"}", line 4, in <module>'
    assert "wsserve" not in "".join(lines[:-1])
    assert lines[-1] == "Error: importing broken failed: ModuleNotFoundError: No module named 'no_such_library'"


def test_sigint_while_the_application_is_imported_has_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(20)\n")
    with subprocess.Popen(
        [sys.executable, "-m", "wsserve", "slow:app"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        for _ in range(5):  # Python can lose one, when it comes while a finalizer runs
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=4)
                break
        _, errors = process.communicate(timeout=5)
    assert process.returncode == 130
    assert errors.strip() == ""
