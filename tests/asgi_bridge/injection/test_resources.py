"""The clean-up of factories: in reverse order, each exactly once, however the handler ends."""

import asyncio
import gc
import logging
import weakref
from contextlib import suppress
from typing import Annotated, Any

import anyio
import pytest

from tests.asgi_bridge.double import disconnect
from tests.asgi_bridge.injection.calling import call, server
from wsserve.asgi_bridge.exceptions import HTTPException, WebSocketDisconnect
from wsserve.asgi_bridge.injection.markers import AsyncResource, Ignore, Resource, use
from wsserve.asgi_bridge.injection.plan import compile_handler
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio


class Log(list[str]):
    """What happened, in order."""

    def outcome(self, name: str, error: BaseException | None) -> None:
        cancelled = isinstance(error, anyio.get_cancelled_exc_class())
        self.append(f"{name}: {'cancelled' if cancelled else 'fine' if error is None else error}")

    def resource(self, name: str) -> Any:
        """Return an async generator that notes how it is resumed."""

        async def generator() -> AsyncResource[str]:
            try:
                yield name
            except BaseException as error:
                await anyio.lowlevel.checkpoint()
                self.outcome(name, error)
                raise
            await anyio.lowlevel.checkpoint()
            self.outcome(name, None)

        return generator

    def plain_resource(self, name: str) -> Any:
        """Return a generator that notes how it is resumed."""

        def generator() -> Resource[str]:
            try:
                yield name
            except BaseException as error:
                self.outcome(name, error)
                raise
            self.outcome(name, None)

        return generator


def asking(handler: Any, *factories: Any) -> Any:
    """Return the handler with parameters a, b, c that ask for these factories."""
    for name, factory in zip("abc", factories, strict=False):
        handler.__annotations__[name] = Annotated[Any, use(factory)]
    return handler


def three(log: Log, body: Any, *, middle: Any = None) -> Any:
    """Return a handler with three resources around `body`, a plain generator in the middle."""

    async def handler(a: Any, b: Any, c: Any) -> Any:
        log.append("handler")
        return await body()

    return asking(handler, log.resource("a"), middle or log.plain_resource("b"), log.resource("c"))


def raising(error: BaseException) -> Any:
    async def body() -> None:
        raise error

    return body


async def nothing() -> str:
    return "result"


async def test_h12_after_return_in_reverse_order() -> None:
    log = Log()
    assert await call(three(log, nothing)) == "result"
    assert log == ["handler", "c: fine", "b: fine", "a: fine"]


@pytest.mark.parametrize("error", [ValueError("oops"), HTTPException(403, "no"), KeyboardInterrupt("stop")])
async def test_h12_the_handlers_exception_is_thrown_in_at_yield(error: BaseException) -> None:
    log = Log()
    with pytest.raises(type(error)) as caught:
        await call(three(log, raising(error)))
    assert caught.value is error
    assert log == ["handler", f"c: {error}", f"b: {error}", f"a: {error}"]


@pytest.mark.parametrize(
    "error", [WebSocketDisconnect(1001), ExceptionGroup("tasks", [WebSocketDisconnect(1001), WebSocketDisconnect()])]
)
async def test_h12_after_a_disconnect_generators_are_resumed_and_it_goes_on(error: Exception) -> None:
    log = Log()
    with pytest.raises(type(error)) as caught:
        await call(three(log, raising(error)))
    assert caught.value is error
    assert log == ["handler", "c: fine", "b: fine", "a: fine"]


