"""What is behind a callable: its function, whether that is async, and where it was written."""

import inspect
import sys
from collections.abc import Iterator
from functools import partial
from types import FunctionType
from typing import Any


def layers(function: Any) -> Iterator[Any]:
    """Yield `function` and what it calls in turn: of a partial, a method, a decorated function, a class, an object."""
    while function is not None:
        yield function
        if isinstance(function, partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif isinstance(function, FunctionType):
            return
        elif isinstance(function, type):
            function = _constructor(function)
        elif callable(function) and isinstance(type(function).__call__, FunctionType):
            function = type(function).__call__
        else:
            return


def _constructor(cls: type) -> Any:
    """Return the `__init__` or `__new__` that a class has or inherits, but not that of `object`."""
    for base in cls.__mro__[:-1]:
        for name in ("__init__", "__new__"):
            if name in vars(base):
                return vars(base)[name]
    return None


def innermost(function: Any) -> Any:
    """Return the last of the layers: a Python function, if there is one."""
    return list(layers(function))[-1]


def is_coroutine_function(function: Any) -> bool:
    """Tell whether calling `function` gives something to await, as far as it can be known."""
    return any(map(inspect.iscoroutinefunction, layers(function)))


def is_async_generator_function(function: Any) -> bool:
    """Tell whether calling `function` gives an async generator, as far as it can be known."""
    return any(map(inspect.isasyncgenfunction, layers(function)))


def name_of(function: Any) -> str:
    """Return what to call `function` in a message."""
    for layer in layers(function):
        if hasattr(layer, "__qualname__"):
            return str(layer.__qualname__)
    return type(function).__qualname__


def location(function: Any) -> tuple[str, int]:
    """Return the file and line where `function` was written; of what has no source the module's name and 0."""
    found = innermost(function)
    if isinstance(found, FunctionType):
        return found.__code__.co_filename, found.__code__.co_firstlineno
    for layer in layers(function):
        owner = layer if isinstance(layer, type) else type(layer)
        try:
            return inspect.getsourcefile(owner) or owner.__module__, inspect.getsourcelines(owner)[1]
        except (OSError, TypeError):
            continue
    return type(function).__module__, 0


def namespace(function: Any) -> dict[str, Any]:
    """Return the global names that the annotations of `function` may use."""
    found = innermost(function)
    if isinstance(found, FunctionType):
        return found.__globals__
    module = sys.modules.get(getattr(function, "__module__", ""))
    return vars(module) if module is not None else {}
