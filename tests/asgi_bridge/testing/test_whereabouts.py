"""Where a coroutine waits, in words."""

from collections.abc import Coroutine, Generator
from typing import Any

import anyio.lowlevel

from wsserve.asgi_bridge.testing.whereabouts import whereabouts


class Waiting:
    def __await__(self) -> Generator[None, None, None]:
        yield


async def inner() -> None:
    await Waiting()


async def outer() -> None:
    await inner()


def suspended(coroutine: Coroutine[Any, Any, None]) -> str:
    coroutine.send(None)
    try:
        return whereabouts(coroutine)
    finally:
        coroutine.close()


def test_the_innermost_place_is_told() -> None:
    line = inner.__code__.co_firstlineno + 1
    assert suspended(outer()) == f"{__file__}:{line} in inner"


def test_places_in_libraries_are_left_out() -> None:
    async def through_a_library() -> None:
        await foreign()

    name = "json/decoder.py"
    namespace: dict[str, Any] = {"Waiting": Waiting}
    exec(compile("async def foreign():\n    await Waiting()", f"{anyio.lowlevel.__file__}/{name}", "exec"), namespace)
    foreign = namespace["foreign"]
    assert suspended(through_a_library()).endswith(".through_a_library")
    assert suspended(foreign()).endswith("json/decoder.py:2 in foreign"), "better than nothing"


def test_what_has_ended_or_is_no_coroutine() -> None:
    coroutine = inner()
    coroutine.close()
    assert whereabouts(coroutine) == "a place that is not known"
    assert whereabouts(None) == "a place that is not known"
