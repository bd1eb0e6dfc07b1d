"""The access log's lines."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from wsserve.server.access_log import AccessLog


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Collect what is logged, at INFO and above."""
    collected: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            collected.append(record.getMessage())

    logger = logging.getLogger("wsserve.access")
    handler, level = Collect(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield collected
    logger.removeHandler(handler)
    logger.setLevel(level)


CLOSED: dict[str, Any] = {
    "client": ("127.0.0.1", 5000),
    "target": "/chat",
    "subprotocol": None,
    "code": 1000,
    "reason": "",
    "by": "client",
    "duration": 1.5,
    "received_messages": 1,
    "received_bytes": 20,
    "sent_messages": 3,
    "sent_bytes": 40,
}


def write_each(log: AccessLog) -> None:
    log.request(client=("127.0.0.1", 5000), method="GET", target="/x?y=1", http_version="1.1", status=200)
    log.websocket_opened(client=("::1", 5000), target="/chat", subprotocol="v2.chat")
    log.websocket_opened(client=None, target="/chat", subprotocol=None)
    log.websocket_refused(client=("2001:db8::1", 0), target="/chat", status=403)
    log.head_refused(client=("127.0.0.1", 5000), status=400, reason="the Host header is missing")
    log.websocket_closed(**CLOSED)
    log.websocket_closed(**CLOSED | {"code": 1011, "reason": "bye", "by": "server", "subprotocol": "v2.chat"})
    log.websocket_closed(**CLOSED | {"code": 1006, "by": "nobody"})


def test_each_event_is_one_readable_line(lines: list[str]) -> None:
    write_each(AccessLog())
    counts = "received 1 messages (20 bytes), sent 3 messages (40 bytes)"
    assert lines == [
        '127.0.0.1:5000 - "GET /x?y=1 HTTP/1.1" 200',
        '[::1]:5000 - "WebSocket /chat" 101 opened, subprotocol v2.chat',
        '- - "WebSocket /chat" 101 opened',
        '2001:db8::1 - "WebSocket /chat" 403 refused',
        "127.0.0.1:5000 - 400 refused: the Host header is missing",
        f'127.0.0.1:5000 - "WebSocket /chat" 1000 closed by client after 1.500 s, {counts}',
        f'127.0.0.1:5000 - "WebSocket /chat" 1011 closed by server "bye" after 1.500 s, {counts}, subprotocol v2.chat',
        f'127.0.0.1:5000 - "WebSocket /chat" 1006 lost after 1.500 s, {counts}',
    ]


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
def test_it_is_silent_when_switched_off_or_below_the_level(lines: list[str], level: int) -> None:
    logging.getLogger("wsserve.access").setLevel(level)
    log = AccessLog(enabled=level != logging.INFO)
    assert not log.enabled
    write_each(log)
    assert lines == []


def test_a18_nothing_from_the_peer_breaks_a_line_or_makes_it_long(lines: list[str]) -> None:
    evil = '\r\n2030-01-01 INFO \x1b[2J" 200 \x85\u2028' * 10_000
    log = AccessLog()
    log.request(client=(evil, 1), method=evil, target=evil, http_version="1.1", status=200)
    log.websocket_opened(client=(evil, 1), target=evil, subprotocol=evil)
    log.websocket_refused(client=(evil, 1), target=evil, status=400)
    log.websocket_closed(**CLOSED | {"client": (evil, 1), "target": evil, "subprotocol": evil, "reason": evil})
    assert len(lines) == 4
    for line in lines:
        assert line.isprintable()
        assert len(line.encode()) <= 1024 - len("2030-01-01 00:00:00,000 CRITICAL \n")


@pytest.fixture
def records(lines: list[str]) -> Iterator[list[logging.LogRecord]]:
    """Collect the records of the access log."""
    collected: list[logging.LogRecord] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            collected.append(record)

    assert not lines  # whose fixture has set the level
    logger = logging.getLogger("wsserve.access")
    logger.addHandler(handler := Collect())
    yield collected
    logger.removeHandler(handler)


def test_its_records_have_what_others_have(records: list[logging.LogRecord]) -> None:
    log = AccessLog()
    log.head_refused(client=None, status=400, reason="no")
    logging.getLogger("wsserve.access").info("another")
    ours, other = (vars(record) for record in records)
    assert type(records[0]) is type(records[1])
    assert ours.keys() - {"taskName"} == other.keys() - {"taskName"}
    for name in ("name", "levelname", "levelno", "thread", "threadName", "process", "processName", "exc_info"):
        assert ours[name] == other[name]
    for name in ("created", "relativeCreated"):
        assert 0 <= other[name] - ours[name] < 60_000
    assert ours["msecs"] == int(ours["created"] % 1 * 1000)
    assert (ours["module"], ours["args"]) == ("access_log", ("-", 400, "no"))


def test_it_can_be_disabled_later(records: list[logging.LogRecord]) -> None:
    log = AccessLog()
    logging.getLogger("wsserve.access").setLevel(logging.WARNING)
    log.head_refused(client=None, status=400, reason="no")
    assert not records


def test_each_record_is_its_own(records: list[logging.LogRecord]) -> None:
    log = AccessLog()
    log.head_refused(client=None, status=400, reason="one")
    log.head_refused(client=None, status=401, reason="two")
    records[0].own = "x"
    assert [record.getMessage() for record in records] == ["- - 400 refused: one", "- - 401 refused: two"]
    assert "own" not in vars(records[1])


def test_a_record_factory_is_heeded(records: list[logging.LogRecord]) -> None:
    class Own(logging.LogRecord):
        pass

    before = logging.getLogRecordFactory()
    log = AccessLog()
    logging.setLogRecordFactory(Own)
    try:
        log.head_refused(client=None, status=400, reason="no")
    finally:
        logging.setLogRecordFactory(before)
    assert type(records[0]) is Own
    assert records[0].getMessage() == "- - 400 refused: no"
