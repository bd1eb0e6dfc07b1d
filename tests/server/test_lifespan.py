"""The application's lifespan, on every event loop (G13)."""

import logging
from collections.abc import Iterator
from typing import Any, Literal

import anyio
import pytest

from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.server import lifespan as lifespan_module
from wsserve.server.errors import LifespanError
from wsserve.server.lifespan import Lifespan

pytestmark = pytest.mark.anyio

Mode = Literal["auto", "on", "off"]
MODES: tuple[Mode, ...] = ("auto", "on")


class Logs:
    """What was logged to wsserve.error: pairs of level and text, tracebacks included."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def at(self, level: str) -> list[str]:
        return [text for one, text in self.lines if one == level]


@pytest.fixture(autouse=True)
def logs() -> Iterator[Logs]:
    collected = Logs()

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            collected.lines.append((record.levelname, self.format(record)))

    logger = logging.getLogger("wsserve.error")
    handler, level = Collect(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield collected
    logger.removeHandler(handler)
    logger.setLevel(level)


def make_app(
    on_startup: str | None = "lifespan.startup.complete",
    on_shutdown: str | None = "lifespan.shutdown.complete",
    *,
    message: str | None = None,
    events: list[str] | None = None,
) -> ASGIApp:
    """Return an application that answers with the given types, or returns without an answer where there is none."""
    seen = events if events is not None else []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for answer in (on_startup, on_shutdown):
            seen.append((await receive())["type"])
            if answer is None:
                return
            await send({"type": answer} if message is None else {"type": answer, "message": message})

    return app


@pytest.mark.parametrize("mode", MODES)
async def test_g13_startup_and_shutdown_reach_the_application(mode: Mode, logs: Logs) -> None:
    events: list[str] = []
    lifespan = Lifespan(make_app(events=events), mode)
    await lifespan.startup()
    assert events == ["lifespan.startup"]
    await lifespan.shutdown(5)
    assert events == ["lifespan.startup", "lifespan.shutdown"]
    assert {level for level, _ in logs.lines} <= {"DEBUG"}


async def test_g13_the_scope_has_versions_and_state() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "lifespan"
        assert scope["asgi"] == {"version": "3.0", "spec_version": "2.0"}
        scope["state"]["pool"] = "here"
        await make_app()(scope, receive, send)

    lifespan = Lifespan(app, "on")
    await lifespan.startup()
    assert lifespan.state == {"pool": "here"}
    await lifespan.shutdown(5)


async def test_g13_off_never_calls_the_application() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError

    lifespan = Lifespan(app, "off")
    await lifespan.startup()
    await lifespan.shutdown(5)


async def test_g13_a_cancel_scope_stays_in_one_task() -> None:
    tasks: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as group:
            with anyio.CancelScope():
                group.start_soon(anyio.sleep_forever)
                tasks.append(anyio.get_current_task().id)
                await make_app()(scope, receive, send)
                tasks.append(anyio.get_current_task().id)
            group.cancel_scope.cancel()

    lifespan = Lifespan(app, "on")
    await lifespan.startup()
    await lifespan.shutdown(5)
    assert len(tasks) == 2
    assert tasks[0] == tasks[1] != anyio.get_current_task().id


# Startup


async def raise_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "websocket", "only WebSockets here"


async def raise_in_startup(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise ValueError


async def return_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    return


@pytest.mark.parametrize(
    ("app", "level"), [(raise_at_once, "DEBUG"), (raise_in_startup, "WARNING"), (return_at_once, "DEBUG")]
)
async def test_g13_auto_takes_an_exception_or_return_for_no_support(app: ASGIApp, level: str, logs: Logs) -> None:
    lifespan = Lifespan(app, "auto")
    await lifespan.startup()
    await lifespan.shutdown(5)
    assert [one for one, _ in logs.lines] == [level]


@pytest.mark.parametrize(
    ("app", "message", "logged"),
    [
        (raise_at_once, "The application's lifespan raised AssertionError: only WebSockets here", 1),
        (raise_in_startup, "The application's lifespan raised ValueError", 1),
        (return_at_once, "The application returned from its lifespan without lifespan.startup.complete", 0),
    ],
)
async def test_g13_on_demands_a_lifespan(app: ASGIApp, message: str, logged: int, logs: Logs) -> None:
    with pytest.raises(LifespanError) as caught:
        await Lifespan(app, "on").startup()
    assert str(caught.value).startswith(message)
    assert len(logs.at("ERROR")) == logged


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("message", "expected", "logged"),
    [
        (None, "The application failed to start and gave no reason", 0),
        ("", "The application failed to start and gave no reason", 0),
        ("no database", "The application failed to start: no database", 0),
        ("Traceback:\n  ...\nOSError: no database\n", "The application failed to start: OSError: no database", 1),
    ],
)
async def test_g13_startup_failed_ends_the_start(
    mode: Mode, message: str | None, expected: str, logged: int, logs: Logs
) -> None:
    lifespan = Lifespan(make_app("lifespan.startup.failed", None, message=message), mode)
    with pytest.raises(LifespanError) as caught:
        await lifespan.startup()
    assert str(caught.value) == expected
    assert caught.value.exit_code == 3
    assert len(logs.at("ERROR")) == logged
    await lifespan.shutdown(5)


async def test_g13_an_application_may_raise_after_it_reported_its_failure(logs: Logs) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise OSError("no database")

    with pytest.raises(LifespanError, match="no database"):
        await Lifespan(app).startup()
    assert logs.at("ERROR") == []


async def test_g13_an_application_that_goes_on_after_its_failure_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifespan_module, "_SECONDS_TO_RETURN", 0.01)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})
        await anyio.sleep_forever()

    with pytest.raises(LifespanError):
        await Lifespan(app).startup()


@pytest.mark.parametrize("failing", ["startup", "shutdown"])
async def test_an_application_that_waits_for_more_after_the_end_is_cancelled_at_once(failing: str) -> None:
    cancelled: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            try:
                kind = (await receive())["type"]
            except anyio.get_cancelled_exc_class():
                cancelled.append(True)
                raise
            await send({"type": f"{kind}.{'failed' if kind.endswith(failing) else 'complete'}"})

    lifespan = Lifespan(app)
    begun = anyio.current_time()
    if failing == "startup":
        with pytest.raises(LifespanError):
            await lifespan.startup()
    else:
        await lifespan.startup()
        await lifespan.shutdown(60)
    assert cancelled == [True]
    assert anyio.current_time() - begun < lifespan_module._SECONDS_TO_RETURN


async def test_a_start_that_is_cancelled_cancels_the_application() -> None:
    ended: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(True)

    lifespan = Lifespan(app)
    with anyio.move_on_after(0.01) as limit:
        await lifespan.startup()
    assert limit.cancelled_caught
    assert ended == [True]
    await lifespan.shutdown(5)


# Between and at shutdown


@pytest.mark.parametrize("error", [None, ValueError("broken pool")])
async def test_an_application_that_ends_early_is_logged(error: Exception | None, logs: Logs) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        if error is not None:
            raise error

    lifespan = Lifespan(app)
    await lifespan.startup()
    await anyio.wait_all_tasks_blocked()
    await lifespan.shutdown(5)
    (line,) = logs.at("ERROR")
    assert line.startswith("The application's lifespan ended before shutdown; it goes on without")
    assert ("broken pool" in line) is (error is not None)


async def test_g13_shutdown_failed_is_logged_and_what_comes_after_it_is_old_news(logs: Logs) -> None:
    for message in ("pool is stuck", None):

        async def app(scope: Scope, receive: Receive, send: Send, message: str | None = message) -> None:
            await make_app(on_shutdown="lifespan.shutdown.failed", message=message)(scope, receive, send)
            raise ValueError(message)

        lifespan = Lifespan(app)
        await lifespan.startup()
        await lifespan.shutdown(5)
    assert logs.at("ERROR") == [
        "The application's shutdown failed: pool is stuck",
        "The application's shutdown failed: it gave no reason",
    ]


async def test_an_exception_at_shutdown_is_logged_once(logs: Logs) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise ValueError("stuck")

    lifespan = Lifespan(app)
    await lifespan.startup()
    await lifespan.shutdown(5)
    (line,) = logs.at("ERROR")
    assert line.startswith("The application's lifespan raised at shutdown\nTraceback")


async def test_a_return_without_an_answer_to_shutdown_is_fine(logs: Logs) -> None:
    lifespan = Lifespan(make_app(on_shutdown=None))
    await lifespan.startup()
    await lifespan.shutdown(5)
    assert logs.at("ERROR") == []


async def test_a14_an_application_that_hangs_at_shutdown_is_cancelled(logs: Logs) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await make_app(on_shutdown=None)(scope, receive, send)
        await anyio.sleep_forever()

    lifespan = Lifespan(app)
    await lifespan.startup()
    await lifespan.shutdown(0.01)
    assert logs.at("ERROR") == ["The application's lifespan did not end within 0.01 s of shutdown: cancelling it"]


async def test_an_application_that_hangs_after_its_shutdown_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    monkeypatch.setattr(lifespan_module, "_SECONDS_TO_RETURN", 0.01)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await make_app()(scope, receive, send)
        await anyio.sleep_forever()

    lifespan = Lifespan(app)
    await lifespan.startup()
    await lifespan.shutdown(60)
    assert logs.at("ERROR") == []


async def test_a_cancelled_server_still_shuts_the_application_down() -> None:
    events: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        events.append((await receive())["type"])
        await send({"type": "lifespan.startup.complete"})
        events.append((await receive())["type"])
        await anyio.sleep(0.01)
        events.append("cleaned up")

    lifespan = Lifespan(app)
    with anyio.CancelScope() as scope:
        await lifespan.startup()
        try:
            scope.cancel()
            await anyio.sleep_forever()
        finally:
            await lifespan.shutdown(5)
    assert events == ["lifespan.startup", "lifespan.shutdown", "cleaned up"]


async def test_an_error_in_between_comes_through_as_it_is() -> None:
    async def serve() -> None:
        lifespan = Lifespan(make_app())
        await lifespan.startup()
        try:
            raise KeyError("theirs")
        finally:
            await lifespan.shutdown(5)

    with pytest.raises(KeyError):
        await serve()


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        (["lifespan.shutdown.complete"], "'lifespan.shutdown.complete' is no lifespan message to send while starting"),
        (["http.response.start"], "'http.response.start' is no lifespan message to send while starting"),
        ([None], "None is no lifespan message to send while starting"),
        (
            ["lifespan.startup.complete", "lifespan.startup.complete"],
            "'lifespan.startup.complete' is no lifespan message to send while started",
        ),
        (
            ["lifespan.startup.complete", "lifespan.startup.failed"],
            "'lifespan.startup.failed' is no lifespan message to send while started",
        ),
    ],
)
async def test_g6_a_message_out_of_order_raises_in_the_application(messages: list[Any], fault: str) -> None:
    faults: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            for kind in messages:
                await send({"type": kind} if kind else {})
        except RuntimeError as error:
            faults.append(str(error))

    lifespan = Lifespan(app)
    await lifespan.startup()
    await anyio.wait_all_tasks_blocked()
    await lifespan.shutdown(5)
    assert faults == [fault]
