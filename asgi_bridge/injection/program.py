"""What to do for one connection, in order: the values to read, the factories to call, and then the handler."""

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import Mistake
from wsserve.asgi_bridge.injection.callables import is_coroutine_function, layers, location, name_of
from wsserve.asgi_bridge.injection.faults import Fault, InvalidRequestError
from wsserve.asgi_bridge.injection.markers import Use
from wsserve.asgi_bridge.injection.signature import Argument, Named, Signature, Surroundings, read_signature
from wsserve.asgi_bridge.injection.values import Constant, FaultyValueError, Value

Invoke = Callable[[list[Any]], Any]
"""Calls a function with those of the values that are its arguments."""


class Call(NamedTuple):
    """A factory to call."""

    invoke: Invoke
    name: str
    is_async: bool
    is_generator: bool


class Program(NamedTuple):
    """A handler with everything that it and its factories ask for.

    The values of a connection are in a list: the connection itself, then what is read of its request, then what the
    factories return, in the order of their calls.
    """

    values: Sequence[Value | Constant]
    calls: Sequence[Call]
    handler: Invoke
    has_generators: bool
    mistakes: list[Mistake]
    missing: list[str]
    """What to say of the dependencies that are declared nowhere."""

    def read(self, connection: ConnectionData) -> list[Any]:
        """Return the list with the connection and all values. Raises `InvalidRequestError` with all faults in them."""
        found: list[Any] = [connection]
        faults: list[Fault] = []
        for value in self.values:
            try:
                found.append(value.read(connection))
            except FaultyValueError as error:
                faults.append(error.fault)
        if faults:
            raise InvalidRequestError(faults)
        return found


_Reference = Value | Constant | int | None
"""An argument before it has its place in the list: a value, the number of a call, or the connection."""


class Compiler:
    """Makes the programs of one handler.

    What is known of a function's signature is kept from one program to the next.
    """

    def __init__(self, function: Any, surroundings: Surroundings) -> None:
        self.function = function
        self.surroundings = surroundings
        self._signatures: dict[Hashable, Signature] = {}
        self.asks_by_name = False
        """Whether a dependency is asked for by its name, so that the scope has to be looked at."""
        self.unmarked: set[str] = set()
        """The names of values without a marker, which come of the query unless a dependency has the name."""

    def compile(self, dependencies: Mapping[str, Any], overrides: Mapping[Any, Any]) -> Program:
        """Return the program with these dependencies by name and these factories in place of others."""
        return _Compilation(self, dependencies, overrides).program()

    def signature(self, function: Any, dependencies: Mapping[str, Any]) -> Signature:
        """Return what `function` asks for."""
        key = _key(function)
        if key not in self._signatures:
            signature = read_signature(function, self.surroundings._replace(dependency_names=dependencies))
            self._signatures[key] = signature
        return self._signatures[key]


