"""Fixtures for tests with a server in the test's own event loop."""

import gc
import logging
from collections.abc import Iterator

import pytest

from tests.server.live import LOGGERS, Logs, use_directory


@pytest.fixture(scope="module")
def own_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have a place for sockets and certificates; at the end nothing must be left to the garbage collector."""
    use_directory(tmp_path_factory.mktemp("live"))
    yield
    gc.collect()


@pytest.fixture
def logs(own_directory: None) -> Iterator[Logs]:
    """Collect what is logged; warnings and errors fail the test, except those that it expects."""
    collected = Logs()

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            collected.records.append(record)

    handler = Collect()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if logger.name == "wsserve.error" else logging.INFO)
    yield collected
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
    collected.check()
