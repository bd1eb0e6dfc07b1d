"""The application's lifespan around a test (ASGI specification, lifespan 2.0)."""

import logging
from typing import Any, Literal

import anyio

from wsserve.asgi_bridge.messages import unexpected
from wsserve.asgi_bridge.testing.application_task import ApplicationTask
from wsserve.asgi_bridge.testing.changes import Changes
from wsserve.asgi_bridge.testing.exceptions import LifespanError
from wsserve.asgi_bridge.testing.failures import presentable
from wsserve.asgi_bridge.types import ASGIApp, Message

logger = logging.getLogger("wsserve.testing")

LifespanMode = Literal["auto", "on", "off"]


class Lifespan:
    """One lifespan call of the application; `state` is what it put there for the scopes of its connections."""

    def __init__(self, app: ASGIApp, mode: LifespanMode, timeout: float) -> None:
        self.state: dict[str, Any] = {}
        self._mode = mode
        self._timeout = timeout
        self._changes = Changes()
        self._phase = "startup"
        self._taken = False
        """Whether the application has received the phase's event."""
        self._answered = False
        self._failed: str | None = None
        self._started = False
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        self._task = ApplicationTask(lambda: app(scope, self._receive, self._send), self._changes)

    async def startup(self) -> None:
        """Start the application.

        Raises `LifespanError` when it reports that it failed, and in mode "on" when it does not support lifespan
        events; `TimeoutError` when it does not answer in time.
        """
        await self._task.start()
        try:
            in_time = await self._changes.until(self._is_answered, self._timeout)
            problem = self._startup_problem() if in_time else self._unanswered()
        except BaseException:
            await self._task.finish(0)
            raise
        if problem is not None:
            await self._task.finish(self._timeout if in_time else 0)
            raise problem from self._task.error

    async def shutdown(self) -> Exception | None:
        """Shut the application down; return what went wrong with that."""
        problem: Exception | None = None
        if self._started and not self._task.over:
            self._phase, self._taken, self._answered = "shutdown", False, False
            self._changes.announce()
            with anyio.CancelScope(shield=True):
                answered = await self._changes.until(self._is_answered, self._timeout)
            problem = None if answered else self._unanswered()
        late = await self._task.finish(0 if problem else self._timeout)
        if self._started and self._task.error is not None:
            return presentable(self._task.error)
        if self._failed is not None:
            return LifespanError(f"the application's shutdown failed: {self._failed}")
        return problem or late

    def _is_answered(self) -> bool:
        return self._answered or self._task.over

    def _unanswered(self) -> TimeoutError:
        return TimeoutError(
            f"the application did not answer 'lifespan.{self._phase}' within {self._timeout:g} s: {self._task.doing()}"
        )

    def _startup_problem(self) -> Exception | None:
        if self._failed is not None:
            return LifespanError(f"the application failed to start: {self._failed}")
        if self._started:
            return None
        if self._mode == "on":
            return LifespanError(f"the application does not support lifespan events: {self._task.doing()}")
        if self._taken and self._task.error is not None:
            logger.warning("The lifespan raised at startup; the test goes on without one", exc_info=self._task.error)
        return None

    async def _receive(self) -> Message:
        if self._answered and (self._phase == "shutdown" or self._failed is not None):
            self._task.cancel()  # there is nothing more to wait for
        await self._changes.until(lambda: not self._taken)
        self._taken = True
        return {"type": f"lifespan.{self._phase}"}

    async def _send(self, message: Message) -> None:
        kind = message.get("type")
        complete, failed = f"lifespan.{self._phase}.complete", f"lifespan.{self._phase}.failed"
        if self._answered or kind not in (complete, failed):
            raise unexpected(kind, "nothing" if self._answered else f"{complete!r} or {failed!r}")
        if kind == failed:
            lines = str(message.get("message") or "").strip().splitlines()
            self._failed = lines[-1].strip() if lines else "it gave no reason"
        elif self._phase == "startup":
            self._started = True
        self._answered = True
        self._changes.announce()
