"""The application's lifespan around a test (G13)."""

import logging

import anyio
import pytest

from tests.asgi_bridge.testing.apps import echo, sending
from wsserve.asgi_bridge.messages import InvalidMessageError
from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
from wsserve.asgi_bridge.testing.exceptions import ApplicationEndedError, LifespanError
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio

STARTED = {"type": "lifespan.startup.complete"}
STOPPED = {"type": "lifespan.shutdown.complete"}


def lifespan_app(startup: Message = STARTED, shutdown: Message = STOPPED) -> ASGIApp:
    """Return an application that answers the events so, and else is an echo."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await echo(scope, receive, send)
            return
        scope["state"]["startup"] = ["state"]
        assert await receive() == {"type": "lifespan.startup"}
        await send(startup)
        assert await receive() == {"type": "lifespan.shutdown"}
        await send(shutdown)
        await receive()  # which never returns

    return app


async def test_g13_the_state_is_copied_into_each_scope() -> None:
    client = AsyncTestClient(lifespan_app())
    async with client, client.websocket_connect("/") as one, client.websocket_connect("/") as two:
        for ws in (one, two):
            assert ws.scope["state"] == {"startup": ["state"]}
        assert one.scope["state"] is not two.scope["state"]
        assert one.scope["state"]["startup"] is two.scope["state"]["startup"]
    async with client.websocket_connect("/") as ws:
        assert ws.scope["state"] == {}


async def test_g13_the_scope() -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    async with AsyncTestClient(app):
        pass
    assert scopes == [{"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}]
    async with AsyncTestClient(app, lifespan="off"):
        pass
    assert len(scopes) == 1


async def test_g13_startup_failed_is_a_clear_error() -> None:
    failed = {"type": "lifespan.startup.failed", "message": "Traceback ...\nOSError: no database\n"}
    with pytest.raises(LifespanError, match=r"^the application failed to start: OSError: no database$"):
        async with AsyncTestClient(lifespan_app(failed)):
            pass
    with pytest.raises(LifespanError, match="failed to start: it gave no reason"):
        async with AsyncTestClient(lifespan_app({"type": "lifespan.startup.failed"})):
            pass

    ended: list[str] = []

    async def tidies_up(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(failed)
        await anyio.wait_all_tasks_blocked()
        ended.append("tidied up")

    with pytest.raises(LifespanError):
        async with AsyncTestClient(tidies_up):
            pass
    assert ended == ["tidied up"]

    async def as_starlette(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(failed)
        raise OSError("no database")

    with pytest.raises(LifespanError) as caught:
        async with AsyncTestClient(as_starlette):
            pass
    assert isinstance(caught.value.__cause__, OSError)


async def test_g13_an_application_without_lifespan(caplog: pytest.LogCaptureFixture) -> None:
    async def asserts(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await echo(scope, receive, send)

    async def receives(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.connect"

    for app, warnings in ((asserts, 0), (sending(), 0), (receives, 1)):
        with caplog.at_level(logging.WARNING, "wsserve.testing"):
            async with AsyncTestClient(app):
                pass
        assert len(caplog.records) == warnings
    for app in (asserts, sending()):
        with pytest.raises(LifespanError, match="does not support lifespan events: the application has "):
            async with AsyncTestClient(app, lifespan="on"):
                pass


async def test_g13_shutdown_failed_is_raised_after_the_block() -> None:
    failed = {"type": "lifespan.shutdown.failed", "message": "disk full"}
    with pytest.raises(LifespanError, match=r"^the application's shutdown failed: disk full$"):
        async with AsyncTestClient(lifespan_app(shutdown=failed)):
            pass
    with pytest.raises(AssertionError) as caught:
        async with AsyncTestClient(lifespan_app(shutdown=failed)):
            raise AssertionError
    assert "disk full" in caught.value.__notes__[0]


@pytest.mark.parametrize("error", [OSError("x"), SystemExit("x")], ids=repr)
@pytest.mark.parametrize("when", ["after startup", "at shutdown"])
async def test_g13_what_it_raises_later_is_raised_after_the_block(when: str, error: BaseException) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(STARTED)
        if when == "at shutdown":
            await receive()
        raise error

    with pytest.raises((OSError, ApplicationEndedError)) as caught:
        async with AsyncTestClient(app):
            pass
    assert error in (caught.value, caught.value.__cause__)


@pytest.mark.parametrize(
    ("startup", "shutdown"),
    [
        (STOPPED, STOPPED),
        (STARTED, STARTED),
        (STARTED, {"type": "websocket.close"}),
        ({}, STOPPED),
    ],
)
async def test_g13_anything_else_is_a_fault(startup: Message, shutdown: Message) -> None:
    expected = "shutdown" if startup == STARTED else "startup"
    with pytest.raises((InvalidMessageError, LifespanError)) as caught:
        async with AsyncTestClient(lifespan_app(startup, shutdown), lifespan="on"):
            pass
    error = caught.value.__cause__ or caught.value
    assert isinstance(error, InvalidMessageError)
    assert f"'lifespan.{expected}.complete' or 'lifespan.{expected}.failed'" in str(error)


async def test_g13_answering_twice_is_a_fault() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(STARTED)
        await send(STARTED)

    with pytest.raises(InvalidMessageError, match="where nothing was expected"):
        async with AsyncTestClient(app):
            pass


async def test_n20_startup_and_shutdown_have_time_limits() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await anyio.sleep_forever()

    with pytest.raises(TimeoutError, match=r"did not answer 'lifespan\.startup' within 0\.01 s: .* at .*in .*slow"):
        async with AsyncTestClient(slow, timeout=0.01):
            pass

    async def slow_to_stop(scope: Scope, receive: Receive, send: Send) -> None:
        await send(STARTED)
        await receive()
        await receive()
        await anyio.sleep_forever()

    with pytest.raises(TimeoutError, match=r"did not answer 'lifespan\.shutdown' within 0\.01 s"):
        async with AsyncTestClient(slow_to_stop, timeout=0.01):
            pass

    async def slow_to_return(scope: Scope, receive: Receive, send: Send) -> None:
        for answer in (STARTED, STOPPED):
            await receive()
            await send(answer)
        await anyio.sleep_forever()

    with pytest.raises(TimeoutError, match=r"did not end within 0\.01 s"):
        async with AsyncTestClient(slow_to_return, timeout=0.01):
            pass


async def test_g13_a_cancelled_test_shuts_the_application_down() -> None:
    stopped: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(STARTED)
        stopped.append(await receive())
        await anyio.wait_all_tasks_blocked()
        await send(STOPPED)

    with anyio.move_on_after(0.01) as limit:
        async with AsyncTestClient(app):
            await anyio.sleep_forever()
    assert limit.cancelled_caught
    assert stopped == [{"type": "lifespan.shutdown"}]


async def test_g13_a_startup_that_the_test_gives_up() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep_forever()

    with anyio.move_on_after(0.01) as limit:
        async with AsyncTestClient(app):
            raise AssertionError("it never started")
    assert limit.cancelled_caught


async def test_the_block_begins_once() -> None:
    async with AsyncTestClient(lifespan_app()) as client:
        with pytest.raises(RuntimeError, match="begun already"):
            await client.__aenter__()
    async with client:
        pass
