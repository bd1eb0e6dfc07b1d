"""What can keep the server from starting, each said in one clear sentence.

Exception
└── StartupError
    ├── ConfigError (also a ValueError)
    ├── LifespanError
    └── ApplicationError
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class StartupError(Exception):
    """The server cannot start; the message tells a person what was wrong and what to do.

    The command prints it as `Error: ...` and exits with `exit_code`.
    """

    exit_code: ClassVar[int] = 1


class ConfigError(StartupError, ValueError):
    """An option has a value that cannot be, alone or beside another one."""

    exit_code: ClassVar[int] = 2


class LifespanError(StartupError):
    """The application's lifespan failed at startup (ASGI specification, "Lifespan Protocol")."""

    exit_code: ClassVar[int] = 3


class ApplicationError(StartupError):
    """The application's own code raised while it was loaded: `__cause__` is what it raised, traceback and all."""


def describe_error(error: BaseException) -> str:
    """Return the kind of `error` and what it says: `ValueError: 5`."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that asks for those of `known` that are like `name`; empty when none is."""
    near = get_close_matches(name, list(known), n=3)
    return f": did you mean {' or '.join(map(repr, near))}?" if near else ""
