"""What stands around an application: exception handlers, middleware, permissions, and calls before and after it."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from wsserve.asgi_bridge.endings import cause_of, status_of
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.middleware.options import MiddlewareFactory
from wsserve.asgi_bridge.middleware.permissions import with_permissions
from wsserve.asgi_bridge.middleware.refusal import respond
from wsserve.asgi_bridge.request import Request
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_state import WebSocketState

Around: TypeAlias = Callable[[Scope, Receive, Send], object]
"""What is called before or after an application, plain or async; not for the lifespan."""

ExceptionHandlers: TypeAlias = Mapping[Any, Callable[..., object]]  # any, as the keys of a Mapping are invariant
"""Functions `(connection, error)`, plain or async, by the error's type or the status of an `HTTPException`.

What one returns is the response to a request, and a response the denial of a handshake that was not answered.
"""

_CONNECTIONS: Final = ("http", "websocket")
_SERIES: Final = ("middleware", "permissions", "before", "after")
OPTIONS: Final = (*_SERIES, "exception_handlers", "dependencies")
"""What can be put around routes."""


def layered(
    app: ASGIApp,
    *,
    middleware: Sequence[MiddlewareFactory] = (),
    permissions: Sequence[Any] = (),
    before: Sequence[Around] = (),
    after: Sequence[Around] = (),
    exception_handlers: ExceptionHandlers | None = None,
) -> ASGIApp:
    """Return `app` within these layers: exception handlers outermost, then middleware, permissions, before and after.

    The first middleware and the first permission are the outer ones. `after` is called when `app` has returned without
    an error. Without layers it is `app` itself.
    """
    if before or after:
        app = _surrounded(app, tuple(before), tuple(after))
    if permissions:
        app = with_permissions(app, permissions)
    for factory in reversed(middleware):
        app = factory(app)
    if exception_handlers:
        app = _handled(app, dict(exception_handlers))
    return app


def read_layers(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the layers that `layered` takes, those that are not given being empty, and what is wrong with them.

    That is a sentence for each mistake; what is no list of layers at all is left out.
    """
    layers: dict[str, Any] = {}
    mistakes = [f"there is no option {name!r}, only {', '.join(OPTIONS)}" for name in given if name not in OPTIONS]
    for name in _SERIES:
        value = given.get(name) or ()
        if not isinstance(value, Iterable):
            mistakes.append(f"{name} is a list, not {value!r}: write [{getattr(value, '__name__', value)}]")
            value = ()
        layers[name] = tuple(value)
        mistakes += [f"{name} has {item!r}{fault}" for item in layers[name] if (fault := _fault_in(item, name))]
    layers["exception_handlers"], faults = read_mapping("exception_handlers", given)
    mistakes += faults
    for key, handler in layers["exception_handlers"].items():
        if not (isinstance(key, int) or (isinstance(key, type) and issubclass(key, Exception))):
            mistakes.append(f"exception_handlers has the key {key!r}, which is neither an Exception class nor a status")
        if not callable(handler):
            mistakes.append(f"exception_handlers has {handler!r}, which cannot be called")
    return layers, mistakes


def _fault_in(item: object, name: str) -> str:
    """Return what is wrong with an item of these layers, if anything is."""
    if not callable(item):
        module = type(item).__module__
        return f"{'' if module == 'builtins' else f' of {module}'}, which cannot be called"
    makes_application = name in ("middleware", "permissions")
    if makes_application and any(map(inspect.iscoroutinefunction, (item, type(item).__call__))):
        return ", which is async as an application is: give the class that is put around one, with or without options"
    return ""


def read_mapping(name: str, given: Mapping[str, Any]) -> tuple[dict[Any, Any], list[str]]:
    """Return the mapping that is given under this name, empty when there is none, and what is wrong with it."""
    value = given.get(name) or {}
    return (dict(value), []) if isinstance(value, Mapping) else ({}, [f"{name} is a dict, not {value!r}"])


def _surrounded(app: ASGIApp, before: tuple[Around, ...], after: tuple[Around, ...]) -> ASGIApp:
    async def surrounded(scope: Scope, receive: Receive, send: Send) -> None:
        is_connection = scope["type"] in _CONNECTIONS
        for call in before if is_connection else ():
            await _awaited(call(scope, receive, send))
        await app(scope, receive, send)
        for call in after if is_connection else ():
            await _awaited(call(scope, receive, send))

    return surrounded


async def _awaited(result: object) -> object:
    return await result if inspect.isawaitable(result) else result


def _handled(app: ASGIApp, handlers: dict[Any, Callable[..., object]]) -> ASGIApp:
    async def handled(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in _CONNECTIONS:
            await app(scope, receive, send)
            return
        begun = False

        async def watched_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await app(scope, receive, send if scope["type"] == "websocket" else watched_send)
        except Exception as error:
            cause = cause_of(error) or error
            handler = _handler_for(cause, handlers)
            connection = WebSocket(scope, receive, send) if scope["type"] == "websocket" else Request(scope, receive)
            try:
                if handler is None or begun:
                    raise
                result = await _awaited(handler(connection, cause))
            finally:
                del cause  # its traceback refers to this frame
            if isinstance(connection, Request):
                await Response.of(result)(scope, receive, send)
            elif callable(result) and connection.application_state is WebSocketState.CONNECTING:
                await respond(result, scope, receive, send)
            elif result is not None:  # what cannot be sent has handled nothing
                raise

    return handled


def _handler_for(error: BaseException, handlers: dict[Any, Callable[..., object]]) -> Callable[..., object] | None:
    """Return the handler of the error's status, else that of the nearest of its classes."""
    keys = [status_of(error), *type(error).__mro__]
    return next((handlers[key] for key in keys if key in handlers), None)
