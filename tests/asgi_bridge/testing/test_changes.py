"""Waiting for something to become true, with a time limit."""

import anyio
import pytest

from wsserve.asgi_bridge.testing.changes import Changes

pytestmark = pytest.mark.anyio


async def test_all_who_wait_look_again() -> None:
    changes, numbers, done = Changes(), list[int](), list[int]()

    async def wait_for(number: int) -> None:
        assert await changes.until(lambda: number in numbers)
        done.append(number)

    async with anyio.create_task_group() as tasks:
        for number in (1, 2):
            tasks.start_soon(wait_for, number)
        for number in (2, 1):
            await anyio.wait_all_tasks_blocked()
            numbers.append(number)
            changes.announce()
    assert done == [2, 1]


async def test_the_limit() -> None:
    changes = Changes()
    assert await changes.until(lambda: True, 0)
    assert not await changes.until(lambda: False, 0)
    assert not await changes.until(lambda: False, 0.001)


async def test_what_has_become_true_at_the_limit_counts() -> None:
    answers = iter([False, True])
    assert await Changes().until(lambda: next(answers), 0)
