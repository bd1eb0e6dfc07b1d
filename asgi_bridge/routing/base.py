"""What every route has in common."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from wsserve.asgi_bridge.boundary import Routed
from wsserve.asgi_bridge.exceptions import Mistake, NoMatchFound
from wsserve.asgi_bridge.routing.lifespan import Lifespan
from wsserve.asgi_bridge.routing.path_pattern import PathPattern
from wsserve.asgi_bridge.routing.url_path import URLPath
from wsserve.asgi_bridge.types import Receive, Scope, Send

_FRAMEWORKS: Final = ("starlette.routing", "lilya.routing.types")
"""The modules of frameworks that have a `NoMatchFound` of their own."""


class Place(NamedTuple):
    """A line of a source file."""

    file: str
    line: int


def place_of_call() -> Place:
    """Return the innermost line of the running code that is not in this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(__package__):
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno)


class BaseRoute(Routed, ABC):
    """What a router holds: a pattern, and what is to be done with the connections that it matches.

    `kinds` has the types of scopes that the route takes, `methods` the HTTP methods, None for all of them. `is_prefix`:
    the path may go on behind the pattern. Faults are not raised when a route is made: `mistakes()` has them, so that a
    router can tell all of them at once.
    """

    has_names_below: bool = False
    """Whether `path_for` knows more names than `name`."""

    def __init__(
        self,
        pattern: PathPattern,
        *,
        name: str = "",
        kinds: Iterable[str] = ("http", "websocket"),
        methods: Iterable[str] | None = None,
    ) -> None:
        self.pattern = pattern
        self.name = name
        self.kinds = frozenset(kinds)
        self.methods = None if methods is None else frozenset(methods)
        self.lifespans: Mapping[Any, Lifespan] = {}
        """What the router that takes this route runs for routers below it, each by its router."""
        self.place = place_of_call()

    @property
    def is_prefix(self) -> bool:
        """Whether the path may go on behind the pattern."""
        return self.pattern.is_prefix

    @abstractmethod
    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a connection that this route matches; the scope has its `path_params`."""

    def path_for(self, name: str, /, **params: Any) -> URLPath:
        """Return the path of the route `name` with these parameters. Raises `NoMatchFound` when it is another's."""
        if name != self.name or not name:
            raise NoMatchFound(name, params)
        return URLPath(self.build_path(name, params), protocol="websocket" if self.kinds == {"websocket"} else "http")

    def url_path_for(self, name: str, /, **params: Any) -> URLPath:
        """Return what `path_for` does, to Starlette and Lilya: they call this on routes of a router mounted in them.

        Raises `NoMatchFound` that is theirs, too, for they go on to their next route at no other error.
        """
        try:
            return self.path_for(name, **params)
        except NoMatchFound as error:
            loaded = [sys.modules[module] for module in _FRAMEWORKS if module in sys.modules]
            theirs = tuple(module.NoMatchFound for module in loaded)
            raise type("NoMatchFound", (NoMatchFound, *theirs), {})(name, params) from error

    def build_path(self, name: str, params: dict[str, Any]) -> str:
        """Return the pattern with these values. Raises `NoMatchFound` for `name` when they do not fit."""
        try:
            return self.pattern.build(params)
        except (ValueError, TypeError) as error:
            raise NoMatchFound(name, params) from error

    def declared(self) -> Iterator["BaseRoute"]:
        """Yield this route, then those that were declared below it."""
        yield self

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong in the declaration."""
        return [self.mistake(text) for text in self.pattern.mistakes]

    def mistake(self, text: str) -> Mistake:
        """Return a mistake in this route, at the place where it was declared."""
        return Mistake(text, *self.place)
