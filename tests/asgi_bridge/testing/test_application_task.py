"""One call of the application, which ends in time."""

import anyio
import pytest

from wsserve.asgi_bridge.testing import application_task
from wsserve.asgi_bridge.testing.application_task import ApplicationTask
from wsserve.asgi_bridge.testing.changes import Changes

pytestmark = pytest.mark.anyio


async def test_what_it_is_doing() -> None:
    go_on = anyio.Event()

    async def application() -> None:
        await go_on.wait()
        raise LookupError("x")

    changes, ends = Changes(), list[BaseException | None]()
    task = ApplicationTask(application, changes, ends.append)
    assert task.doing() == "the application waits, at a place that is not known"
    await task.start()
    await anyio.wait_all_tasks_blocked()
    line = application.__code__.co_firstlineno + 1
    assert task.doing(" in X") == f"the application waits in X, at {__file__}:{line} in {application.__qualname__}"
    go_on.set()
    assert await task.finish(5) is None
    assert task.doing() == "the application has raised LookupError('x')"
    assert ends == [task.error]


async def test_one_that_returns() -> None:
    async def application() -> None:
        pass

    task = ApplicationTask(application, Changes())
    await task.start()
    assert await task.finish(5) is None
    assert task.doing() == "the application has returned"


async def test_one_that_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    task = ApplicationTask(anyio.sleep_forever, Changes())
    await task.start()
    late = await task.finish(0)
    assert late is not None
    assert task.error is None
    assert caplog.records == []


async def test_one_that_does_not_even_end_when_cancelled_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    logged = anyio.Event()
    lines: list[str] = []

    def log(line: str, *values: object) -> None:
        lines.append(line % values)
        logged.set()

    async def application() -> None:
        with anyio.CancelScope(shield=True):
            await logged.wait()

    monkeypatch.setattr(application_task, "_SECONDS_TO_CANCEL", 0.0)
    monkeypatch.setattr(application_task.logger, "error", log)
    task = ApplicationTask(application, Changes())
    await task.start()
    assert await task.finish(0) is not None
    [line] = lines
    assert "does not end although it was cancelled: the application waits, at" in line
    assert application.__qualname__ in line
