"""The plan of a handler: what it asks for in its signature, prepared once, and got for each connection."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator, Mapping
from inspect import isawaitable
from types import AsyncGeneratorType, CoroutineType
from typing import Any, Final

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import Mistake, RouteDeclarationError
from wsserve.asgi_bridge.injection.callables import (
    is_async_generator_function,
    is_coroutine_function,
    location,
    name_of,
)
from wsserve.asgi_bridge.injection.program import Compiler, Program
from wsserve.asgi_bridge.injection.resources import NOTHING, Resources
from wsserve.asgi_bridge.injection.signature import Surroundings
from wsserve.asgi_bridge.types import Scope
from wsserve.asgi_bridge.websocket import WebSocket

DEPENDENCIES_KEY: Final = "wsserve.dependencies"
"""Where a scope has the dependencies of Router and Includes: what `use` returns, by name."""

OVERRIDES_KEY: Final = "wsserve.overrides"
"""Where a scope has what replaces factories: a mapping from a factory, or from a dependency's name, to another."""

_REMEMBERED: Final = 64


class HandlerPlan:
    """What `compile_handler` returns. `mistakes` are what is wrong with the handler and with its factories."""

    __slots__ = (
        "_checks_closed",
        "_cleanup_timeout",
        "_compiler",
        "_dependencies",
        "_looks_into_scope",
        "_program",
        "_programs",
        "mistakes",
    )

    def __init__(
        self,
        function: Any,
        surroundings: Surroundings,
        dependencies: Mapping[str, Any],
        cleanup_timeout: float,
    ) -> None:
        self._compiler = Compiler(function, surroundings)
        self._dependencies = dict(dependencies)
        self._cleanup_timeout = cleanup_timeout
        self._checks_closed = hasattr(surroundings.connection_type, "closed")
        self._program = self._compiler.compile(self._dependencies, {})
        self._programs: dict[tuple[tuple[Any, int], ...], tuple[Program, list[Any]]] = {}
        self.mistakes: list[Mistake] = _mistakes_of_handler(function) + self._program.mistakes
        self._looks_into_scope = bool(self.mistakes) or self._compiler.asks_by_name

    def call(self, connection: ConnectionData) -> Awaitable[Any]:
        """Return what to await for one call of the handler; its result is the handler's.

        Raises `InvalidRequestError` with all faults in the request's values before any factory runs; `RuntimeError` for
        a dependency that is declared nowhere and for a generator without a `yield`; `RouteDeclarationError` when the
        handler or a factory has mistakes; and what the handler and the factories raise. When a factory has closed the
        connection or denied the handshake, the handler is not called, and the result is None.
        """
        program, scope = self._program, connection.scope
        if (
            self._looks_into_scope
            or scope.get(OVERRIDES_KEY)
            # What is declared around the route is not for the client to choose.
            or not self._compiler.unmarked.isdisjoint(scope.get(DEPENDENCIES_KEY) or ())
        ):
            program = self._program_for(scope)
        values = program.read(connection)
        if not program.calls:
            handling: Awaitable[Any] = program.handler(values)
            return handling
        if program.has_generators:
            return self._call_with_resources(program, connection, values)
        return self._call(program, connection, values)

    async def _call(self, program: Program, connection: ConnectionData, values: list[Any]) -> Any:
        if await self._make(program, connection, values, None):
            return await program.handler(values)
        return None

    async def _call_with_resources(self, program: Program, connection: ConnectionData, values: list[Any]) -> Any:
        resources = Resources(self._cleanup_timeout)
        result = failure = remaining = None
        try:
            with resources.scope as scope:
                try:
                    if await self._make(program, connection, values, resources):
                        result = await program.handler(values)
                except BaseException as error:
                    failure = error
                remaining = await resources.clean_up(failure)
                if remaining is not None:
                    raise remaining
            if scope.cancelled_caught and resources.cancellation is not None:
                raise resources.cancellation
            return result
        finally:
            del failure, remaining, resources  # their tracebacks refer to this frame

    async def _make(
        self, program: Program, connection: ConnectionData, values: list[Any], resources: Resources | None
    ) -> bool:
        """Call the factories, and tell whether the handler is to be called."""
        for call in program.calls:
            value = call.invoke(values)
            if (
                resources is not None
                and call.is_generator
                and (type(value) is AsyncGeneratorType or isinstance(value, (AsyncGenerator, Generator)))
            ):
                value = await resources.start(call.name, value)
                if value is NOTHING:
                    if self._is_closed(connection):
                        return False
                    raise RuntimeError(f"{call.name}() ended without a yield, and without closing the connection")
            elif type(value) is CoroutineType or (call.is_async and isawaitable(value)):
                value = await value
            values.append(value)
            if self._is_closed(connection):
                return False
        return True

    def _is_closed(self, connection: Any) -> bool:
        return self._checks_closed and connection.closed

    def _program_for(self, scope: Scope) -> Program:
        if self.mistakes:
            raise RouteDeclarationError(self.mistakes)
        dependencies = {**(scope.get(DEPENDENCIES_KEY) or {}), **self._dependencies}
        overrides = scope.get(OVERRIDES_KEY) or {}
        factories = [*dependencies.items(), *overrides.items()]
        key = tuple((name, id(factory)) for name, factory in factories)
        if key not in self._programs:
            if len(self._programs) == _REMEMBERED:
                self._programs.clear()
            # The factories are kept as well, or others might get their ids.
            self._programs[key] = self._compiler.compile(dependencies, overrides), factories
        program = self._programs[key][0]
        if program.mistakes:
            raise RouteDeclarationError(program.mistakes)
        if program.missing:
            raise RuntimeError("; ".join(program.missing))
        return program


def compile_handler(
    function: Callable[..., object],
    path_names: Collection[str],
    *,
    connection_type: type[ConnectionData] = WebSocket,
    dependencies: Mapping[str, Any] = {},
    cleanup_timeout: float = 10.0,
) -> HandlerPlan:
    """Return the plan of an async handler on a route with these parameters in its path.

    `dependencies` are those that the route itself declares, by name; they go before those in the scope. When the
    handler has ended, the factories have `cleanup_timeout` seconds in all to clean up. Raises nothing for what is wrong
    with the handler: see the plan's `mistakes`.
    """
    return HandlerPlan(
        function, Surroundings(frozenset(path_names), connection_type, dependencies), dependencies, cleanup_timeout
    )


def _mistakes_of_handler(function: Any) -> list[Mistake]:
    if not callable(function):
        return []  # as its signature says
    if isinstance(function, type):
        text = f"the handler {name_of(function)} is a class: a handler is an async function"
    elif is_coroutine_function(function):
        return []
    elif is_async_generator_function(function):
        text = f"the handler {name_of(function)}() is an async generator: it must not have a `yield`"
    else:
        text = f"the handler {name_of(function)}() is not async: declare it with `async def`"
    return [Mistake(text, *location(function))]
