"""Dependencies by name, declared on several levels, and what replaces factories."""

from typing import Annotated, Any

import pytest

from tests.asgi_bridge.injection.calling import call, mistakes, server, without_annotations
from wsserve.asgi_bridge.exceptions import RouteDeclarationError
from wsserve.asgi_bridge.injection import plan as plan_module
from wsserve.asgi_bridge.injection.markers import AsyncResource, Provides, Query, use
from wsserve.asgi_bridge.injection.plan import compile_handler
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio


def levels(**dependencies: Any) -> dict[str, Any]:
    """Return what Router and Includes put into a scope."""
    return {"wsserve.dependencies": dependencies}


def overrides(*replaced: tuple[Any, Any], **named: Any) -> dict[str, Any]:
    return {"wsserve.overrides": {**dict(replaced), **named}}


class Service:
    def __init__(self, name: str) -> None:
        self.name = name


def real() -> str:
    return "real"


def fake() -> str:
    return "fake"


def outer() -> str:
    return "outer"


async def provided(ws: WebSocket, x: str = Provides()) -> str:
    return x


async def asking(x: Annotated[str, use(real)]) -> str:
    return x


async def test_n13_provides_takes_the_dependency_of_the_scope() -> None:
    scope = levels(x=use(outer), service=use(Service))

    async def bare(x: Annotated[str, Provides], service: Service = Provides()) -> tuple[str, str]:  # noqa: B008  # so it is written
        return x, service.name

    @without_annotations
    async def without(ws: Any, x: str = Provides()) -> Any:
        return x

    assert await call(provided, **scope) == "outer"
    assert await call(bare, query=b"name=a", **scope) == ("outer", "a")
    assert await call(without, **scope) == "outer"


async def test_n13_a_client_chooses_no_value_that_a_level_declares_a_dependency_for() -> None:
    def asking_too(x: str) -> str:
        return x

    async def handler(x: str, n: int = 5) -> tuple[str, int]:
        return x, n

    async def nested(y: Annotated[str, use(asking_too)]) -> str:
        return y

    async def marked(x: Annotated[str, Query()]) -> str:
        return x

    assert await call(handler, query=b"x=client") == ("client", 5)
    assert await call(handler, query=b"x=client", **levels(x=use(outer))) == ("outer", 5)
    assert await call(handler, query=b"x=client", **levels(x=use(outer)), **overrides(x=fake)) == ("fake", 5)
    assert await call(nested, query=b"x=client", **levels(x=use(outer))) == "outer"
    assert await call(handler, path={"x": "way"}, query=b"n=2", **levels(x=use(outer))) == ("way", 2)
    assert await call(marked, query=b"x=client", **levels(x=use(outer))) == "client"


async def test_n13_the_routes_own_dependencies_are_known_by_name_and_win() -> None:
    @without_annotations
    async def handler(ws: Any, x: Any, service: Any) -> Any:
        return type(ws), x, service.name

    dependencies = {"x": use(real), "service": use(Service)}
    scope = levels(x=use(outer))
    assert await call(handler, query=b"name=a", dependencies=dependencies, **scope) == (WebSocket, "real", "a")
    assert await call(provided, dependencies=dependencies, **scope) == "real"


async def test_n13_dependencies_of_the_scope_may_ask_for_each_other_and_clean_up() -> None:
    log: list[str] = []

    async def database() -> AsyncResource[str]:
        yield "database"
        log.append("closed")

    def repository(database: str) -> str:
        return f"repository of {database}"

    async def handler(repository: str = Provides()) -> str:
        log.append("handler")
        return repository

    scope = levels(database=use(database), repository=use(repository))
    assert await call(handler, **scope) == "repository of database"
    assert log == ["handler", "closed"]


