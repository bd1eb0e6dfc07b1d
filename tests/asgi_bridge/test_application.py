"""Running an application, and what its errors mean (G8, A20, user need 19)."""

import asyncio
import gc
import logging
import weakref
from collections.abc import Awaitable, Callable

import anyio
import pytest

from tests.asgi_bridge.exchanges import LOGGER, errors_in
from tests.asgi_bridge.memory import MemoryRuntime, MemoryTransport, settle
from wsserve.asgi_bridge.application import host_application, log_error, run_application
from wsserve.asgi_bridge.exceptions import (
    ClientDisconnected,
    WebSocketDisconnect,
    WebSocketFrameTypeError,
    WebSocketJSONError,
)

anyio_test = pytest.mark.anyio

ERRORS = [ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException("x"), OSError(5)]


def raising(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        raise error

    return call


class Run:
    """One run of `run_application` or `host_application` in a task that can be cancelled."""

    def __init__(self) -> None:
        self.runtime = MemoryRuntime()
        self.transport = MemoryTransport(1000)
        self.ended: list[BaseException | None] = []
        self.passed: BaseException | None = None

    async def host(self, call: Callable[[], Awaitable[None]]) -> None:
        try:
            await host_application(call, self.ended.append, self.transport, self.runtime)
        except BaseException as error:
            self.passed = error
            raise


@anyio_test
async def test_return_gives_none() -> None:
    async def call() -> None:
        await settle()

    assert await run_application(call, MemoryRuntime()) is None


@anyio_test
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_a20_whatever_is_raised_ends_here(error: BaseException) -> None:
    assert await run_application(raising(error), MemoryRuntime()) is error


@anyio_test
async def test_g6_what_is_no_application_ends_here() -> None:
    def call() -> Awaitable[None]:
        return None  # type: ignore[return-value]  # the mistake under test

    assert isinstance(await run_application(call, MemoryRuntime()), TypeError)


@anyio_test
async def test_a20_stray_cancellation_ends_here(anyio_backend_name: str) -> None:
    async def call() -> None:
        if anyio_backend_name == "asyncio":
            raise asyncio.CancelledError
        with anyio.CancelScope() as scope:
            scope.cancel()
            try:
                await anyio.sleep(1)
            except anyio.get_cancelled_exc_class() as error:
                kept.append(error)
                raise
        raise kept[0]

    kept: list[BaseException] = []
    error = await run_application(call, MemoryRuntime())
    assert isinstance(error, anyio.get_cancelled_exc_class())
    await settle()


@anyio_test
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a20_an_application_that_cancels_its_own_task_ends_here() -> None:
    async def call() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    assert isinstance(await run_application(call, MemoryRuntime()), asyncio.CancelledError)
    await settle()


@anyio_test
async def test_the_servers_cancellation_passes_through() -> None:
    run = Run()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.host, anyio.sleep_forever)
        await settle()
        run.runtime.cancel()
        tasks.cancel_scope.cancel()
    assert isinstance(run.passed, anyio.get_cancelled_exc_class())
    assert run.transport.is_aborted()
    assert run.ended == []


@anyio_test
async def test_a14_an_error_while_being_cancelled_is_the_applications(caplog: pytest.LogCaptureFixture) -> None:
    async def call() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("in the application's clean-up")

    run = Run()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.host, call)
        await settle()
        run.runtime.cancel()
        tasks.cancel_scope.cancel()
    assert [type(error) for error in run.ended] == [ValueError]


@anyio_test
async def test_a14_an_application_that_swallows_cancellation_returns() -> None:
    async def call() -> None:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            pass

    run = Run()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.host, call)
        await settle()
        run.runtime.cancel()
        tasks.cancel_scope.cancel()
    assert run.ended == [None]


