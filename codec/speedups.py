"""Compiled twins: modules that Cython has built from the same source as the plain Python ones beside them."""

import os
from importlib import import_module
from typing import TypeVar

T = TypeVar("T")


def compiled(pure: type[T]) -> type[T]:
    """Return the twin of a class of a module `x` from the module `_x_c` beside it.

    Where it was not built, or where the environment variable `WSSERVE_NO_EXTENSIONS` is set, that is the class itself.
    """
    if os.environ.get("WSSERVE_NO_EXTENSIONS"):
        return pure
    package, _, name = pure.__module__.rpartition(".")
    try:
        twin: type[T] = getattr(import_module(f"{package}._{name}_c"), pure.__name__)
    except ImportError:
        return pure
    return twin
