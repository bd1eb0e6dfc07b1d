"""What is behind a callable, whatever its shape."""

import inspect
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial, wraps
from typing import Any, NamedTuple

import pytest

from wsserve.asgi_bridge.injection.callables import (
    innermost,
    is_async_generator_function,
    is_coroutine_function,
    layers,
    location,
    name_of,
    namespace,
)


async def plain() -> None: ...


def line_of(function: Callable[..., Any]) -> tuple[str, int]:
    return __file__, function.__code__.co_firstlineno


@wraps(plain)
def returning(*args: Any) -> Awaitable[None]:
    return plain(*args)


def blocking() -> None: ...


@wraps(blocking)
async def in_thread() -> None: ...


class Called:
    async def __call__(self) -> None: ...

    async def method(self) -> None: ...


class Made:
    def __init__(self) -> None: ...


class Inheriting(Made):
    pass


class New:
    def __new__(cls) -> "New":
        return super().__new__(cls)


class Bare:
    pass


class Pair(NamedTuple):
    left: int


ASYNC = [plain, returning, in_thread, Called(), Called().method, partial(plain), partial(partial(Called()), 5)]


@pytest.mark.parametrize("function", ASYNC)
def test_h4_trap_async_callables_of_every_shape_are_known(function: Any) -> None:
    assert is_coroutine_function(function)
    assert not is_async_generator_function(function)


@pytest.mark.parametrize("function", [blocking, Made, Bare, partial(blocking), lambda: None, print])
def test_h4_what_is_not_async_is_known(function: Any) -> None:
    assert not is_coroutine_function(function)
    assert not is_async_generator_function(function)


def test_h4_async_generators_are_told_apart() -> None:
    async def generator() -> Any:
        yield

    assert is_async_generator_function(partial(generator))
    assert not is_coroutine_function(generator)


@pytest.mark.parametrize(
    ("function", "written"),
    [
        (plain, plain),
        (returning, plain),
        (partial(blocking), blocking),
        (lru_cache(blocking), blocking),
        (Called(), Called.__call__),
        (Called().method, Called.method),
        (Made, Made.__init__),
        (Inheriting, Made.__init__),
        (New, New.__new__),
    ],
)
def test_the_location_is_that_of_the_function_behind(function: Any, written: Any) -> None:
    assert location(function) == line_of(written)
    assert namespace(function) is globals()


def test_the_location_of_a_class_without_functions_is_its_own() -> None:
    assert location(Bare) == (__file__, inspect.getsourcelines(Bare)[1])
    assert location(Bare())[0] == __file__
    assert namespace(Bare) is globals()


def test_what_has_no_source_has_a_location_all_the_same() -> None:
    assert location(print) == ("builtins", 0)
    assert location(5) == ("int", 0) or location(5) == ("builtins", 0)
    assert namespace(5) == {}


def test_names_are_those_of_the_source() -> None:
    assert name_of(partial(Called().method)) == "Called.method"
    assert name_of(Called()) == "Called.__call__"
    assert name_of(Pair) == "Pair"
    assert name_of(5) == "int"


def test_layers_end_where_python_does() -> None:
    assert list(layers(print)) == [print]
    assert list(layers(Bare)) == [Bare]
    assert innermost(partial(blocking)) is blocking