async def test_h12_trap_a_close_after_the_yield_is_harmless_whoever_has_closed_before() -> None:
    async def ws_factory(ws: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
        await ws.accept()
        yield ws
        await ws.close()

    async def closing(ws: Annotated[WebSocket, use(ws_factory)]) -> None:
        await ws.close(4000)

    async def reading(ws: Annotated[WebSocket, use(ws_factory)]) -> None:
        await ws.receive_text()

    connection = server()
    await compile_handler(closing, []).call(connection.websocket())
    assert connection.sent_types == ["accept", "close"]
    assert connection.sent[1]["code"] == 4000

    connection = server()
    connection.feed(disconnect(1001))
    with pytest.raises(WebSocketDisconnect):
        await compile_handler(reading, []).call(connection.websocket())
    assert connection.sent_types == ["accept"]


async def test_h12_a_generator_may_swallow_the_exception() -> None:
    log = Log()

    def swallowing() -> Resource[None]:
        try:
            yield
        except ValueError:
            log.append("b: swallowed")

    assert await call(three(log, raising(ValueError("oops")), middle=swallowing)) is None
    assert log == ["handler", "c: oops", "b: swallowed", "a: fine"]


async def test_h12_a_generator_may_raise_another_exception_in_its_place() -> None:
    log = Log()

    async def translating() -> AsyncResource[None]:
        try:
            yield
        except ValueError as error:
            raise HTTPException(400, "bad") from error

    error = ValueError("oops")
    with pytest.raises(HTTPException) as caught:
        await call(three(log, raising(error), middle=translating))
    assert caught.value.__cause__ is error
    assert log == ["handler", "c: oops", "a: 400 bad"]


async def test_h12_an_exception_is_not_lost_to_a_disconnect_in_the_clean_up() -> None:
    log = Log()

    async def saying_goodbye() -> AsyncResource[None]:
        try:
            yield
        finally:
            raise WebSocketDisconnect(1001)

    with pytest.raises(ValueError, match="oops"):
        await call(three(log, raising(ValueError("oops")), middle=saying_goodbye))
    assert log == ["handler", "c: oops", "a: oops"]


def failing(error: Exception) -> Any:
    async def generator() -> AsyncResource[None]:
        yield
        raise error

    return generator


@pytest.mark.parametrize("body", [nothing, raising(WebSocketDisconnect(1001))])
async def test_h12_an_error_in_one_clean_up_does_not_stop_the_others_and_is_not_lost(body: Any) -> None:
    log = Log()
    with pytest.raises(ValueError, match="b failed"):
        await call(three(log, body, middle=failing(ValueError("b failed"))))
    assert log == ["handler", "c: fine", "a: fine"]


async def test_h12_errors_in_several_clean_ups_come_together() -> None:
    async def handler(a: Any, b: Any) -> None: ...

    first, second = ValueError("a"), WebSocketDisconnect()
    with pytest.raises(ExceptionGroup, match="several factories did not clean up") as caught:
        await call(asking(handler, failing(first), failing(second)))
    assert caught.value.exceptions == (second, first)


@pytest.mark.parametrize("body", [nothing, raising(ValueError("oops"))])
@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_a_second_yield_is_a_clear_error(body: Any, kind: str) -> None:
    log = Log()

    def plain() -> Resource[None]:
        for _ in range(2):
            try:
                yield
            except ValueError:
                pass
            except GeneratorExit:
                log.append("b: closed")
                raise

    async def asynchronous() -> AsyncResource[None]:
        for _ in range(2):
            try:
                yield
            except ValueError:
                pass
            except GeneratorExit:
                log.append("b: closed")
                raise

    middle: Any = plain if kind == "plain" else asynchronous
    with pytest.raises(RuntimeError, match=r"\(\) has a second yield: a factory yields one value") as caught:
        await call(three(log, body, middle=middle))
    assert log[:3:2] == ["handler", "b: closed"]
    assert body is nothing or str(caught.value.__cause__) == "oops"


# Cancellation and shutdown


async def test_h12_trap_cancellation_is_thrown_in_at_yield_and_clean_ups_are_shielded() -> None:
    log = Log()
    with anyio.CancelScope() as scope:

        async def body() -> None:
            scope.cancel()
            await anyio.sleep_forever()

        await call(three(log, body))
        log.append("not reached")
    assert scope.cancelled_caught
    assert log == ["handler", "c: cancelled", "b: cancelled", "a: cancelled"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_h12_trap_a_tasks_own_cancellation_is_thrown_in_too(anyio_backend: str) -> None:
    log = Log()
    running = anyio.Event()

    async def body() -> None:
        running.set()
        await anyio.sleep_forever()

    task = asyncio.ensure_future(call(three(log, body)))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["handler", "c: cancelled", "b: cancelled", "a: cancelled"]


async def test_h12_a_cancellation_waits_for_a_clean_up_that_has_begun() -> None:
    log = Log()
    with anyio.CancelScope() as scope:

        async def slow() -> AsyncResource[None]:
            yield
            scope.cancel()
            await anyio.sleep(0.01)
            log.append("b: finished")

        await call(three(log, nothing, middle=slow))
        await anyio.lowlevel.checkpoint()
        log.append("not reached")
    assert scope.cancelled_caught
    assert log == ["handler", "c: fine", "b: finished", "a: fine"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_h12_a_tasks_own_cancellation_in_a_clean_up_goes_to_the_others(anyio_backend: str) -> None:
    log = Log()
    running = anyio.Event()

    async def slow() -> AsyncResource[None]:
        yield
        running.set()
        try:
            await anyio.sleep_forever()
        finally:
            log.append("b: interrupted")

    async def handler(a: Any, b: Any, c: Any) -> None: ...

    task = asyncio.ensure_future(call(asking(handler, log.resource("a"), slow, failing(ValueError("c failed")))))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["b: interrupted", "a: cancelled"]


async def test_an_error_of_a_clean_up_before_a_cancellation_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()

    async def interrupting() -> AsyncResource[None]:
        yield
        raise KeyboardInterrupt

    async def handler(a: Any, b: Any, c: Any) -> None: ...

    with pytest.raises(KeyboardInterrupt):
        await call(asking(handler, log.resource("a"), interrupting, failing(ValueError("c failed"))))
    (record,) = caplog.records
    assert record.getMessage() == "A factory did not clean up"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "c failed"


@pytest.mark.parametrize("error", [None, ValueError("of the handler")])
async def test_h12_clean_up_after_the_handler_is_bounded(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log()

    async def hanging() -> AsyncResource[None]:
        try:
            yield
        finally:
            try:
                await anyio.sleep_forever()
            finally:
                log.append("b: cut off")

    async def handler(a: Any, b: Any) -> str:
        if error is not None:
            raise error
        return "done"

    plan = compile_handler(asking(handler, log.plain_resource("a"), hanging), [], cleanup_timeout=0.02)
    if error is None:
        assert await plan.call(server().websocket()) == "done"
    else:
        with pytest.raises(ValueError, match="of the handler"):
            await plan.call(server().websocket())
    await anyio.lowlevel.checkpoint()
    assert log == ["b: cut off", "a: fine" if error is None else "a: of the handler"]
    assert [record.getMessage() for record in caplog.records] == ["Factories did not clean up within 0.02 s"]


async def test_h12_clean_up_after_a_cancellation_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()

    async def hanging() -> AsyncResource[None]:
        try:
            yield
        finally:
            try:
                await anyio.sleep_forever()
            finally:
                log.append("b: cut off")

    with anyio.CancelScope() as scope:

        async def handler(a: Any, b: Any) -> None:
            scope.cancel()
            await anyio.sleep_forever()

        plan = compile_handler(asking(handler, log.plain_resource("a"), hanging), [], cleanup_timeout=0.02)
        await plan.call(server().websocket())
        log.append("not reached")
    assert scope.cancelled_caught
    assert log == ["b: cut off", "a: cancelled"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "Factories did not clean up within 0.02 s"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_h12_a_tasks_own_cancellation_goes_on_after_clean_ups_that_were_cut_off(anyio_backend: str) -> None:
    running = anyio.Event()

    async def hanging() -> AsyncResource[None]:
        try:
            yield
        finally:
            with suppress(asyncio.CancelledError):
                await anyio.sleep_forever()

    async def handler(a: Any) -> None:
        running.set()
        await anyio.sleep_forever()

    plan = compile_handler(asking(handler, hanging), [], cleanup_timeout=0.02)
    task = asyncio.ensure_future(plan.call(server().websocket()))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_h12_trap_a_cancellation_from_outside_goes_on_when_a_generator_swallows_it() -> None:
    log = Log()

    async def swallowing() -> AsyncResource[None]:
        try:
            yield
        except anyio.get_cancelled_exc_class():
            log.append("b: swallowed")

    with anyio.CancelScope() as scope:

        async def handler(a: Any, b: Any) -> None:
            scope.cancel()
            await anyio.sleep_forever()

        await call(asking(handler, log.resource("a"), swallowing))
        log.append("not reached")
    assert scope.cancelled_caught
    assert log == ["b: swallowed", "a: cancelled"]


async def test_an_interrupt_goes_on_after_clean_ups_that_were_cut_off() -> None:
    async def hanging() -> AsyncResource[None]:
        try:
            yield
        finally:
            await anyio.sleep_forever()

    async def handler(a: Any) -> None:
        raise KeyboardInterrupt("stop")

    plan = compile_handler(asking(handler, hanging), [], cleanup_timeout=0.02)
    with pytest.raises(KeyboardInterrupt, match="stop"):
        await plan.call(server().websocket())


async def test_generators_may_hold_task_groups_and_time_limits_around_their_yield() -> None:
    log = Log()

    async def limited() -> AsyncResource[None]:
        with anyio.move_on_after(0.02):
            yield
        log.append("time is up")

    async def tasks() -> AsyncResource[Any]:
        try:
            async with anyio.create_task_group() as group:
                yield group
        finally:
            log.append("tasks ended")

    async def handler(a: Any, b: Any) -> None:
        b.start_soon(anyio.sleep_forever)
        await anyio.sleep_forever()

    assert await call(asking(handler, limited, tasks)) is None
    assert log == ["tasks ended", "time is up"]


async def test_h12_cancellation_with_a_task_group_around_the_yield() -> None:
    log = Log()

    async def tasks() -> AsyncResource[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            try:
                yield
            finally:
                group.cancel_scope.cancel()

    with anyio.CancelScope() as scope:

        async def handler(a: Any, b: Any, c: Any) -> None:
            scope.cancel()
            await anyio.sleep_forever()

        await call(asking(handler, log.resource("a"), log.resource("b"), tasks))
    assert scope.cancelled_caught
    assert log == ["b: cancelled", "a: cancelled"]


async def test_an_error_in_a_task_of_a_factory_ends_the_handler_and_goes_on() -> None:
    async def fail() -> None:
        raise ValueError("background")

    async def tasks() -> AsyncResource[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(fail)
            yield

    async def handler(a: Any) -> None:
        await anyio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        await call(asking(handler, tasks))
    assert str(caught.value.exceptions[0]) == "background"


async def test_h12_cancellation_while_a_factory_starts() -> None:
    log = Log()

    with anyio.CancelScope() as scope:

        async def starting() -> AsyncResource[None]:
            try:
                scope.cancel()
                await anyio.sleep_forever()
                yield
            finally:
                log.append("b: ended")

        await call(three(log, nothing, middle=starting))
    assert scope.cancelled_caught
    assert log == ["b: ended", "a: cancelled"]


@pytest.mark.parametrize("error", [ValueError("oops"), WebSocketDisconnect(1001)])
async def test_what_a_failed_call_held_is_freed_without_the_garbage_collector(error: Exception) -> None:
    class Held:
        pass

    held: list[weakref.ref[Held]] = []

    async def holding() -> AsyncResource[Held]:
        value = Held()
        held.append(weakref.ref(value))
        try:
            yield value
        finally:
            await anyio.lowlevel.checkpoint()

    async def handler(a: Any) -> None:
        raise type(error)

    plan = compile_handler(asking(handler, holding), [])
    gc.disable()
    try:
        for _ in range(2):
            with suppress(type(error)):
                await plan.call(server().websocket())
        assert [reference() for reference in held] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("own", [True, False], ids=["in its place", "after an orderly end"])
async def test_what_a_failed_clean_up_held_is_freed_without_the_garbage_collector(own: bool) -> None:
    class Held:
        pass

    held: list[weakref.ref[Held]] = []

    async def failing() -> AsyncResource[Held]:
        value = Held()
        held.append(weakref.ref(value))
        try:
            yield value
        finally:
            raise LookupError("clean-up")

    async def handler(a: Any) -> None:
        if own:
            raise ValueError("handler")

    plan = compile_handler(asking(handler, failing), [])
    gc.disable()
    try:
        for _ in range(2):
            with pytest.raises(LookupError):
                await plan.call(server().websocket())
        assert [reference() for reference in held] == [None, None]
    finally:
        gc.enable()
