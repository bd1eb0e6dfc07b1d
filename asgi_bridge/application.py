"""Running one call of the application, whatever it does, and what its errors mean for the connection."""

import logging
from collections.abc import Awaitable, Callable

import anyio

from wsserve.asgi_bridge.endings import close_for, is_answer, leaves
from wsserve.asgi_bridge.transport import Runtime, Transport

logger = logging.getLogger("wsserve.error")


async def run_application(call: Callable[[], Awaitable[None]], runtime: Runtime) -> BaseException | None:
    """Await `call()`, which calls the application; return what it raised, or None when it returned.

    Only the server's own cancellation passes through. Everything else ends here, also `SystemExit`, `KeyboardInterrupt`
    and a `CancelledError` that the application brought about itself: one connection must not end the others.
    """
    try:
        await call()
    except BaseException as error:  # see the docstring
        return _end(error, runtime)
    return None


async def host_application(
    call: Callable[[], Awaitable[None]],
    ended: Callable[[BaseException | None], None],
    transport: Transport,
    runtime: Runtime,
    clean_up: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Run the application, then `ended` with what it raised; however that goes, the connection does not stay behind.

    `clean_up` is awaited at last, also when the server is being cancelled.
    """
    failure: BaseException | None = None
    try:
        try:
            # Not by way of another coroutine: each between the task and the application costs something per message,
            # and memory for as long as the connection lasts.
            await call()
        except BaseException as error:
            failure = _end(error, runtime)
        ended(failure)
    except Exception:
        # A fault of the server's own; it must not end the other connections.
        logger.exception("Internal error; the connection is dropped")
        transport.abort()
    except BaseException:
        transport.abort()
        raise
    finally:
        failure = None  # its traceback holds this frame, which holds it
        if clean_up is not None:
            await clean_up()


def log_error(error: BaseException, path: str, *, over: bool) -> None:
    """Log what an application raised; that its client has gone is no error when the connection is `over`."""
    closing = close_for(error)
    # The path is the peer's: cut, and escaped by %r.
    if over and closing is None:
        logger.debug("The application on %.200r ended on the disconnect of its client", path)
    elif closing is not None and is_answer(error):
        logger.info("The application on %.200r closed the connection with %d: %.200r", path, *closing)
    else:
        logger.error("Exception in the application on %.200r", path, exc_info=error)


def _end(error: BaseException, runtime: Runtime) -> BaseException:
    """Return what the application raised; raise instead what is the server's own cancellation."""
    if runtime.cancelled():
        cancellation, failure = _split(error)
        if failure is not None and cancellation is not None:
            logger.error("The application failed while it was being cancelled", exc_info=failure)
        if cancellation is not None:
            raise leaves(cancellation)[0] from None
    return error


def _split(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """Part `error` into what is cancellation and what is not; a task group raises both in one."""
    cancelled = anyio.get_cancelled_exc_class()
    if isinstance(error, BaseExceptionGroup):
        return error.split(cancelled)
    return (error, None) if isinstance(error, cancelled) else (None, error)
