"""Finding the application that `module:attribute` names."""

import importlib
import inspect
import os
import pkgutil
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from types import ModuleType
from typing import Any, cast

from wsserve.asgi_bridge.types import ASGIApp
from wsserve.server.errors import ApplicationError, StartupError


def load_app(target: str, *, factory: bool = False, app_dir: str = "") -> ASGIApp:
    """Import and return the ASGI application that `target` names: `module:attribute`, dots allowed in both.

    Modules are looked for in `app_dir` first (the current directory when it is empty), which stays on `sys.path`.
    With `factory`, the attribute is called without arguments and returns the application.

    Raises `StartupError` when there is no such application, and `ApplicationError` when its own code raises.
    """
    module_name, colon, path = target.partition(":")
    if not colon or not path or not module_name or not all(module_name.split(".")):
        raise StartupError(f"application {target!r} is not of the form module:attribute, such as {_example(target)}")
    directory = os.path.abspath(app_dir)
    if not os.path.isdir(directory):
        raise StartupError(f"app_dir {app_dir!r} is not a directory: name the one that holds {module_name}")
    if sys.path[:1] != [directory]:
        sys.path.insert(0, directory)
    found = _find_attribute(_import(module_name, directory), path)
    if factory:
        found = _call_factory(found, target)
    return _check_callable(found, f"the result of {target}" if factory else target)


def _example(target: str) -> str:
    stem = target.partition(":")[0].removesuffix(".py").strip("./").replace("/", ".")
    return f"{stem or 'main'}:{target.partition(':')[2] or 'app'}"


def _import(name: str, directory: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only a missing part of the name itself is a wrong name; else the module exists and lacks something.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise StartupError(f"there is no module {error.name!r}{_near_modules(error.name, directory)}") from None
        raise ApplicationError(f"importing {name} failed: {_name(error)}") from error
    except Exception as error:
        raise ApplicationError(f"importing {name} failed: {_name(error)}") from error


def _near_modules(name: str, directory: str) -> str:
    """Return a hint to modules with names like the missing one's, beside which it would be."""
    package, dot, _ = name.rpartition(".")
    path = getattr(sys.modules.get(package), "__path__", []) if dot else [directory]
    hint = _suggest(name, (f"{package}{dot}{module.name}" for module in pkgutil.iter_modules(path)))
    return hint or f" in {directory} or where Python looks for modules"


def _find_attribute(module: ModuleType, path: str) -> Any:
    found: Any = module
    where = f"module {module.__name__!r}"
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            hint = _suggest(name, (known for known in dir(found) if not known.startswith("__")))
            raise StartupError(f"{where} has no attribute {name!r}{hint}") from None
        where = repr(name)
    return found


def _suggest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=3)
    return f": did you mean {' or '.join(map(repr, near))}?" if near else ""


def _call_factory(factory: Any, target: str) -> Any:
    if not callable(factory):
        raise StartupError(f"factory {target} is {_a(factory)}, which cannot be called: name a function")
    if not _accepts(factory, 0):
        raise StartupError(f"factory {target} needs arguments: give each a default, or wrap it in a function of none")
    try:
        made = factory()
    except Exception as error:
        raise ApplicationError(f"factory {target} raised {_name(error)}") from error
    if inspect.iscoroutine(made):
        made.close()
        raise StartupError(f"factory {target} is an async function: make it a plain one that returns the application")
    return made


def _check_callable(app: Any, target: str) -> ASGIApp:
    """Return `app` if it can be called as ASGI 3 demands: with scope, receive and send, giving an awaitable."""
    if not callable(app):
        raise StartupError(f"{target} is {_a(app)}, not an ASGI application: name something that can be called")
    if inspect.isclass(app) and not hasattr(app, "__await__"):
        raise StartupError(f"{target} is a class: name an instance of it, or its factory with --factory")
    if _accepts(app, 3):
        return cast("ASGIApp", app)
    if _accepts(app, 0):
        raise StartupError(f"{target} takes no arguments: add --factory if it returns the application")
    if _accepts(app, 1):
        raise StartupError(
            f"{target} takes one argument, as in ASGI 2: wrap it in asgiref.compatibility.guarantee_single_callable"
        )
    raise StartupError(f"{target} does not take scope, receive and send, so it is not an ASGI application")


def _accepts(function: Any, count: int) -> bool:
    """Tell whether `function` can be called with `count` arguments; true when it cannot be known."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _a(value: object) -> str:
    if inspect.ismodule(value):
        return "a module"
    kind = type(value).__name__
    return "None" if value is None else f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


def _name(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
