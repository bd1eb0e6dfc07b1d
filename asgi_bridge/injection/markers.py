"""What the annotation of a parameter may say about where its value comes from.

`Annotated[str, Header("x-token")]` takes a header, `Annotated[Database, use(connect)]` what a factory returns. A marker
class without options may stand for its instance: `Annotated[str, Header]`.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, TypeVar

T = TypeVar("T")


class Source:
    """A part of the request. `alias` is the value's name there, by default that of the parameter."""

    __slots__ = ("alias",)

    part: ClassVar[Literal["path", "query", "header", "cookie"]]

    def __init__(self, alias: str | None = None) -> None:
        if alias is not None and not isinstance(alias, str):
            raise TypeError(
                f"the name of a {self.part} parameter is a str, not {alias!r}: a default is written `= value`"
            )
        self.alias = alias

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.alias is None else repr(self.alias)})"


class Path(Source):
    """The value is in the path; `alias` is its name in the route's path."""

    __slots__ = ()
    part = "path"


class Query(Source):
    """The value is in the query."""

    __slots__ = ()
    part = "query"


class Header(Source):
    """The value is in a header, by default the one named as the parameter with `-` for `_`."""

    __slots__ = ()
    part = "header"


class Cookie(Source):
    """The value is in a cookie."""

    __slots__ = ()
    part = "cookie"


class Use:
    """What `use` returns: a factory, and whether its value is shared within a connection."""

    __slots__ = ("factory", "reuse")

    def __init__(self, factory: Callable[..., object], reuse: bool) -> None:
        self.factory = factory
        self.reuse = reuse

    def __repr__(self) -> str:
        return f"use({self.factory!r}, reuse={self.reuse})"


def use(factory: Callable[..., object], *, reuse: bool = False) -> Use:
    """Say in the annotation of a parameter that a factory makes its value.

    As in `Annotated[Database, use(connect)]`. The factory is a function, a class or another callable, plain, async, or
    a generator of either kind, which yields the value and is resumed when the handler has ended. Its own parameters are
    resolved as a handler's are. Each parameter gets a new value; with `reuse=True` all that ask for this factory within
    a connection get the same one. Plain functions run on the event loop: they must not block.
    """
    return Use(factory, reuse)


class Provided:
    """What `Provides` returns."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Provides()"


PROVIDED: Final = Provided()


def Provides() -> Any:  # noqa: N802  # the name that Lilya gave it; no class, or no annotation but its own would fit
    """Take the value of the parameter's name in the `dependencies` of the route, its Includes or its Router.

    It stands in the annotation or for the default value: `database: Database = Provides()`.
    """
    return PROVIDED


class Ignored:
    """What `Ignore` leaves in an annotation."""

    __slots__ = ()


Ignore = Annotated[T, Ignored()]
"""Says that a type is nothing to build by injection. This one never builds a type on its own, so it changes nothing."""

AsyncResource: TypeAlias = AsyncGenerator[T, None]
"""What an async generator that is a factory returns: it yields one value, and cleans up after its `yield`."""

Resource: TypeAlias = Generator[T, None, None]
"""What a generator that is a factory returns: it yields one value, and cleans up after its `yield`."""
