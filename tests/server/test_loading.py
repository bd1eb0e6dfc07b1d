"""Finding the application."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.server.errors import ApplicationError, StartupError
from wsserve.server.loading import load_app

SOURCE = """
    import functools

    async def app(scope, receive, send):
        pass

    async def application(scope, receive, send):
        pass

    class Holder:
        app = staticmethod(app)

    class Instance:
        async def __call__(self, scope, receive, send):
            pass

    class Endpoint:
        def __init__(self, scope, receive, send):
            pass

        def __await__(self):
            yield

    class DoubleCallable:
        def __init__(self, scope):
            pass

        async def __call__(self, receive, send):
            pass

    def double_callable(scope):
        return app

    def other(scope, receive):
        pass

    def make():
        return app

    def make_with_default(debug=True):
        return app

    def make_with_argument(settings):
        return app

    def make_nothing():
        pass

    async def make_later():
        return app

    def make_wrong():
        raise LookupError("no settings")

    instance = Instance()
    partial = functools.partial(app)
    number = 5
    nothing = None
    entry = range(3)
    unsigned = type("Unsigned", (), {"__call__": print, "__signature__": 5})()
"""


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Callable[[str, str], Path]]:
    """Give a function that writes a module of the application's directory."""
    known, path = set(sys.modules), sys.path[:]
    (tmp_path / "shop").mkdir()

    def write_module(name: str, source: str) -> Path:
        file = tmp_path / name
        file.write_text(dedent(source))
        return file

    yield write_module
    sys.path[:] = path
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.fixture
def directory(write: Callable[[str, str], Path]) -> str:
    """Give a directory with a package `shop` and its module `shop.main`."""
    write("shop/__init__.py", "")
    return str(write("shop/main.py", SOURCE).parent.parent)


@pytest.mark.parametrize("path", ["app", "Holder.app", "instance", "Endpoint", "partial", "unsigned"])
def test_an_application_is_found(directory: str, path: str) -> None:
    assert callable(load_app(f"shop.main:{path}", app_dir=directory))


@pytest.mark.parametrize("path", ["make", "make_with_default"])
def test_a_factory_is_called(directory: str, path: str) -> None:
    app = load_app(f"shop.main:{path}", factory=True, app_dir=directory)
    assert app is load_app("shop.main:app", app_dir=directory)


