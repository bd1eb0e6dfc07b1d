"""A decorator that lets only those call a handler who have certain scopes."""

import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from typing import Any, Final, TypeVar, cast

from wsserve.asgi_bridge.boundary import is_bounded
from wsserve.asgi_bridge.exceptions import HTTPException, ImproperlyConfigured
from wsserve.asgi_bridge.middleware.authentication import is_authenticated
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.codec.close_codes import POLICY_VIOLATION

F = TypeVar("F", bound=Callable[..., Any])

_FRAMEWORKS: Final = ("starlette.exception_handlers", "lilya.exception_handlers")
"""What a scope has below a framework that makes an end of its own exceptions."""


def requires(scopes: str | Iterable[str], *, status_code: int = 403, any_of: bool = False) -> Callable[[F], F]:
    """Return a decorator that lets a handler run only when the client has all of these scopes, or one with `any_of`.

    The client's scopes are those of `scope["auth"]`, which an `AuthenticationMiddleware` sets. Who lacks them gets 401
    when not authenticated, else `status_code`: before `accept()` as a denial, after it as close code 1008. That is an
    `HTTPException`; it is raised, so that the handler never runs, whoever calls it. Where neither a `Router` nor a
    framework would make an answer of it, an async handler's WebSocket is answered first. Below Starlette, FastAPI and
    Lilya it is their `HTTPException` or, where that cannot answer a WebSocket, their `WebSocketException`.

    For functions, methods and callable objects, plain or async, that take the connection by whatever name and in
    whatever way: a `WebSocket`, a `Request`, or one of Starlette or Lilya. The handler keeps its signature. Called
    without a connection it does not run: `TypeError`. When several are given, each must have the scopes. Without the
    middleware `ImproperlyConfigured` is raised. What is injected into the handler is made before; permissions of a
    route refuse earlier.

    Raises `ValueError` for no scopes or a status that is none from 400 to 599, `TypeError` for what is no handler, or
    none that can take a connection.
    """
    if callable(scopes):
        raise TypeError(f"requires() takes the name of a scope, or several: write @requires('name') on {_name(scopes)}")
    required = [scopes] if isinstance(scopes, str) else list(scopes)
    if not required or not all(isinstance(scope, str) and scope for scope in required):
        raise ValueError(f"requires() takes the name of a scope, or several, not {scopes!r}")
    if not isinstance(status_code, int) or not 400 <= status_code <= 599:
        raise ValueError(f"requires() refuses with a status from 400 to 599, not {status_code!r}")
    enough = any if any_of else all

    def refusal(connection: Any) -> HTTPException | None:
        """Return the error for a connection without the scopes."""
        if "auth" not in connection.scope:
            raise ImproperlyConfigured("requires() needs an AuthenticationMiddleware around the application")
        granted = getattr(connection.scope["auth"], "scopes", None) or ()
        if isinstance(granted, str):  # in which 'read' would be found in 'unread'
            granted = granted.split()
        if enough(scope in granted for scope in required):
            return None
        return HTTPException(status_code if is_authenticated(connection.scope.get("user")) else 401)

    def decorator(handler: F) -> F:
        _check(handler)
        if _is_async(handler):

            @wraps(handler)
            async def guarded_async(*args: Any, **kwargs: Any) -> Any:
                for connection in _connections(handler, args, kwargs):
                    if (error := refusal(connection)) is not None:
                        try:
                            await _answer(connection, error)
                            raise _known(connection, error)
                        finally:
                            del error  # its traceback refers to this frame
                return await handler(*args, **kwargs)

            return cast("F", guarded_async)

        @wraps(handler)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            for connection in _connections(handler, args, kwargs):
                if (error := refusal(connection)) is not None:
                    try:
                        raise _known(connection, error)
                    finally:
                        del error
            return handler(*args, **kwargs)

        return cast("F", guarded)

    return decorator


# At declaration


