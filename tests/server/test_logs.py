"""Logging set-up, and text from peers."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserve.server import logs
from wsserve.server.access_log import AccessLog
from wsserve.server.config import Config
from wsserve.server.errors import StartupError
from wsserve.server.logs import TRACE, configure_logging, printable


@pytest.fixture(autouse=True)
def restored_loggers() -> Iterator[None]:
    """Put the loggers back as they were."""
    loggers = [logging.getLogger(name) for name in ("", "wsserve", "wsserve.error", "wsserve.access")]
    before = [(one, one.handlers[:], one.level, one.propagate) for one in loggers]
    yield
    for one, handlers, level, propagate in before:
        one.handlers[:] = handlers
        one.setLevel(level)
        one.propagate = propagate


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def stderr(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> io.StringIO:
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_lines_have_time_level_and_message(monkeypatch: pytest.MonkeyPatch) -> None:
    output = stderr(monkeypatch, io.StringIO())
    configure_logging(Config())
    logging.getLogger("wsserve.error").info("ready on %s", "port 1")
    logging.getLogger("wsserve.error").debug("unseen")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO     ready on port 1\n", output.getvalue())


def test_lines_are_those_of_the_standard_formatter(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr(monkeypatch, io.StringIO())
    configure_logging(Config())
    formatter = logging.getLogger("wsserve").handlers[0].formatter
    assert formatter is not None
    standard = logging.Formatter("%(asctime)s %(levelname)-8s %(message)s")
    for created in (0.0, 0.9995, 1_700_000_000.001, 1_700_000_000.999, 1_700_000_001.5):
        for message, arguments in ("plain", ()), ("%s: %d", ("a", 1)):
            record = logging.LogRecord("x", logging.WARNING, __file__, 1, message, arguments, None)
            record.created, record.msecs = created, created % 1 * 1000
            assert formatter.format(record) == standard.format(record)


def test_a_traceback_stands_below_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    output = stderr(monkeypatch, io.StringIO())
    configure_logging(Config())
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("wsserve.error").exception("failed")
    first, second, *_, last = output.getvalue().splitlines()
    assert first.endswith(" ERROR    failed")
    assert second == "Traceback (most recent call last):"
    assert last == "ValueError: why"


def test_a_line_that_cannot_be_written_hurts_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stderr(monkeypatch, closed := io.StringIO())
    configure_logging(Config())
    monkeypatch.undo()
    closed.close()
    logging.getLogger("wsserve.error").error("lost")
    assert "--- Logging error ---" in capsys.readouterr().err


def test_configuring_twice_logs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    output = stderr(monkeypatch, io.StringIO())
    configure_logging(Config())
    configure_logging(Config())
    logging.getLogger("wsserve.access").info("once")
    assert output.getvalue().count("once") == 1


@pytest.mark.parametrize(("level", "number"), [("critical", 50), ("trace", TRACE), ("debug", 10)])
def test_the_level_is_set(level: Any, number: int) -> None:
    configure_logging(Config(log_level=level))
    assert logging.getLogger("wsserve.error").getEffectiveLevel() == number


def test_trace_shows_the_same_as_debug() -> None:
    source = Path(logs.__file__).parent.parent
    modules = [file.read_text() for name in ("server", "asgi_bridge", "codec") for file in (source / name).glob("*.py")]
    assert not any("log(TRACE" in text for text in modules)


def test_a_log_config_leaves_the_access_log_switched_off() -> None:
    configure_logging(config := Config(log_config=LOG_CONFIG, access_log=False))
    assert not AccessLog(config.access_log).enabled


def test_trace_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    output = stderr(monkeypatch, io.StringIO())
    configure_logging(Config(log_level="trace"))
    logging.getLogger("wsserve.error").log(TRACE, "bytes")
    assert " TRACE    bytes" in output.getvalue()


@pytest.mark.parametrize(
    ("stream", "variables", "use_colors", "coloured"),
    [
        (Terminal, {}, None, True),
        (Terminal, {"NO_COLOR": "1"}, None, False),
        (Terminal, {"NO_COLOR": ""}, None, True),
        (Terminal, {"TERM": "dumb"}, None, False),
        (Terminal, {}, False, False),
        (io.StringIO, {}, None, False),
        (io.StringIO, {"NO_COLOR": "1"}, True, True),
    ],
)
def test_colours_are_for_terminals(
    monkeypatch: pytest.MonkeyPatch,
    stream: type[io.StringIO],
    variables: dict[str, str],
    use_colors: bool | None,
    coloured: bool,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    output = stderr(monkeypatch, stream())
    configure_logging(Config(use_colors=use_colors))
    logging.getLogger("wsserve.error").warning("careful")
    logging.getLogger("wsserve.error").log(33, "own level")
    assert ("\x1b[33mWARNING \x1b[0m careful" in output.getvalue()) is coloured
    assert "own level" in output.getvalue()


def test_colours_stay_out_of_other_handlers(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    stderr(monkeypatch, Terminal())
    configure_logging(Config(use_colors=True))
    logger = logging.getLogger("wsserve")
    logger.addHandler(caplog.handler)
    logger.warning("plain elsewhere")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


LOG_CONFIG = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"null": {"class": "logging.NullHandler"}},
    "loggers": {"wsserve.error": {"level": "ERROR", "handlers": ["null"]}},
}
INI = """
[loggers]
keys=root,error
[handlers]
keys=null
[formatters]
keys=
[logger_root]
handlers=
[logger_error]
qualname=wsserve.error
level=ERROR
handlers=null
[handler_null]
class=NullHandler
args=()
"""


@pytest.mark.parametrize(
    ("name", "content"), [(None, LOG_CONFIG), ("log.json", json.dumps(LOG_CONFIG)), ("log.ini", INI)]
)
def test_a_log_config_is_applied(tmp_path: Path, name: str | None, content: Any) -> None:
    if name is not None:
        (tmp_path / name).write_text(content)
        content = str(tmp_path / name)
    configure_logging(Config(log_config=content))
    logger = logging.getLogger("wsserve.error")
    assert logger.level == logging.ERROR
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("log.yaml", "", "is YAML, which is not read here"),
        ("log.yml", "", "is YAML, which is not read here"),
        ("log.json", None, "cannot be read: No such file or directory"),
        ("log.ini", None, "cannot be read: No such file or directory"),
        ("log.json", "{", "cannot be used: "),
        ("log.ini", "[loggers", "cannot be used: File contains no section headers. file: '"),
        ("log.ini", "[loggers]\nnonsense", "cannot be used: Source contains parsing errors: '"),
        ("log.ini", "", "cannot be used: it has no 'formatters'"),
        ("log.json", '{"version": 2}', "cannot be used: Unsupported version: 2"),
        (
            "log.json",
            '{"version": 1, "handlers": {"h": {"class": "no.such.Handler"}}}',
            "cannot be used: Unable to configure handler 'h' (No module named 'no')",
        ),
    ],
)
def test_a_log_config_that_cannot_be_used_is_said(tmp_path: Path, name: str, content: str | None, part: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(StartupError) as caught:
        configure_logging(Config(log_config=str(path)))
    assert part in str(caught.value)
    assert str(path) in str(caught.value)
    assert "TextIOWrapper" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mapping_that_cannot_be_used_is_said() -> None:
    with pytest.raises(StartupError) as caught:
        configure_logging(Config(log_config={"version": 2}))
    assert str(caught.value) == "log_config cannot be used: Unsupported version: 2"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("/plain?x=1", 1024, "/plain?x=1"),
        ("été 日本", 1024, "été 日本"),
        ("a\r\nb", 1024, "a\\r\\nb"),
        ("\x1b[2J", 1024, "\\x1b[2J"),
        ("\x85\u2028", 1024, "\\x85\\u2028"),
        ("\u202eright to left", 1024, "\\u202eright to left"),
        ("\udc80", 1024, "\\udc80"),
        ("\\n", 1024, "\\\\n"),
        ('" 200', 1024, '\\" 200'),
        ("", 0, ""),
        ("12345", 5, "12345"),
        ("123456", 5, "12…"),
        ("éé", 4, "éé"),
        ("ééé", 5, "é…"),
        ("\n\n\n", 4, "…"),
        ("1\n\n", 5, "1\\n\\n"),
    ],
)
def test_a18_text_is_printed_as_one_line(text: str, limit: int, expected: str) -> None:
    assert printable(text, limit) == expected


@given(st.text(max_size=40), st.integers(3, 60))
def test_a18_any_text_is_one_printable_line_within_the_limit(text: str, limit: int) -> None:
    line = printable(text, limit)
    assert line.isprintable()
    assert len(line.encode()) <= limit


@given(st.text(max_size=40))
def test_a18_different_texts_look_different(text: str) -> None:
    line = printable(text)
    assert line.encode("latin-1", "backslashreplace").decode("unicode_escape") == text


def test_a18_a_huge_text_is_cut_at_1_kib() -> None:
    assert len(printable("\x00" * 10_000_000).encode()) <= 1024
    assert printable("x" * 1025) == "x" * 1021 + "…"
