"""Running the cleanups of a connection from outside of its handler."""

from wsserve.asgi_bridge.types import Scope
from wsserve.asgi_bridge.websocket_state import STATE_KEY, ConnectionState


def prepare_cleanups(scope: Scope) -> None:
    """Give `scope` its connection's state before the application gets it.

    Then `run_cleanups` also finds cleanups that were added below a middleware that copies the scope.
    """
    ConnectionState.of(scope)


async def run_cleanups(scope: Scope) -> None:
    """Run what `WebSocket.add_cleanup` registered on this scope's connection and what has not run yet.

    Whoever hosts a handler calls it when the handler is done, however it ended. The cleanups run last in first out,
    each once, shielded from cancellation; their errors are logged, none is raised.
    """
    state: ConnectionState | None = scope.get(STATE_KEY)
    if state is not None:
        await state.run_cleanups()