def _check(handler: object) -> None:
    """Raise `TypeError` for what cannot be a handler."""
    name = _name(handler)
    if isinstance(handler, type):
        raise TypeError(f"requires() is for functions and methods, not for the class {name}: put it on its methods")
    if isinstance(handler, (staticmethod, classmethod)):
        raise TypeError(f"requires() stands below @{type(handler).__name__} on {name}, not above it")
    if not callable(handler):
        raise TypeError(f"requires() is for functions and methods, not for {handler!r}")
    function = _function(handler)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"requires() cannot be on {name}, which is a generator: put it on the handler that uses it")
    parameters = inspect.signature(handler).parameters.values()
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # what cannot be resolved is said where the handler is used
        hints = {}
    if not any(_may_take_connection(parameter, hints) for parameter in parameters):
        raise TypeError(f"requires() needs {name} to take the connection: give it a parameter such as 'ws: WebSocket'")


def _may_take_connection(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> bool:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return True
    if parameter.name in ("self", "cls"):
        return False
    return _is_connection_type(hints.get(parameter.name, parameter.annotation))


def _is_connection_type(annotation: Any) -> bool:
    """Tell whether a connection may be of this type, as far as can be said."""
    if annotation is None or annotation is type(None):
        return False
    parts = typing.get_args(annotation)
    if parts:
        return any(_is_connection_type(part) for part in parts) or _is_connection_type(typing.get_origin(annotation))
    if not isinstance(annotation, type) or annotation in (inspect.Parameter.empty, Any):
        return True
    return issubclass(WebSocket, annotation) or (issubclass(annotation, Mapping) and annotation is not dict)


def _function(handler: Any) -> Any:
    """Return the function behind partials and callable objects."""
    while isinstance(handler, partial):
        handler = handler.func
    return handler if inspect.isroutine(handler) else handler.__call__


def _is_async(handler: object) -> bool:
    return inspect.iscoroutinefunction(_function(handler))


def _name(handler: Any) -> str:
    while isinstance(handler, partial):
        handler = handler.func
    return str(getattr(handler, "__qualname__", None) or type(handler).__qualname__)


# At a call


def _connections(handler: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return the connections among the arguments: at least one, or `TypeError`."""
    connections = [value for value in (*args, *kwargs.values()) if _is_connection(value)]
    if not connections:
        raise TypeError(f"{_name(handler)} was called without a connection, which requires() has to look at")
    return connections


def _is_connection(value: object) -> bool:
    """Tell whether this is a connection, of this package or of a framework that has the same kind of object."""
    return isinstance(getattr(value, "scope", None), Mapping) and isinstance(value, Mapping)


async def _answer(connection: Any, error: HTTPException) -> None:
    """Answer a WebSocket, when nothing further out would do it for the exception that follows."""
    scope = connection.scope
    if scope["type"] != "websocket":
        return
    if isinstance(connection, WebSocket):
        if not is_bounded(scope):
            await connection.end_with(error)
    elif not any(key in scope for key in _FRAMEWORKS):
        if _is_accepted(connection):
            await connection.close(POLICY_VIOLATION, error.detail)
        else:
            await WebSocket(scope, connection.receive, connection.send).end_with(error)


def _known(connection: Any, error: HTTPException) -> Exception:
    """Return the exception to raise: one that the connection's framework knows."""
    exceptions = sys.modules.get(f"{_framework(connection)}.exceptions")
    if exceptions is None:
        return error
    scope = connection.scope
    known: Exception
    if scope["type"] == "websocket" and (
        _is_accepted(connection)
        or "starlette.exception_handlers" not in scope
        or "websocket.http.response" not in (scope.get("extensions") or ())
    ):
        known = exceptions.WebSocketException(code=POLICY_VIOLATION, reason=error.detail)
    else:
        known = exceptions.HTTPException(status_code=error.status_code, detail=error.detail)
    return known


def _framework(connection: object) -> str:
    """Return the name of the package that a connection's class has from elsewhere."""
    packages = [cls.__module__.partition(".")[0] for cls in type(connection).__mro__]
    return next((package for package in packages if package in ("starlette", "lilya")), "")


def _is_accepted(connection: Any) -> bool:
    return getattr(getattr(connection, "application_state", None), "name", None) == "CONNECTED"
