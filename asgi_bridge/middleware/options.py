"""A middleware or permission declared together with its options."""

from collections.abc import Callable
from typing import Any, TypeAlias

from wsserve.asgi_bridge.types import ASGIApp

MiddlewareFactory: TypeAlias = Callable[[ASGIApp], ASGIApp]
"""A middleware's class, or a `Middleware` with its options: it takes the application that it is put around."""


class Middleware:
    """A middleware with its options: `Middleware(SessionMiddleware, secret_key=...)`."""

    def __init__(self, factory: Callable[..., ASGIApp], /, *args: Any, **options: Any) -> None:
        if not callable(factory):
            raise TypeError(
                f"{type(self).__name__}() takes a class or function that takes an application, not {factory!r}"
            )
        self.factory = factory
        self.args = args
        self.options = options

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """Put it around `app`."""
        return self.factory(app, *self.args, **self.options)

    def __repr__(self) -> str:
        name = getattr(self.factory, "__name__", repr(self.factory))
        arguments = [*map(repr, self.args), *(f"{key}=..." for key in self.options)]  # they may be secrets
        return f"{type(self).__name__}({', '.join([name, *arguments])})"


class Permission(Middleware):
    """A permission with its options: `Permission(HasRole, role="admin")`."""
