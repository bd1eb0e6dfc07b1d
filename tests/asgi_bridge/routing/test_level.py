"""Layers around routers, Includes and Hosts: N4, N6, N13."""

from typing import Any

import pytest

from tests.asgi_bridge.routing.routes import App, call, websocket
from wsserve.asgi_bridge.injection.markers import Use, use
from wsserve.asgi_bridge.routing.level import Level
from wsserve.asgi_bridge.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio


def factory(value: object) -> Use:
    return use(lambda: value)


async def test_n13_dependencies_are_merged_and_inner_ones_win() -> None:
    app = App()
    outer, inner = {"a": factory(1), "b": factory(2)}, {"b": factory(3), "c": factory(4)}
    stack = Level(dependencies=outer).around(Level(dependencies=inner).around(app))
    await call(stack, websocket("/"))
    assert app.served[0]["wsserve.dependencies"] == {**outer, **inner}


async def test_a_level_without_anything_is_the_application_itself() -> None:
    app = App()
    assert Level().around(app) is app
    assert Level(dependencies=None, middleware=[], exception_handlers=None).around(app) is app


async def test_the_layers_are_around_the_application_within_the_dependencies() -> None:
    calls: list[Any] = []

    async def before(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(list(scope["wsserve.dependencies"]))

    app = App()
    await call(Level(before=[before], dependencies={"a": factory(1)}).around(app), websocket("/"))
    assert calls == [["a"]]
    assert len(app.served) == 1


async def test_mistakes() -> None:
    wrong: dict[str, Any] = {"a": len}
    assert Level(dependencies=wrong, before=[5]).mistakes == [  # type: ignore[list-item]  # it is a mistake
        "before has 5, which cannot be called",
        "dependencies has <built-in function len> for 'a': write use(factory)",
    ]
    faulty = Level(middlewares=[], dependencies=[use(len)])  # type: ignore[call-arg, arg-type]  # these are mistakes
    assert [text.partition(",")[0] for text in faulty.mistakes] == [
        "there is no option 'middlewares'",
        "dependencies is a dict",
    ]
