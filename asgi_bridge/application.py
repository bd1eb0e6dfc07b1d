"""Running one call of the application, whatever it does."""

import logging

import anyio

from wsserve.asgi_bridge.transport import Runtime
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger("wsserve.error")


async def run_application(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, runtime: Runtime
) -> BaseException | None:
    """Call the application; return what it raised, or None when it returned.

    Only the server's own cancellation passes through. Everything else ends here, also `SystemExit`, `KeyboardInterrupt`
    and a `CancelledError` that the application brought about itself: one connection must not end the others.
    """
    try:
        await app(scope, receive, send)
    except BaseException as error:  # see the docstring
        if runtime.cancelled():
            cancellation, failure = _split(error)
            if failure is not None and cancellation is not None:
                logger.error("The application failed while it was being cancelled", exc_info=failure)
            if cancellation is not None:
                raise cancellation from None
        return error
    return None


def _split(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """Part `error` into what is cancellation and what is not; a task group raises both in one."""
    cancelled = anyio.get_cancelled_exc_class()
    if isinstance(error, BaseExceptionGroup):
        return error.split(cancelled)
    return (error, None) if isinstance(error, cancelled) else (None, error)
