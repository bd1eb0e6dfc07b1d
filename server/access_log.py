"""The access log: one line for each HTTP request, and for each WebSocket as it opens, is refused, or closes."""

import logging
import time
from collections.abc import Sequence
from typing import Any, Final

from wsserve.asgi_bridge.session_state import ClosedBy
from wsserve.server.logs import printable

# Together with the fixed text a line stays within 1 KiB.
_TARGET_LIMIT: Final = 512
_REASON_LIMIT: Final = 123
_NAME_LIMIT: Final = 64

_logger = logging.getLogger("wsserve.access")


class AccessLog:
    """Writes the access log; make it after logging is configured.

    `enabled` is fixed at that time: look at it before working out what to log, or call and nothing happens. Text from
    the peer is escaped and cut, so that a line is one line of at most 1 KiB. `client` is the ASGI scope's.
    """

    __slots__ = ("_pattern", "enabled")

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled and _logger.isEnabledFor(logging.INFO)
        # What the records have in common: file, thread, process. No task: the application's is none of the log's.
        self._pattern = {**vars(_new_record("", ())), "taskName": None}

    def request(
        self, *, client: Sequence[Any] | None, method: str, target: str, http_version: str, status: int
    ) -> None:
        """Log an HTTP request that was answered."""
        if self.enabled:
            request = f"{printable(method, _NAME_LIMIT)} {printable(target, _TARGET_LIMIT)} HTTP/{http_version}"
            self._write('%s - "%s" %d', _peer(client), request, status)

    def head_refused(self, *, client: Sequence[Any] | None, status: int, reason: str) -> None:
        """Log a request that was refused before its head was understood."""
        if self.enabled:
            self._write("%s - %d refused: %s", _peer(client), status, reason)

    def websocket_opened(self, *, client: Sequence[Any] | None, target: str, subprotocol: str | None) -> None:
        """Log a WebSocket that was accepted."""
        if self.enabled:
            self._write('%s - "WebSocket %s" 101 opened%s', _peer(client), _target(target), _with(subprotocol))

    def websocket_refused(self, *, client: Sequence[Any] | None, target: str, status: int) -> None:
        """Log a WebSocket handshake that was answered with an HTTP status other than 101."""
        if self.enabled:
            self._write('%s - "WebSocket %s" %d refused', _peer(client), _target(target), status)

    def websocket_closed(
        self,
        *,
        client: Sequence[Any] | None,
        target: str,
        subprotocol: str | None,
        code: int,
        reason: str,
        by: ClosedBy,
        duration: float,
        received_messages: int,
        received_bytes: int,
        sent_messages: int,
        sent_bytes: int,
    ) -> None:
        """Log the end of a WebSocket that was accepted.

        `code` is the close code that the application saw, `by` whoever began to close ("nobody": the connection was
        lost), `duration` the seconds since the handshake; bytes are those of frames on the wire.
        """
        if self.enabled:
            self._write(
                '%s - "WebSocket %s" %d %s%s after %.3f s, received %d messages (%d bytes),'
                " sent %d messages (%d bytes)%s",
                _peer(client),
                _target(target),
                code,
                "lost" if by == "nobody" else f"closed by {by}",
                f' "{printable(reason, _REASON_LIMIT)}"' if reason else "",
                duration,
                received_messages,
                received_bytes,
                sent_messages,
                sent_bytes,
                _with(subprotocol),
            )

    def _write(self, line: str, *values: object) -> None:
        # As `Logger.info`, without what takes long there: to find out anew for each record what all have in common.
        if not _logger.isEnabledFor(logging.INFO):
            return
        if logging.getLogRecordFactory() is logging.LogRecord:
            now, pattern = time.time(), self._pattern
            record = logging.LogRecord.__new__(logging.LogRecord)
            record.__dict__.update(
                pattern,
                msg=line,
                args=values,
                created=now,
                msecs=now % 1 * 1000 // 1,
                relativeCreated=pattern["relativeCreated"] + (now - pattern["created"]) * 1000,
            )
        else:
            record = _new_record(line, values)
        _logger.handle(record)


def _new_record(line: str, values: tuple[object, ...]) -> logging.LogRecord:
    return _logger.makeRecord(_logger.name, logging.INFO, __file__, 0, line, values, None, "_write")


def _peer(client: Sequence[Any] | None) -> str:
    if client is None:
        return "-"  # on a unix socket, or gone
    host, port = printable(str(client[0]), _NAME_LIMIT), client[1]
    if not port:
        return host  # a proxy's word, which seldom has the port
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _target(target: str) -> str:
    return printable(target, _TARGET_LIMIT)


def _with(subprotocol: str | None) -> str:
    return f", subprotocol {printable(subprotocol, _NAME_LIMIT)}" if subprotocol is not None else ""
