"""Startup and shutdown (ASGI specification, lifespan 2.0)."""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import pytest

from tests.asgi_bridge.routing.routes import Noting, call
from wsserve.asgi_bridge.routing.host import Host
from wsserve.asgi_bridge.routing.include import Include
from wsserve.asgi_bridge.routing.lifespan import Lifespan
from wsserve.asgi_bridge.routing.router import Router
from wsserve.asgi_bridge.types import Message, Scope

pytestmark = pytest.mark.anyio

LIVES = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
COMPLETE = [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


def scope(**changes: Any) -> Scope:
    return {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {"a": 0}, **changes}


async def live(app: Router, lifespan_scope: Scope) -> list[Message]:
    return await call(app, lifespan_scope, *LIVES)


async def test_without_a_lifespan() -> None:
    assert await live(Router([Noting("/")]), scope()) == COMPLETE


async def test_what_it_yields_goes_into_the_state() -> None:
    events: list[object] = []

    @asynccontextmanager
    async def lifespan(app: Router) -> AsyncIterator[dict[str, int]]:
        events.append(app)
        yield {"b": 1}
        events.append("left")

    router = Router(lifespan=lifespan)
    lifespan_scope = scope()
    assert await live(router, lifespan_scope) == COMPLETE
    assert events == [router, "left"]
    assert lifespan_scope["state"] == {"a": 0, "b": 1}


async def test_a_generator_function_will_do_and_it_may_yield_nothing() -> None:
    events: list[str] = []

    async def lifespan(app: Router) -> AsyncIterator[None]:
        events.append("in")
        yield
        events.append("out")

    assert await live(Router(lifespan=lifespan), {"type": "lifespan"}) == COMPLETE
    assert events == ["in", "out"]


async def test_h15_the_lifespans_of_included_routers_are_run_with_their_own_and_left_in_reverse_order() -> None:
    events: list[str] = []

    def named(name: str) -> Lifespan:
        async def lifespan(app: Router) -> AsyncIterator[dict[str, str]]:
            assert app is router
            events.append(f"{name} in")
            yield {name: name}
            events.append(f"{name} out")

        return lifespan

    router = Router([Router([Noting("/a")], lifespan=named("inner"))], lifespan=named("outer"))
    lifespan_scope = scope()
    assert await live(router, lifespan_scope) == COMPLETE
    assert events == ["outer in", "inner in", "inner out", "outer out"]
    assert lifespan_scope["state"] == {"a": 0, "outer": "outer", "inner": "inner"}


async def test_h15_so_are_those_of_routers_in_an_include(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    def living(name: str, *routes: Any) -> Router:
        async def lifespan(app: Router) -> AsyncIterator[dict[str, str]]:
            assert app is outer
            events.append(name)
            yield {name: name}

        return Router(routes, lifespan=lifespan)

    inner = living("inner", Noting("/a"))
    module = ModuleType("tests.routers_with_lifespans")
    module.router = living("by name", inner)  # type: ignore[attr-defined]  # as a module's own
    module.routes = [living("in a list")]  # type: ignore[attr-defined]  # set or read at run time
    monkeypatch.setitem(sys.modules, module.__name__, module)
    outer = Router(
        [
            Include("/1", routes=[inner, Include("/deep", routes=[living("deep")])]),
            Include("/2", routes=[inner]),
            Include("/3", namespace=f"{module.__name__}:router"),
            Include("/4", namespace=module.__name__),
            Router([Include("/5", routes=[living("below a router")])]),
            Include("/6", app=living("application")),
            Host("example.com", living("host")),
        ]
    )
    lifespan_scope = scope()
    assert await live(outer, lifespan_scope) == COMPLETE
    assert events == ["inner", "deep", "by name", "in a list", "below a router"]
    assert lifespan_scope["state"].keys() == {"a", *events}


async def test_h15_routers_with_one_function_for_their_lifespans_have_it_each() -> None:
    events: list[str] = []

    async def lifespan(app: Router) -> AsyncIterator[None]:
        events.append("in")
        yield

    await live(Router([Router(lifespan=lifespan)], lifespan=lifespan), scope())
    assert events == ["in", "in"]


async def test_an_error_at_startup_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def lifespan(app: Router) -> AsyncIterator[None]:
        if app is router:
            raise LookupError("no database\n  at all")
        yield

    router = Router(lifespan=lifespan)
    sent = await live(router, scope())
    assert sent == [{"type": "lifespan.startup.failed", "message": "LookupError: no database at all"}]
    ((name, level, text),) = caplog.record_tuples
    assert (name, level, text) == ("wsserve.routing", logging.ERROR, "The application's startup failed")
    assert caplog.records[0].exc_info is not None


async def test_an_error_at_shutdown() -> None:
    async def lifespan(app: Router) -> AsyncIterator[None]:
        yield
        raise LookupError

    sent = await live(Router(lifespan=lifespan), scope())
    assert sent == [COMPLETE[0], {"type": "lifespan.shutdown.failed", "message": "LookupError"}]


@pytest.mark.parametrize(
    ("state", "yielded", "message"),
    [
        ({}, 5, "TypeError: a lifespan yields a mapping for the state, or nothing, but not 5"),
        (
            None,
            {"a": 1},
            "RuntimeError: the lifespan yields a state, but the server has no place for one: its scope has no 'state'",
        ),
    ],
)
async def test_a_state_that_cannot_be(state: object, yielded: Any, message: str) -> None:
    async def lifespan(app: Router) -> AsyncIterator[Any]:
        yield yielded

    lifespan_scope = scope() if state is not None else {"type": "lifespan"}
    sent = await live(Router(lifespan=lifespan), lifespan_scope)
    assert sent == [{"type": "lifespan.startup.failed", "message": message}]