@anyio_test
async def test_a14_cancellation_and_an_error_in_one_group(caplog: pytest.LogCaptureFixture) -> None:
    async def call() -> None:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class() as error:
            raise BaseExceptionGroup("both", [BaseExceptionGroup("inner", [error]), ValueError("x")]) from None

    run = Run()
    with caplog.at_level(logging.DEBUG, LOGGER):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run.host, call)
            await settle()
            run.runtime.cancel()
            tasks.cancel_scope.cancel()
    assert isinstance(run.passed, anyio.get_cancelled_exc_class())
    [record] = errors_in(caplog)
    assert record.getMessage() == "The application failed while it was being cancelled"
    assert record.exc_info is not None
    assert "ValueError" in repr(record.exc_info[1])


@anyio_test
async def test_a_fault_of_the_servers_own_ends_only_this_connection(caplog: pytest.LogCaptureFixture) -> None:
    def ended(error: BaseException | None) -> None:
        raise RuntimeError("our own mistake")

    transport = MemoryTransport(1000)
    await host_application(settle, ended, transport, MemoryRuntime())
    assert transport.is_aborted()
    [record] = errors_in(caplog)
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "our own mistake"


@anyio_test
async def test_ended_is_told_how_it_went() -> None:
    run = Run()
    error = ValueError("x")
    await run.host(settle)
    await run.host(raising(error))
    assert run.ended == [None, error]
    assert not run.transport.is_aborted()


# What errors mean


LEFT = [ClientDisconnected(), WebSocketDisconnect(1001)]


@pytest.mark.parametrize(
    "error",
    [*LEFT, BaseExceptionGroup("", [LEFT[0]]), ExceptionGroup("", [ExceptionGroup("", [LEFT[1]]), LEFT[0]])],
    ids=["send", "receive", "group", "nested"],
)
def test_g4_a_disconnect_is_no_error_once_it_is_over(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER):
        log_error(error, "/x", over=True)
        assert errors_in(caplog) == []
        log_error(error, "/x", over=False)
        assert len(errors_in(caplog)) == 1


def test_g8_an_error_beside_a_disconnect_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    log_error(ExceptionGroup("", [LEFT[0], ValueError("x")]), "/x", over=True)
    [record] = errors_in(caplog)
    assert record.exc_info


def test_g8_an_error_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    log_error(ValueError("x"), "/x", over=True)
    [record] = errors_in(caplog)
    assert record.getMessage() == "Exception in the application on '/x'"
    assert record.exc_info


def test_a18_the_path_in_the_log_is_escaped_and_cut(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER):
        log_error(ValueError("x"), "/\r\n\x1b" * 10_000, over=False)
        log_error(WebSocketJSONError("\n" * 10_000), "/\r\n" * 10_000, over=False)
        log_error(LEFT[0], "/\r\n" * 10_000, over=True)
    assert len(caplog.records) == 3
    for record in caplog.records:
        assert record.getMessage().isprintable()
        assert len(record.getMessage()) < 512


@pytest.mark.parametrize(
    "error",
    [
        WebSocketFrameTypeError("text", "binary"),
        ExceptionGroup("", [ExceptionGroup("", [WebSocketJSONError("no JSON")])]),
        ExceptionGroup("", [WebSocketFrameTypeError("text", "binary"), WebSocketFrameTypeError("text", "binary")]),
        ExceptionGroup("", [LEFT[0], WebSocketJSONError("no JSON")]),
    ],
    ids=["one", "in-groups", "two", "beside-a-disconnect"],
)
@pytest.mark.parametrize("over", [True, False])
def test_a_message_error_is_no_error_of_the_application(
    error: BaseException, over: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, LOGGER):
        log_error(error, "/x", over=over)
    [record] = caplog.records
    assert record.levelno == logging.INFO
    assert "closed the connection with 100" in record.getMessage()


@pytest.mark.anyio
async def test_an_error_leaves_no_circle_of_references() -> None:
    class FailureError(Exception):
        pass

    async def call() -> None:
        raise FailureError

    seen: list[weakref.ref[BaseException]] = []

    def ended(error: BaseException | None) -> None:
        assert error is not None
        seen.append(weakref.ref(error))

    gc.disable()
    try:
        await host_application(call, ended, MemoryTransport(10), MemoryRuntime())
        assert seen[0]() is None
    finally:
        gc.enable()