def test_the_current_directory_is_searched_by_default(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    load_app("shop.main:app")
    assert sys.path[0] == directory
    load_app("shop.main:app")
    assert sys.path[:2].count(directory) == 1


@pytest.mark.parametrize(
    ("target", "factory", "message"),
    [
        ("main", False, "application 'main' is not of the form module:attribute, such as main:app"),
        ("main.py", False, "application 'main.py' is not of the form module:attribute, such as main:app"),
        ("./shop/main.py", False, ".* such as shop.main:app"),
        ("main:", False, ".* such as main:app"),
        (":make", False, ".* such as main:make"),
        (".main:app", False, ".* such as main:app"),
        ("a..b:app", False, ".* such as a..b:app"),
        ("", False, "application '' is not of the form module:attribute, such as main:app"),
        ("shop.py:app", False, "there is no module 'shop.py': did you mean 'shop:app'\\?"),
        ("shop/zzz.py:app", False, "there is no module 'shop/zzz.py': did you mean 'shop.zzz:app'\\?"),
        ("shpo.main:app", False, "there is no module 'shpo': did you mean 'shop'\\?"),
        ("zzz:app", False, "there is no module 'zzz' in /.* or where Python looks for modules"),
        ("shop.mian:app", False, "there is no module 'shop.mian': did you mean 'shop.main'\\?"),
        ("shop.zzz:app", False, "there is no module 'shop.zzz' in /.*"),
        ("shop.main.app:app", False, "there is no module 'shop.main.app' in /.*"),
        (
            "shop.main:ap",
            False,
            "module 'shop.main' has no attribute 'ap': did you mean 'app'\\?",
        ),
        ("shop.main:Holder.zzz", False, "'Holder' has no attribute 'zzz'"),
        ("shop:main", False, "module 'shop' has no attribute 'main'"),
        ("shop.main:number", False, "shop.main:number is an int, not an ASGI application: name .*"),
        ("shop.main:nothing", False, "shop.main:nothing is None, not an ASGI application: name .*"),
        ("shop.main:entry", False, "shop.main:entry is a range, not an ASGI application: name .*"),
        ("shop.main:functools", False, "shop.main:functools is a module, not an ASGI application: name .*"),
        ("shop.main:Instance", False, "shop.main:Instance is a class: name an instance of it, or its factory .*"),
        ("shop.main:DoubleCallable", False, "shop.main:DoubleCallable is a class: .*"),
        ("shop.main:double_callable", False, "shop.main:double_callable takes one argument, as in ASGI 2: wrap .*"),
        ("shop.main:other", False, "shop.main:other does not take scope, receive and send, so it is not .*"),
        ("shop.main:make", False, "shop.main:make takes no arguments: add --factory if it returns the application"),
        ("shop.main:make_with_argument", True, "factory shop.main:make_with_argument needs arguments: .*"),
        ("shop.main:number", True, "factory shop.main:number is an int, which cannot be called: name a function"),
        ("shop.main:make_later", True, "factory shop.main:make_later is an async function: make it a plain one .*"),
        ("shop.main:make_nothing", True, "the result of shop.main:make_nothing is None, not an ASGI application: .*"),
    ],
)
def test_a_mistake_is_one_sentence(directory: str, target: str, factory: bool, message: str) -> None:
    with pytest.raises(StartupError) as caught:
        load_app(target, factory=factory, app_dir=directory)
    assert type(caught.value) is StartupError
    assert re.fullmatch(message, str(caught.value))


class Application:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pass


def test_an_application_itself_is_checked_in_the_same_way() -> None:
    app = Application()
    assert load_app(app) is app
    assert load_app(lambda: app, factory=True) is app


@pytest.mark.parametrize(
    ("app", "factory", "message"),
    [
        (3, False, "app is an int, not an ASGI application: give something that can be called"),
        (None, False, "app is None, not an ASGI application: give something that can be called"),
        (Application, False, "app is a class: give an instance of it"),
        (lambda: 3, False, "app takes no arguments: call it if it returns the application"),
        (3, True, "factory app is an int, which cannot be called: name a function"),
        (lambda: 3, True, "the result of app is an int, not an ASGI application: give something that can be called"),
    ],
)
def test_what_is_no_application_is_one_sentence(app: Any, factory: bool, message: str) -> None:
    with pytest.raises(StartupError) as caught:
        load_app(app, factory=factory)
    assert str(caught.value) == message


def test_a_missing_directory_is_said() -> None:
    with pytest.raises(StartupError, match="app_dir '/no/such' is not a directory: name the one that holds main"):
        load_app("main:app", app_dir="/no/such")


@pytest.mark.parametrize(
    ("source", "cause", "part"),
    [
        ("import no_such_library", ModuleNotFoundError, "No module named 'no_such_library'"),
        ("import shop.absent", ModuleNotFoundError, "No module named 'shop.absent'"),
        ("raise ModuleNotFoundError", ModuleNotFoundError, "importing shop.main failed: ModuleNotFoundError"),
        ("from os import absent", ImportError, "cannot import name 'absent'"),
        ("1 / 0", ZeroDivisionError, "importing shop.main failed: ZeroDivisionError: division by zero"),
        ("def", SyntaxError, "importing shop.main failed: SyntaxError"),
    ],
)
def test_an_error_of_the_module_itself_keeps_its_traceback(
    write: Callable[[str, str], Path], source: str, cause: type[Exception], part: str
) -> None:
    directory = str(write("shop/main.py", source).parent.parent)
    with pytest.raises(ApplicationError) as caught:
        load_app("shop.main:app", app_dir=directory)
    assert part in str(caught.value)
    assert type(caught.value.__cause__) is cause
    assert caught.value.__cause__.__traceback__ is not None


def test_an_error_of_a_factory_keeps_its_traceback(directory: str) -> None:
    with pytest.raises(ApplicationError) as caught:
        load_app("shop.main:make_wrong", factory=True, app_dir=directory)
    assert str(caught.value) == "factory shop.main:make_wrong raised LookupError: no settings"
    assert isinstance(caught.value.__cause__, LookupError)
