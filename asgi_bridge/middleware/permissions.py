"""Permissions: classes around an application that let a connection through to it or refuse it."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from contextlib import suppress

from wsserve.asgi_bridge.boundary import is_bounded
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.endings import close_for, denial_for
from wsserve.asgi_bridge.exceptions import HTTPException, PermissionDenied
from wsserve.asgi_bridge.middleware.authentication import is_authenticated
from wsserve.asgi_bridge.middleware.options import MiddlewareFactory
from wsserve.asgi_bridge.middleware.refusal import refuse
from wsserve.asgi_bridge.outgoing import closure
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket


class BasePermission(ABC):
    """A permission of which a subclass writes `has_permission` only. It works in front of any ASGI application.

    Who may not pass gets `denial`: an HTTP request is answered with it, a handshake denied, an accepted WebSocket
    closed with 1008. Below a wsserve `Router` it is raised, so that exception handlers get it. The lifespan passes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    @abstractmethod
    def has_permission(self, connection: ConnectionData, /) -> bool | Awaitable[bool]:
        """Tell whether this connection may pass; `async def` will do as well."""

    def denial(self, _connection: ConnectionData, /) -> HTTPException:
        """Return the error for a connection that may not pass: by default 403."""
        return PermissionDenied()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        connection = ConnectionData(scope)
        allowed: object = self.has_permission(connection)
        if inspect.isawaitable(allowed):
            allowed = await allowed
        if not isinstance(allowed, bool):  # a coroutine or a method would be a true value
            name = type(self).__qualname__
            raise TypeError(f"{name}.has_permission() returned {allowed!r}: it is to return True or False")
        if allowed:
            await self.app(scope, receive, send)
            return
        if is_bounded(scope):
            raise self.denial(connection)  # in no variable here, which its traceback would refer to
        await _answer(self.denial(connection), scope, receive, send)


class AllowAny(BasePermission):
    """Lets every connection through."""

    def has_permission(self, _connection: ConnectionData, /) -> bool:
        """Return True."""
        return True


class DenyAll(BasePermission):
    """Refuses every connection, with 403."""

    def has_permission(self, _connection: ConnectionData, /) -> bool:
        """Return False."""
        return False


class IsAuthenticated(BasePermission):
    """Lets users through who are authenticated; all others get 401.

    `challenge` is the value of the header `WWW-Authenticate`, such as `Bearer`, which a 401 should have (RFC 9110,
    section 15.5.2). Without an `AuthenticationMiddleware` further out, `ImproperlyConfigured` is raised.
    """

    def __init__(self, app: ASGIApp, challenge: str | None = None) -> None:
        super().__init__(app)
        self._headers = {} if challenge is None else {"www-authenticate": challenge}

    def has_permission(self, connection: ConnectionData, /) -> bool:
        """Tell whether there is a user who is authenticated."""
        return is_authenticated(connection.user)

    def denial(self, _connection: ConnectionData, /) -> HTTPException:
        """Return the error: 401."""
        return HTTPException(401, headers=self._headers)


def with_permissions(app: ASGIApp, permissions: Sequence[MiddlewareFactory]) -> ASGIApp:
    """Return `app` within these permissions, of which the first is the outermost.

    Each is a class such as `IsAuthenticated`, a `Permission`, or any class that takes an application and is called as
    one: it calls the application, or raises `PermissionDenied` or another `HTTPException`. That is raised further below
    a wsserve `Router`; elsewhere it is answered as by a `BasePermission`. The lifespan passes them all by. Raises
    `TypeError` for what cannot be called.
    """
    guarded = app
    for permission in reversed(permissions):
        if not callable(permission):
            raise TypeError(f"a permission is a class or a Permission(...), not {permission!r}")
        guarded = permission(guarded)
        if not callable(guarded):
            raise TypeError(
                f"the permission {permission!r} makes {guarded!r} of an application: write a BasePermission with"
                " has_permission()"
            )

    async def permitted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif is_bounded(scope):
            await guarded(scope, receive, send)
        else:
            await _answering(guarded, scope, receive, send)

    return permitted


async def _answering(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Call `app`; answer the `HTTPException` that it raises."""
    last: str | None = None

    def watched_send(message: Message) -> Awaitable[None]:
        nonlocal last
        last = message["type"]
        return send(message)

    try:
        await app(scope, receive, watched_send)
    except HTTPException as error:
        if last is None:
            await _answer(error, scope, receive, send)
        elif last in ("websocket.accept", "websocket.send") and (closing := close_for(error)) is not None:
            with suppress(OSError):  # the client has left
                await send(closure(*closing))
        elif scope["type"] != "websocket":
            raise


async def _answer(error: HTTPException, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).end_with(error)
        return
    denied = denial_for(error)
    if denied is None:  # a permission of one's own may give any error
        raise error
    await refuse(scope, receive, send, *denied)
