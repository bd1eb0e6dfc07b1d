"""Logs for people: set-up, and text from peers made safe to print."""

import configparser
import json
import logging
import logging.config
import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Final, TextIO

from wsserve.server.config import Config
from wsserve.server.errors import StartupError

TRACE: Final = 5
"""A level below DEBUG that uvicorn has, and its users may ask for; nothing here is logged at it."""

_FORMAT: Final = "%(asctime)s %(levelname)-8s %(message)s"
_COLOURS: Final = {
    TRACE: "34",
    logging.DEBUG: "36",
    logging.INFO: "32",
    logging.WARNING: "33",
    logging.ERROR: "31",
    logging.CRITICAL: "1;31",
}


def configure_logging(config: Config) -> None:
    """Send the loggers `wsserve.error` and `wsserve.access` to standard error, or do as `config.log_config` says.

    That is a mapping for `logging.config.dictConfig`, or a file: JSON of the same, or ini for `fileConfig`; levels and
    colours are then its business, while `config.access_log` still says whether there is an access log. Raises
    `StartupError` when it cannot be read or used.
    """
    logging.addLevelName(TRACE, "TRACE")
    if config.log_config is not None:
        _apply(config.log_config)
        return
    handler = _LineHandler(sys.stderr)
    handler.setFormatter(_ColourFormatter() if _use_colours(config, sys.stderr) else _LineFormatter())
    logger = logging.getLogger("wsserve")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.getLevelName(config.log_level.upper()))


def _apply(log_config: str | Mapping[str, Any]) -> None:
    if not isinstance(log_config, str):
        name = "log_config"
    elif log_config.endswith((".yaml", ".yml")):
        raise StartupError(f"log_config {log_config!r} is YAML, which is not read here: write it as JSON or ini")
    else:
        name = f"log_config {log_config!r}"
    try:
        if not isinstance(log_config, str):
            logging.config.dictConfig(dict(log_config))
        elif log_config.endswith(".json"):
            with open(log_config, encoding="utf-8") as file:
                logging.config.dictConfig(json.load(file))
        else:
            with open(log_config, encoding="utf-8") as file:
                parser = configparser.ConfigParser()
                parser.read_file(file)
            logging.config.fileConfig(parser, disable_existing_loggers=False)
    except OSError as error:
        raise StartupError(f"{name} cannot be read: {error.strerror}") from None
    except Exception as error:
        # Whatever a class or handler that is named there raises: the deepest cause says most.
        deepest: BaseException = error
        while deepest.__cause__ is not None:
            deepest = deepest.__cause__
        what = f"it has no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise StartupError(f"{name} cannot be used: {what}{f' ({deepest})' if deepest is not error else ''}") from None


def _use_colours(config: Config, stream: TextIO) -> bool:
    if config.use_colors is not None:
        return config.use_colors
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class _LineHandler(logging.StreamHandler[TextIO]):
    """A `StreamHandler` that does without what a line costs there for streams and terminators of other kinds."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.stream.write(self.format(record) + "\n")
            self.stream.flush()
        except Exception:
            self.handleError(record)


class _LineFormatter(logging.Formatter):
    """Writes what `_FORMAT` says, but works the date and time out once a second only."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)
        self._second = -1
        self._date_and_time = ""

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info or record.exc_text or record.stack_info:
            return super().format(record)
        second = int(record.created)
        if second != self._second:
            self._second = second
            self._date_and_time = time.strftime(self.default_time_format, time.localtime(second))
        return f"{self._date_and_time},{int(record.msecs):03d} {record.levelname:8} {record.getMessage()}"


class _ColourFormatter(_LineFormatter):
    """Adds the level's colour to its name."""

    def format(self, record: logging.LogRecord) -> str:
        plain = record.levelname
        record.levelname = f"\x1b[{_COLOURS.get(record.levelno, '0')}m{plain:8}\x1b[0m"
        try:
            return super().format(record)
        finally:
            record.levelname = plain


def printable(text: str, limit: int = 1024) -> str:
    r"""Return `text` as one line of at most `limit` bytes of UTF-8 that cannot pass for anything else in a log.

    What is not printable becomes an escape such as `\n` or `\x1b`; backslashes and double quotes are escaped, so
    that an escape is never mistaken for text, nor text for the end of a quotation. What is cut off becomes "…".
    """
    if len(text) <= limit and text.isascii() and text.isprintable() and "\\" not in text and '"' not in text:
        return text
    pieces: list[str] = []
    size = 0
    kept = 0  # pieces that leave room for the ellipsis
    for character in text[: limit + 1]:
        piece = _escape(character)
        size += len(piece.encode())
        if size > limit:
            return "".join(pieces[:kept]) + "…"
        pieces.append(piece)
        if size <= limit - len("…".encode()):
            kept = len(pieces)
    return "".join(pieces)


def _escape(character: str) -> str:
    if character == '"':
        return '\\"'
    if character.isprintable() and character != "\\":
        return character
    return character.encode("unicode_escape").decode("ascii")
