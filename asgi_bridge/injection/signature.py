"""From a signature to the sources of its parameters, and to everything that is wrong with it."""

import contextlib
import inspect
from collections.abc import Container
from functools import partial
from inspect import Parameter
from itertools import chain
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import Mistake
from wsserve.asgi_bridge.injection.callables import layers, location, name_of, namespace
from wsserve.asgi_bridge.injection.conversion import ValueType
from wsserve.asgi_bridge.injection.markers import (
    PROVIDED,
    Cookie,
    Header,
    Path,
    Provided,
    Provides,
    Query,
    Source,
    Use,
)
from wsserve.asgi_bridge.injection.values import Value

_BARE: Final[list[tuple[object, Source | Provided]]] = [
    (Path, Path()),
    (Query, Query()),
    (Header, Header()),
    (Cookie, Cookie()),
    (Provides, PROVIDED),
]
_FOREIGN: Final = ("annotated_types", "fast_depends", "fastapi", "ididi", "lihil", "lilya", "litestar", "pydantic")
"""Packages whose markers say something about a value; passed over, `Depends` would let the client choose it."""
_VARIADIC: Final[dict[object, str]] = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


class Named(NamedTuple):
    """A dependency that the route, its Includes or its Router declare under this name."""

    name: str
    default: Any


class Argument(NamedTuple):
    """A parameter of a function, and what it gets."""

    name: str
    is_keyword: bool
    source: Value | Use | Named | None
    """None stands for the connection."""


class Surroundings(NamedTuple):
    """What the parameters of a function may refer to."""

    path_names: Container[str]
    connection_type: type[ConnectionData]
    dependency_names: Container[str]


class Signature(NamedTuple):
    """The parameters of a function, or what is wrong with them."""

    arguments: list[Argument]
    mistakes: list[Mistake]


class _MistakeError(Exception):
    """Something is wrong with a parameter."""


def read_signature(function: Any, surroundings: Surroundings) -> Signature:
    """Return the sources of all parameters of `function`, with the mistakes that there are."""
    name, (file, line) = name_of(function), location(function)
    if not callable(function):
        return Signature([], [Mistake(f"{function!r} is no function: it cannot be called", file, line)])
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError, NameError) as error:
        return Signature([], [Mistake(f"the parameters of {name}() cannot be read: {error}", file, line)])
    names = namespace(function)
    bound = {keyword for layer in layers(function) if isinstance(layer, partial) for keyword in layer.keywords}
    arguments, mistakes = [], []
    for position, parameter in enumerate(parameters):
        if parameter.name in bound:
            continue
        try:
            source = _source(parameter, names, position == 0, surroundings)
        except _MistakeError as error:
            stars = _VARIADIC.get(parameter.kind, "")
            mistakes.append(Mistake(f"parameter '{stars}{parameter.name}' of {name}() {error}", file, line))
        else:
            arguments.append(Argument(parameter.name, parameter.kind is Parameter.KEYWORD_ONLY, source))
    return Signature(arguments, mistakes)


def _source(
    parameter: Parameter, names: dict[str, Any], is_first: bool, surroundings: Surroundings
) -> Value | Use | Named | None:
    name, default = parameter.name, parameter.default
    if parameter.kind in _VARIADIC:
        raise _MistakeError("has no name to find a value by: declare the parameters (a decorator uses functools.wraps)")
    hint = Parameter.empty if parameter.annotation is Parameter.empty else _evaluate(parameter.annotation, names)
    if (alone := _marker(hint)) is not None:
        raise _MistakeError(f"has {alone!r} for its annotation: write Annotated[..., {alone!r}], with the value's type")
    metadata = _metadata(hint)
    for item in (*metadata, default):
        if (package := type(item).__module__.partition(".")[0]) in _FOREIGN:
            raise _MistakeError(
                f"has a {type(item).__qualname__} of {package}, which means nothing here: take use, Query, Header,"
                " Cookie, Path and Provides of wsserve, and msgspec.Meta for constraints"
            )
        if item is not default and inspect.isfunction(item) and item is not Provides:
            raise _MistakeError(
                f"has the function {name_of(item)}() in its annotation, which means nothing there: write use(factory)"
            )
    markers = [marker for item in metadata if (marker := _marker(item)) is not None]
    if default is PROVIDED:
        markers, default = [*markers, PROVIDED], Parameter.empty
    if isinstance(default, (Source, Use)):
        raise _MistakeError(f"has {default!r} as its default: write Annotated[..., {default!r}] instead")
    if len(markers) > 1:
        raise _MistakeError(f"is marked as {' and as '.join(map(repr, markers))}: leave one of them")
    marker = markers[0] if markers else None
    if isinstance(marker, Use):
        if not callable(marker.factory):
            raise _MistakeError(f"has use({marker.factory!r}), which is no factory: it cannot be called")
        if _makes_context_manager(marker.factory) and not any(map(_may_be_context_manager, _members(hint))):
            raise _MistakeError(
                f"would get the context manager itself from use({name_of(marker.factory)}): take @asynccontextmanager"
                " or @contextmanager off, use() takes the generator function"
            )
        return marker
    if isinstance(marker, Provided):
        return Named(name, default)
    if isinstance(marker, Source):
        return _value(marker, marker.alias or _default_alias(marker, name), hint, default, surroundings)
    if name in surroundings.path_names:
        return _value(Path(), name, str if hint is Parameter.empty else hint, default, surroundings)
    if any(_is_connection(member, surroundings.connection_type) for member in _members(hint)):
        return None
    if name in surroundings.dependency_names:
        return Named(name, default)
    if hint is not Parameter.empty:
        return _value(None, name, hint, default, surroundings)
    if is_first and default is Parameter.empty:
        return None
    raise _MistakeError(
        "has no annotation: annotate it with the type of its value, or give it the default Provides() when an Include"
        " or the Router declares a dependency of its name"
    )


