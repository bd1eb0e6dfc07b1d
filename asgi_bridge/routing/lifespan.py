"""Startup and shutdown of an application (ASGI specification, lifespan 2.0)."""

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias

from wsserve.asgi_bridge.types import Receive, Scope, Send

_log = logging.getLogger("wsserve.routing")

Lifespan: TypeAlias = (
    Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]
    | Callable[[Any], AsyncIterator[Mapping[str, Any] | None]]
)
"""What takes the application and returns a context manager around its life; an async generator function is one, too.

What it yields, if anything, goes into the state of every connection.
"""


async def run_lifespan(lifespans: Iterable[Lifespan], app: Any, scope: Scope, receive: Receive, send: Send) -> None:
    """Enter the lifespans of `app` at its startup, and leave them in reverse order at its shutdown.

    An error is logged, and the server is told of it in one line.
    """
    event = "startup"
    try:
        async with AsyncExitStack() as stack:
            await receive()
            for lifespan in lifespans:
                state = await stack.enter_async_context(_context_manager(lifespan)(app))
                _add_state(scope, state)
            await send({"type": "lifespan.startup.complete"})
            event = "shutdown"
            await receive()
    except Exception as error:
        _log.exception("The application's %s failed", event)
        await send({"type": f"lifespan.{event}.failed", "message": _in_one_line(error)})
    else:
        await send({"type": "lifespan.shutdown.complete"})


def _context_manager(lifespan: Lifespan) -> Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]:
    if inspect.isasyncgenfunction(lifespan):
        return asynccontextmanager(lifespan)
    return lifespan  # type: ignore[return-value]  # it is no generator function, so it is the other kind


def _add_state(scope: Scope, state: Any) -> None:
    if state is None:
        return
    if not isinstance(state, Mapping):
        raise TypeError(f"a lifespan yields a mapping for the state, or nothing, but not {state!r}")
    if "state" not in scope:
        raise RuntimeError("the lifespan yields a state, but the server has no place for one: its scope has no 'state'")
    scope["state"].update(state)


def _in_one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
