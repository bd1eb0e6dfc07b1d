"""Finding the application that `module:attribute` names, and checks that it is one."""

import importlib
import inspect
import os
import pkgutil
import sys
from types import ModuleType
from typing import Any, cast

from wsserve.asgi_bridge.types import ASGIApp
from wsserve.server.errors import ApplicationError, StartupError, describe_error, suggest


def load_app(app: Any, *, factory: bool = False, app_dir: str = "") -> ASGIApp:
    """Return `app` when it is an ASGI application, or the one that it names: `module:attribute`, dots allowed in both.

    Modules are looked for in `app_dir` first (the current directory when it is empty), which stays on `sys.path`.
    With `factory`, what was found is called without arguments and returns the application.

    Raises `StartupError` when there is no such application, and `ApplicationError` when its own code raises.
    """
    named = isinstance(app, str)
    found, what = (_find(app, app_dir), app) if named else (app, "app")
    if factory:
        return _check_callable(_call_factory(found, what), f"the result of {what}", named=named)
    return _check_callable(found, what, named=named)


def _find(target: str, app_dir: str) -> Any:
    module_name, colon, path = target.partition(":")
    if not colon or not path or not module_name or not all(module_name.split(".")):
        raise StartupError(f"application {target!r} is not of the form module:attribute, such as {_example(target)}")
    directory = os.path.abspath(app_dir)
    if not os.path.isdir(directory):
        raise StartupError(f"app_dir {app_dir!r} is not a directory: name the one that holds {module_name}")
    if sys.path[:1] != [directory]:
        sys.path.insert(0, directory)
    return _find_attribute(_import(module_name, directory, _example(target)), path)


def _example(target: str) -> str:
    stem = target.partition(":")[0].removesuffix(".py").strip("./").replace("/", ".")
    return f"{stem or 'main'}:{target.partition(':')[2] or 'app'}"


def _import(name: str, directory: str, example: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only a missing part of the name itself is a wrong name; else the module exists and lacks something.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            if name.endswith(".py") or "/" in name:
                raise StartupError(f"there is no module {name!r}: did you mean {example!r}?") from None
            raise StartupError(f"there is no module {error.name!r}{_near_modules(error.name, directory)}") from None
        raise ApplicationError(f"importing {name} failed: {describe_error(error)}") from error
    except Exception as error:
        raise ApplicationError(f"importing {name} failed: {describe_error(error)}") from error


def _near_modules(name: str, directory: str) -> str:
    """Return a hint to modules with names like the missing one's, beside which it would be."""
    package, dot, _ = name.rpartition(".")
    path = getattr(sys.modules.get(package), "__path__", []) if dot else [directory]
    hint = suggest(name, (f"{package}{dot}{module.name}" for module in pkgutil.iter_modules(path)))
    return hint or f" in {directory} or where Python looks for modules"


def _find_attribute(module: ModuleType, path: str) -> Any:
    found: Any = module
    where = f"module {module.__name__!r}"
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            hint = suggest(name, (known for known in dir(found) if not known.startswith("__")))
            raise StartupError(f"{where} has no attribute {name!r}{hint}") from None
        where = repr(name)
    return found


def _call_factory(factory: Any, target: str) -> Any:
    if not callable(factory):
        raise StartupError(f"factory {target} is {_a(factory)}, which cannot be called: name a function")
    if not _accepts(factory, 0):
        raise StartupError(f"factory {target} needs arguments: give each a default, or wrap it in a function of none")
    try:
        made = factory()
    except Exception as error:
        raise ApplicationError(f"factory {target} raised {describe_error(error)}") from error
    if inspect.iscoroutine(made):
        made.close()
        raise StartupError(f"factory {target} is an async function: make it a plain one that returns the application")
    return made


def _check_callable(app: Any, target: str, *, named: bool) -> ASGIApp:
    """Return `app` if it can be called as ASGI 3 demands: with scope, receive and send, giving an awaitable."""
    verb = "name" if named else "give"
    if not callable(app):
        raise StartupError(f"{target} is {_a(app)}, not an ASGI application: {verb} something that can be called")
    if inspect.isclass(app) and not hasattr(app, "__await__"):
        factory = ", or its factory with --factory" if named else ""
        raise StartupError(f"{target} is a class: {verb} an instance of it{factory}")
    if _accepts(app, 3):
        return cast("ASGIApp", app)
    if _accepts(app, 0):
        remedy = "add --factory" if named else "call it"
        raise StartupError(f"{target} takes no arguments: {remedy} if it returns the application")
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
