"""The clean-up of generators that are factories: in reverse order, each once, however the handler ends."""

import logging
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import AsyncGeneratorType, coroutine
from typing import Any, Final, TypeAlias, TypeVar

import anyio

from wsserve.asgi_bridge.endings import cause_of

logger = logging.getLogger("wsserve.websocket")

T = TypeVar("T")

Generating: TypeAlias = AsyncGenerator[Any, None] | Generator[Any, None, None]

NOTHING: Final = object()
"""What a generator yields that ends without a yield."""


class Resources:
    """The generators of one connection that have yielded their values.

    They are started and resumed within `scope`, since they may open scopes and task groups of their own around their
    `yield`. For the clean-up it is shielded, for `cleanup_timeout` seconds: a cancellation may come while that runs.
    """

    __slots__ = ("_cleanup_timeout", "_generators", "cancellation", "scope")

    def __init__(self, cleanup_timeout: float) -> None:
        self.scope = anyio.CancelScope()
        self.cancellation: BaseException | None = None
        """What the handler or a clean-up was ended by: a cancellation, or what else is no `Exception`."""
        self._cleanup_timeout = cleanup_timeout
        self._generators: list[tuple[str, Generating]] = []

    async def start(self, name: str, generator: Generating) -> Any:
        """Run the generator to its `yield` and return what it yields, `NOTHING` when it ends before."""
        if type(generator) is AsyncGeneratorType or isinstance(generator, AsyncGenerator):
            value = await anext(generator, NOTHING)
        else:
            value = next(generator, NOTHING)
        if value is not NOTHING:
            self._generators.append((name, generator))
        return value

    async def clean_up(self, error: BaseException | None) -> BaseException | None:
        """Resume the generators, the newest first, and return the error that remains.

        `error` is what the handler ended with. As by a context manager it is raised at each `yield`, and a generator
        may swallow it or raise another one in its place. After an orderly end, a disconnect included, all are resumed
        normally; an error of one is then not raised in the others, and several come back as a group. After
        `cleanup_timeout` seconds those that still wait are cut off.
        """
        failures: list[Exception] = []
        self.scope.shield = True
        self._note_cancellation(error)
        while self._generators:
            is_orderly = _is_orderly(error)
            traceback = None if error is None else error.__traceback__
            try:
                await self._resume(*self._generators.pop(), None if is_orderly else error)
            except BaseException as raised:
                # Without the frame of this method, which refers to the errors, too: that would be a cycle.
                raised.__traceback__ = raised.__traceback__ and raised.__traceback__.tb_next
                if raised is error:
                    raised.__traceback__ = traceback  # as it was
                elif self.scope.cancel_called and isinstance(raised, anyio.get_cancelled_exc_class()):
                    continue  # cut off, which is said below
                elif is_orderly and isinstance(raised, Exception):
                    failures.append(raised)
                elif not _is_orderly(raised):  # a disconnect takes no other error's place
                    error = raised
                    self._note_cancellation(error)
            else:
                if not is_orderly:
                    error = self.cancellation if self._is_cancelled() else None
        if self.scope.cancel_called:
            logger.warning("Factories did not clean up within %g s", self._cleanup_timeout)
        if failures and _is_orderly(error):
            return failures[0] if len(failures) == 1 else ExceptionGroup("several factories did not clean up", failures)
        for failure in failures:  # a cancellation came after them, and has to go on
            logger.error("A factory did not clean up", exc_info=failure)
        return error

    async def _resume(self, name: str, generator: Generating, error: BaseException | None) -> None:
        """Let the generator go on after its `yield`, or raise `error` there, and return when it has ended.

        Raises what the generator raises, and `RuntimeError` when it yields once more.
        """
        try:
            if type(generator) is AsyncGeneratorType or isinstance(generator, AsyncGenerator):
                resumed = anext(generator) if error is None else generator.athrow(error)
                await _calling_when_it_waits(resumed, self._begin_deadline)
                await generator.aclose()
            else:
                next(generator) if error is None else generator.throw(error)
                generator.close()
        except (StopAsyncIteration, StopIteration):
            return
        text = f"{name}() has a second yield: a factory yields one value, and cleans up after that"
        raise RuntimeError(text) from error

    def _begin_deadline(self) -> None:
        if self.scope.deadline == math.inf:
            self.scope.deadline = anyio.current_time() + self._cleanup_timeout

    def _note_cancellation(self, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, Exception) and self.cancellation is None:
            self.cancellation = error

    def _is_cancelled(self) -> bool:
        """Tell whether a scope around this one is cancelled, which no generator can end.

        A task group in a generator swallows on trio what came from behind the shield.
        """
        if self.cancellation is None:
            return False
        self.scope.shield = False
        try:
            return anyio.current_effective_deadline() == -math.inf
        finally:
            self.scope.shield = True


def _is_orderly(error: BaseException | None) -> bool:
    return error is None or cause_of(error) is None


@coroutine
def _calling_when_it_waits(awaitable: Awaitable[T], call: Callable[[], None]) -> Generator[Any, Any, T]:
    """Await `awaitable`, and call `call` each time that it waits for something.

    Most clean-ups wait for nothing, and a deadline costs more than all else about them.
    """
    awaited = awaitable.__await__()
    step, argument = awaited.send, None
    while True:
        try:
            waiting_for = step(argument)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # what `awaitable` gives
        call()
        try:
            step, argument = awaited.send, (yield waiting_for)
        except BaseException as error:  # it is for `awaitable`
            step, argument = awaited.throw, error
