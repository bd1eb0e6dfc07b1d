"""Finding out who is at the other end, before the application is called."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import HTTPException
from wsserve.asgi_bridge.middleware.refusal import refuse, respond
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send


class AuthenticationError(HTTPException):
    """Raised by a backend: what the client presented is not accepted.

    `detail` is the body of the answer, 401 by default; `headers` may have the `WWW-Authenticate` that belongs to a 401
    (RFC 9110, section 15.5.2). Raised anywhere else it is an `HTTPException` like others.
    """

    def __init__(
        self, detail: str | None = None, status_code: int = 401, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status_code, detail, headers)
        self.args = (self.detail, self.status_code, self.headers)


class AuthCredentials:
    """What a user may do: `scopes` are names of permissions, in the sense of OAuth 2.0."""

    def __init__(self, scopes: str | Iterable[str] = ()) -> None:
        self.scopes = [scopes] if isinstance(scopes, str) else list(scopes)

    def __repr__(self) -> str:
        return f"AuthCredentials({self.scopes!r})"


class User(Protocol):
    """What a user has at least; the users of Starlette and Lilya are such."""

    @property
    def is_authenticated(self) -> bool:
        """Whether it is known who this is; exactly True, not merely a true value."""

    @property
    def display_name(self) -> str:
        """A name to show; empty when it is not known who this is."""


@dataclass(frozen=True, slots=True)
class SimpleUser:
    """A user of whom there is nothing but a name."""

    username: str

    @property
    def is_authenticated(self) -> bool:
        """True."""
        return True

    @property
    def display_name(self) -> str:
        """The name."""
        return self.username

    @property
    def identity(self) -> str:
        """The name."""
        return self.username


@dataclass(frozen=True, slots=True)
class UnauthenticatedUser:
    """Whoever no backend knows."""

    @property
    def is_authenticated(self) -> bool:
        """False."""
        return False

    @property
    def display_name(self) -> str:
        """Nothing."""
        return ""

    @property
    def identity(self) -> str:
        """Nothing."""
        return ""


AuthResult: TypeAlias = tuple[Any, Any] | None
"""`AuthCredentials` and a `User`, or None when there is nothing by which a backend knows the client."""


class AuthenticationBackend(Protocol):
    """Finds out who a client is by the headers, cookies and so on of its connection."""

    async def authenticate(self, connection: ConnectionData, /) -> AuthResult:
        """Return credentials and user, or None; raise `AuthenticationError` to refuse the client."""


Backend: TypeAlias = AuthenticationBackend | Callable[[ConnectionData], Awaitable[AuthResult]]
OnError: TypeAlias = Callable[[ConnectionData, AuthenticationError], ASGIApp | Awaitable[ASGIApp]]


class AuthenticationMiddleware:
    """Puts into the scope what a backend finds out: `auth`, with its `scopes`, and `user`.

    `backend` is an object with `async authenticate(connection)`, or an async function like it, or several of these,
    which are asked in turn until one gives a result. They get what is in the scope, and no messages. When all return
    None, `user` is an `UnauthenticatedUser` without scopes, and the application is called: refusing it is up to
    `requires` and permissions. An `AuthenticationError` refuses at once: an HTTP request is answered and a handshake
    denied with its status, 401 by default (403 for a handshake where the server lacks the extension
    `websocket.http.response`). All other errors go up.

    `on_error(connection, error)`, plain or async, gives another response for an `AuthenticationError`: a `Response`,
    one of Starlette's, or any ASGI application that sends a response. Raises `TypeError` or `ValueError` for backends
    that cannot be any. Works in front of any ASGI application; scopes other than of HTTP and WebSockets pass.
    """

    def __init__(self, app: ASGIApp, backend: Backend | Sequence[Backend], on_error: OnError | None = None) -> None:
        self._app = app
        backends = backend if isinstance(backend, (list, tuple)) else [backend]
        if not backends:
            raise ValueError("AuthenticationMiddleware has an empty list of backends: give it at least one")
        self._backends = [_function_of(entry) for entry in backends]
        if on_error is not None and not callable(on_error):
            raise TypeError(f"on_error is a function that takes a connection and an error, not {on_error!r}")
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the backends, and pass the call on or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = ConnectionData(scope)
        try:
            auth, user = await self._authenticate(connection)
        except AuthenticationError as error:
            if self._on_error is None:
                await refuse(scope, receive, send, error.status_code, f"{error.detail}\n", error.headers)
                return
            response = self._on_error(connection, error)
            if inspect.isawaitable(response):
                response = await response
            if not callable(response):
                raise TypeError(f"on_error() returned {response!r}: it is to return a response") from error
            await respond(response, scope, receive, send)
            return
        await self._app({**scope, "auth": auth, "user": user}, receive, send)

    async def _authenticate(self, connection: ConnectionData) -> tuple[Any, Any]:
        for authenticate in self._backends:
            result: Any = authenticate(connection)
            if inspect.isawaitable(result):
                result = await result
            if result is None:
                continue
            if not isinstance(result, tuple) or len(result) != 2:
                name = getattr(authenticate, "__qualname__", repr(authenticate))
                raise TypeError(f"{name}() returned {result!r}: it is to return (AuthCredentials, user), or None")
            return result
        return AuthCredentials(), UnauthenticatedUser()


def is_authenticated(user: object) -> bool:
    """Tell whether `user` is one who is authenticated.

    Only True counts: of a user whose `is_authenticated` is a method, the method itself would be a true value.
    """
    return getattr(user, "is_authenticated", False) is True


def _function_of(backend: object) -> Callable[[ConnectionData], object]:
    if isinstance(backend, type):
        raise TypeError(f"an authentication backend is an object, not a class: write {backend.__name__}()")
    function = getattr(backend, "authenticate", backend)
    if not callable(function):
        raise TypeError(f"an authentication backend has a method authenticate(connection); {backend!r} has none")
    authenticate: Callable[[ConnectionData], object] = function
    return authenticate
