"""What the application raised, and how it reaches the test."""

import traceback

from wsserve.asgi_bridge.endings import close_for, is_answer, leaves
from wsserve.asgi_bridge.testing.exceptions import ApplicationEndedError


def is_failure(error: BaseException, *, over: bool) -> bool:
    """Tell whether a server would log `error` as an error of the application.

    A disconnect is none when the connection is `over`, also when it is another framework's. Neither is an error that
    says itself how the connection ends.
    """
    if over and all(type(leaf).__name__ == "WebSocketDisconnect" for leaf in leaves(error)):
        return False
    return not over if close_for(error) is None else not is_answer(error)


def presentable(error: BaseException) -> Exception:
    """Return `error` as it is raised in a test: what is no `Exception`, such as `SystemExit`, as the cause of one."""
    if isinstance(error, Exception):
        return error
    wrapped = ApplicationEndedError(f"the application raised {error!r}")
    wrapped.__cause__ = error
    return wrapped


def add_note(error: BaseException, problem: Exception) -> None:
    """Add to the test's own failure what went wrong in the application besides."""
    if not any(leaf is problem for leaf in (*leaves(error), error)):
        error.add_note("Besides, in the application:\n" + "".join(traceback.format_exception(problem)).rstrip())