class _Compilation:
    """The making of one program: depth first, in the order of declaration."""

    def __init__(self, compiler: Compiler, dependencies: Mapping[str, Any], overrides: Mapping[Any, Any]) -> None:
        self._compiler = compiler
        self._dependencies = dependencies
        self._overrides = overrides
        self._values: dict[int, Value | Constant] = {}
        self._calls: list[tuple[Any, list[tuple[Argument, _Reference]]]] = []
        self._shared: dict[Hashable, int] = {}
        self._open: dict[Hashable, Any] = {}
        self._mistakes: list[Mistake] = []
        self._missing: list[str] = []

    def program(self) -> Program:
        arguments = self._arguments(self._compiler.function)
        calls = [self._call(factory, references) for factory, references in self._calls]
        return Program(
            values=list(self._values.values()),
            calls=calls,
            handler=self._invoke(self._compiler.function, arguments),
            has_generators=any(call.is_generator for call in calls),
            mistakes=list(dict.fromkeys(self._mistakes)),
            missing=self._missing,
        )

    def _arguments(self, function: Any) -> list[tuple[Argument, _Reference]]:
        signature = self._compiler.signature(function, self._dependencies)
        self._mistakes += signature.mistakes
        key = _key(function)
        self._open[key] = function
        arguments = [(argument, self._reference(argument, function)) for argument in signature.arguments]
        del self._open[key]
        return arguments

    def _reference(self, argument: Argument, function: Any) -> _Reference:
        source = argument.source
        if isinstance(source, Value) and source.path_first:
            self._compiler.unmarked.add(source.name)
            if source.name in self._dependencies:
                source = Named(source.name, inspect.Parameter.empty)
        if isinstance(source, Named):
            return self._named(source, function)
        if isinstance(source, Use):
            return self._make(source)
        return source if source is None else self._read(source)

    def _named(self, dependency: Named, function: Any) -> _Reference:
        self._compiler.asks_by_name = True
        factory = self._overrides.get(dependency.name, self._dependencies.get(dependency.name))
        if factory is not None:
            if not callable(factory.factory if isinstance(factory, Use) else factory):
                text = f"the dependency {dependency.name!r} is {factory!r}, which cannot be called"
                self._mistakes.append(Mistake(text, *location(function)))
                return None
            return self._make(factory if isinstance(factory, Use) else Use(factory, reuse=False))
        if dependency.default is inspect.Parameter.empty:
            known = ", ".join(sorted(self._dependencies)) or "none"
            self._missing.append(
                f"parameter {dependency.name!r} of {name_of(function)}() is a dependency that neither the route nor an"
                f" Include nor the Router around it declares (declared are: {known})"
            )
        return self._read(Constant(dependency.default))

    def _read(self, value: Value | Constant) -> Value | Constant:
        self._values[id(value)] = value
        return value

    def _make(self, wanted: Use) -> int:
        """Plan the call for a value that `wanted` makes, or find the one that is shared; return its number."""
        replacement = self._overrides.get(wanted.factory) if _is_hashable(wanted.factory) else None
        if replacement is not None:
            wanted = replacement if isinstance(replacement, Use) else Use(replacement, wanted.reuse)
        factory = wanted.factory
        key = _key(factory)
        if wanted.reuse and key in self._shared:
            return self._shared[key]
        if key in self._open:
            asked = list(self._open)
            circle = [*asked[asked.index(key) :], key]
            names = " -> ".join(name_of(self._open[each]) for each in circle)
            self._mistakes.append(Mistake(f"the factories ask for each other in a circle: {names}", *location(factory)))
            return 0
        references = self._arguments(factory)
        self._calls.append((factory, references))
        number = len(self._calls) - 1
        if wanted.reuse:
            self._shared[key] = number
        return number

    def _call(self, factory: Any, references: list[tuple[Argument, _Reference]]) -> Call:
        is_generator = any(
            inspect.isgeneratorfunction(layer) or inspect.isasyncgenfunction(layer) for layer in layers(factory)
        )
        invoke = self._invoke(factory, references)
        return Call(invoke, name_of(factory), is_coroutine_function(factory), is_generator)

    def _invoke(self, function: Any, references: list[tuple[Argument, _Reference]]) -> Invoke:
        positions = list(self._values)
        positional, keywords = [], {}
        for argument, reference in references:
            if reference is None:
                place = 0
            elif isinstance(reference, int):
                place = 1 + len(positions) + reference
            else:
                place = 1 + positions.index(id(reference))
            if argument.is_keyword:
                keywords[argument.name] = place
            else:
                positional.append(place)
        return _invoke(function, positional, keywords)


def _invoke(function: Any, positional: list[int], keywords: dict[str, int]) -> Invoke:
    if keywords:
        return lambda values: function(
            *[values[place] for place in positional], **{name: values[place] for name, place in keywords.items()}
        )
    if not positional:
        return lambda _values: function()
    if len(positional) == 1:
        (only,) = positional
        return lambda values: function(values[only])
    pick = itemgetter(*positional)
    return lambda values: function(*pick(values))


def _is_hashable(factory: Any) -> bool:
    return not isinstance(_key(factory), int)


def _key(function: Any) -> Hashable:
    """Return what tells functions apart: two accesses to one method are equal, but not the same object."""
    try:
        hash(function)
    except TypeError:
        return id(function)
    return function  # type: ignore[no-any-return]  # hashable, as was seen
