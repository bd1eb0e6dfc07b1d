"""The application's lifespan: started before the first connection, ended after the last (ASGI, "Lifespan Protocol")."""

import logging
from collections.abc import MutableMapping
from enum import Enum, auto
from typing import Any, Final, Literal

import anyio
from anyio.abc import TaskGroup

from wsserve.asgi_bridge.types import ASGIApp
from wsserve.server.errors import LifespanError, describe_error

logger = logging.getLogger("wsserve.error")

_SECONDS_TO_RETURN: Final = 1.0
"""How long the application may go on after it reported the outcome of its shutdown, or that its startup failed."""


class _Phase(Enum):
    STARTING = auto()
    STARTED = auto()
    STOPPING = auto()
    OVER = auto()
    """The application reported the end, or that it failed; nothing that happens after it is news."""


class Lifespan:
    """One lifespan call of an application, in one task of its own from startup to shutdown.

    `startup` and `shutdown` open and close a task group. So one task calls both, the first before and the second
    after whatever runs in between, however that ends, and neither inside of a cancel scope that the other is not in.
    The application's task is shielded: when the server is cancelled, the application still gets its shutdown event,
    and the time that `shutdown` allows.

    `state` is what the application put into the lifespan scope's state; each connection's scope gets a shallow copy.
    """

    def __init__(self, app: ASGIApp, mode: Literal["auto", "on", "off"] = "auto") -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._mode = mode
        self._phase = _Phase.STARTING
        self._failure: str | None = None
        self._error: Exception | None = None
        self._startup_taken = False
        self._tasks: TaskGroup | None = None

    async def startup(self) -> None:
        """Start the application and wait until it is ready, or turns out not to support lifespan events.

        Raises `LifespanError` when it reports that it failed, and in mode "on" when it does not support them.
        """
        if self._mode == "off":
            return
        self._scope = anyio.CancelScope(shield=True)
        self._settled = anyio.Event()  # startup has an outcome
        self._stop = anyio.Event()  # the application may have its shutdown event
        self._stopped = anyio.Event()  # shutdown has an outcome
        self._returned = anyio.Event()
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._call)
        try:
            await self._settled.wait()
            self._check_started()
        except LifespanError:
            await self._leave()
            raise
        except BaseException:
            self._scope.cancel()
            await self._leave()
            raise

    async def shutdown(self, timeout: float) -> None:
        """Tell the application to shut down and wait for it, at most `timeout` seconds; then it is cancelled.

        Failures are logged: at this point nobody can mend them. Without a startup this does nothing.
        """
        if self._tasks is None:
            return
        if not self._returned.is_set():
            self._phase = _Phase.STOPPING
            self._stop.set()
            with anyio.move_on_after(timeout, shield=True) as deadline:
                await self._stopped.wait()
            if deadline.cancelled_caught:
                logger.error("The application's lifespan did not end within %g s of shutdown: cancelling it", timeout)
                self._scope.cancel()
        await self._leave()

    async def _leave(self) -> None:
        """Leave the task group, once the application has returned, or a moment later without its consent."""
        assert self._tasks is not None  # noqa: S101 (both callers have opened it)
        with anyio.move_on_after(_SECONDS_TO_RETURN, shield=True):
            await self._returned.wait()
        self._scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._returned.wait()
        tasks, self._tasks = self._tasks, None
        await tasks.__aexit__(None, None, None)

    def _check_started(self) -> None:
        if self._failure is not None:
            raise LifespanError(self._failure)
        if self._phase is _Phase.STARTED:
            logger.debug("The application's lifespan has started")
        elif self._mode == "on":
            if self._error is None:
                raise LifespanError("The application returned from its lifespan without lifespan.startup.complete")
            logger.error("The application's lifespan raised at startup", exc_info=self._error)
            raise LifespanError(f"The application's lifespan raised {describe_error(self._error)}") from self._error
        elif self._startup_taken and self._error is not None:
            logger.warning(
                "The application's lifespan raised at startup; it is served without one", exc_info=self._error
            )
        else:
            logger.debug("The application does not support lifespan events", exc_info=self._error)

    async def _call(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            with self._scope:
                await self._app(scope, self._receive, self._send)
        except Exception as error:
            self._error = error
        finally:
            self._report_end()
            self._settled.set()
            self._stopped.set()
            self._returned.set()

    def _report_end(self) -> None:
        """Log that the application's call ended, where that says something new."""
        cancelled = self._scope.cancelled_caught
        if self._phase is _Phase.STARTED and not cancelled:
            logger.error("The application's lifespan ended before shutdown; it goes on without", exc_info=self._error)
        elif self._phase is _Phase.STOPPING and self._error is not None:
            logger.error("The application's lifespan raised at shutdown", exc_info=self._error)

    async def _receive(self) -> MutableMapping[str, Any]:
        if not self._startup_taken:
            self._startup_taken = True
            return {"type": "lifespan.startup"}
        if self._phase is _Phase.OVER:
            self._scope.cancel()  # there is nothing more to wait for
        await self._stop.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        match self._phase, message.get("type"):
            case _Phase.STARTING, "lifespan.startup.complete":
                self._phase = _Phase.STARTED
                self._settled.set()
            case _Phase.STARTING, "lifespan.startup.failed":
                self._phase = _Phase.OVER
                self._failure = _startup_failure(message.get("message") or "")
                self._settled.set()
            case _Phase.STOPPING, "lifespan.shutdown.complete":
                self._phase = _Phase.OVER
                self._stopped.set()
            case _Phase.STOPPING, "lifespan.shutdown.failed":
                self._phase = _Phase.OVER
                logger.error("The application's shutdown failed: %s", message.get("message") or "it gave no reason")
                self._stopped.set()
            case _:
                unexpected = f"{message.get('type')!r} is no lifespan message to send"
                raise RuntimeError(f"{unexpected} while {self._phase.name.lower()}")


def _startup_failure(message: str) -> str:
    """Return a sentence for `message`, which is often a whole traceback: that is logged, its last line says it all."""
    lines = message.strip().splitlines()
    if not lines:
        return "The application failed to start and gave no reason"
    if len(lines) > 1:
        logger.error("The application failed to start:\n%s", message.strip())
    return f"The application failed to start: {lines[-1].strip()}"