def _evaluate(annotation: Any, names: dict[str, Any]) -> Any:
    def holder() -> None: ...

    holder.__annotations__ = {"hint": annotation}
    try:
        return get_type_hints(holder, names, include_extras=True)["hint"]
    except Exception as error:
        raise _MistakeError(
            f"has the annotation {annotation!r}, which cannot be resolved: {error} (it is looked up in its module,"
            " when the route is declared)"
        ) from None


def _unwrapped(hint: Any) -> Any:
    while hasattr(hint, "__value__"):  # `type X = ...`
        hint = hint.__value__
    return hint


def _metadata(hint: Any) -> list[Any]:
    """Return what `Annotated` adds in `hint`, also to a union's members: `Token | None` with an alias `Token`."""
    hint = _unwrapped(hint)
    if get_origin(hint) is Annotated:
        # ididi's use() is an Annotated itself
        own = [_metadata(item) if get_origin(item) is Annotated else [item] for item in hint.__metadata__]
        return [*_metadata(hint.__origin__), *chain.from_iterable(own)]
    if get_origin(hint) in (Union, UnionType):
        return [item for member in get_args(hint) for item in _metadata(member)]
    return []


def _marker(item: Any) -> Source | Use | Provided | None:
    """Return the marker that an item of an `Annotated` is, if it is one; a class or `Provides` stands for its own."""
    for bare, marker in _BARE:
        if item is bare:
            return marker
    return item if isinstance(item, (Source, Use, Provided)) else None


def _makes_context_manager(factory: Any) -> bool:
    """Tell whether a decorator of contextlib has made this function of a generator function."""
    function = getattr(factory, "__wrapped__", None)
    is_generator = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    return is_generator and getattr(factory, "__globals__", None) is vars(contextlib)


def _may_be_context_manager(hint: Any) -> bool:
    """Tell whether a parameter of this type asks for a context manager, and not for what it makes."""
    managers = (Any, contextlib.AbstractAsyncContextManager, contextlib.AbstractContextManager)
    return hint in managers or get_origin(hint) in managers


def _members(hint: Any) -> list[Any]:
    """Return the types that `hint` is made of, without what `Annotated` adds."""
    hint = _unwrapped(hint)
    if get_origin(hint) is Annotated:
        return _members(hint.__origin__)
    if get_origin(hint) in (Union, UnionType):
        return [part for member in get_args(hint) for part in _members(member)]
    return [hint]


def _is_connection(hint: Any, connection_type: type[ConnectionData]) -> bool:
    return isinstance(hint, type) and issubclass(hint, ConnectionData) and issubclass(connection_type, hint)


def _type_name(hint: Any) -> str:
    return hint.__name__.replace("NoneType", "None") if isinstance(hint, type) else repr(hint).replace("typing.", "")


def _default_alias(marker: Source, name: str) -> str:
    return name.replace("_", "-") if isinstance(marker, Header) else name


def _value(marker: Source | None, alias: str, hint: Any, default: Any, surroundings: Surroundings) -> Value:
    part = "query" if marker is None else marker.part
    if part == "path":
        if alias not in surroundings.path_names:
            raise _MistakeError(
                f"is {Path(alias)!r}, but the route's path has no parameter {alias!r} (one of an Include's or a Host's"
                " is taken by its name, without Path)"
            )
        if default is not Parameter.empty:
            raise _MistakeError("is in the route's path, where it always has a value: remove its default")
    try:
        value_type = ValueType(_unwrapped(hint))
    except TypeError as error:
        raise _MistakeError(f"has a type that no value can be converted to: {error}") from None
    if part != "path":
        _check_text(value_type, marker, surroundings.connection_type)
    return Value(part, alias, value_type, default, path_first=marker is None)


def _check_text(value_type: ValueType, marker: Source | None, connection_type: type[ConnectionData]) -> None:
    """Raise the mistake in a type that text cannot be converted to."""
    if value_type.is_text and not value_type.is_structured:
        return
    asked = " or ".join(map(_type_name, _members(value_type.hint)))
    if marker is not None:
        raise _MistakeError(f"is {marker!r}, from which no {asked} can be made")
    if not value_type.is_structured:
        if asked == connection_type.__name__:
            raise _MistakeError(
                f"asks for {_members(value_type.hint)[0].__module__}.{asked}, which is another framework's: write"
                f" `from wsserve import {asked}`"
            )
        raise _MistakeError(
            f"asks for {asked}, which nothing provides and no text of the request can become (the connection is a"
            f" {connection_type.__name__}): annotate it with use(factory)"
        )
    if hasattr(connection_type, "receive_json"):
        raise _MistakeError(
            f"asks for {asked}, as from a body, but a WebSocket has no body: use `await"
            f" {connection_type.__name__.lower()}.receive_json(type={asked})`, or annotate it with use(factory)"
        )
    raise _MistakeError(f"asks for {asked}, as from a body, which is not injected: annotate it with use(factory)")