async def test_n13_trap_a_dependency_that_nobody_declares_is_a_clear_error() -> None:
    plan = compile_handler(provided, [])
    assert plan.mistakes == []
    text = (
        r"parameter 'x' of provided\(\) is a dependency that neither the route nor an Include nor the Router around it"
        r" declares \(declared are: %s\)"
    )
    with pytest.raises(RuntimeError, match=text % "none"):
        plan.call(server().websocket())
    with pytest.raises(RuntimeError, match=text % "a, b"):
        plan.call(server(**levels(b=use(real), a=use(real))).websocket())


async def test_n13_a_default_stands_in_for_a_dependency_that_nobody_declares() -> None:
    async def handler(x: Annotated[str, Provides()] = "default", n: int = 5) -> tuple[str, int]:
        return x, n

    assert await call(handler, query=b"x=client&n=6") == ("default", 6)
    assert await call(handler, **levels(x=use(real))) == ("real", 5)


async def test_n13_overrides_by_factory_and_by_name_win() -> None:
    assert await call(asking) == "real"
    assert await call(asking, **overrides()) == "real"
    assert await call(asking, **overrides((real, fake))) == "fake"
    assert await call(asking, **overrides((real, use(fake)))) == "fake"
    assert await call(asking, **overrides(x=fake)) == "real"  # no dependency by name
    scope = levels(x=use(outer))
    assert await call(provided, **scope, **overrides(x=fake)) == "fake"
    assert await call(provided, **scope, **overrides((outer, fake))) == "fake"
    assert await call(provided, **overrides(x=use(fake))) == "fake"


async def test_n13_an_override_is_shared_where_what_it_replaces_is() -> None:
    made: list[int] = []

    def counted() -> int:
        made.append(1)
        return len(made)

    async def handler(
        a: Annotated[Any, use(real, reuse=True)], b: Annotated[Any, use(real, reuse=True)]
    ) -> tuple[Any, Any]:
        return a, b

    assert await call(handler, **overrides((real, counted))) == (1, 1)
    assert await call(handler, **overrides((real, use(counted)))) == (2, 3)


async def test_an_override_has_parameters_of_its_own() -> None:
    def replacing(n: int, x: str = Provides()) -> str:
        return f"{n} {x}"

    scope = {**overrides((real, replacing)), **levels(x=use(outer))}
    assert await call(asking, query=b"n=5", **scope) == "5 outer"


async def test_plans_for_overrides_are_compiled_once_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "_REMEMBERED", 2)
    plan = compile_handler(asking, [])
    compiled = 0
    compiling = plan._compiler.compile

    def compile_and_count(*arguments: Any) -> Any:
        nonlocal compiled
        compiled += 1
        return compiling(*arguments)

    monkeypatch.setattr(plan._compiler, "compile", compile_and_count)
    for factory, expected in [(fake, 1), (fake, 1), (outer, 2), (fake, 2), (real, 3), (real, 3), (fake, 4)]:
        await plan.call(server(**overrides((real, factory))).websocket())
        assert compiled == expected


async def test_mistakes_in_what_the_scope_provides_are_raised_when_it_is_called() -> None:
    def wrong(service: Service) -> str:
        return "x"

    plan = compile_handler(asking, [])
    with pytest.raises(RouteDeclarationError, match=r"test_dependencies.py:\d+: parameter 'service' of .* asks for"):
        plan.call(server(**overrides((real, wrong))).websocket())
    assert await plan.call(server().websocket()) == "real"
    with pytest.raises(RouteDeclarationError, match="5 is no function: it cannot be called"):
        plan.call(server(**overrides((real, 5))).websocket())


def test_a_dependency_that_cannot_be_called_is_a_mistake_of_who_asks_for_it() -> None:
    wrong: Any = 5
    expected = "the dependency 'x' is {}, which cannot be called"
    assert mistakes(provided, dependencies={"x": use(wrong)}) == [expected.format("use(5, reuse=False)")]
    assert mistakes(provided, dependencies={"x": 5}) == [expected.format("5")]
