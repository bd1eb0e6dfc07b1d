"""N10, N11: middleware and permissions with their options."""

from pathlib import Path
from typing import Any

import pytest

import wsserve
from wsserve.asgi_bridge import middleware
from wsserve.asgi_bridge.middleware.options import Middleware, Permission


class Note:
    def __init__(self, app: Any, *args: str, **options: str) -> None:
        self.given = app, args, options


def app(scope: object) -> None:
    raise AssertionError


@pytest.mark.parametrize("kind", [Middleware, Permission])
def test_n10_n11_options_come_behind_the_application(kind: type[Middleware]) -> None:
    made: Any = kind(Note, "a", name="b")(app)  # type: ignore[arg-type]  # it is never called as an application
    assert made.given == (app, ("a",), {"name": "b"})


@pytest.mark.parametrize("kind", [Middleware, Permission])
def test_n10_n11_options_are_not_shown(kind: type[Middleware]) -> None:
    given: Any = Note
    assert repr(kind(given, "a", name="secret")) == f"{kind.__name__}(Note, 'a', name=...)"


@pytest.mark.parametrize("kind", [Middleware, Permission])
def test_n10_n11_what_takes_no_application_is_refused(kind: type[Middleware]) -> None:
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\(\) takes a class or function .*, not 'admin'"):
        kind("admin")  # type: ignore[arg-type]  # on purpose


def test_both_are_public() -> None:
    assert (wsserve.Middleware, wsserve.Permission) == (Middleware, Permission)


def test_middleware_needs_no_routing() -> None:
    """Routing imports middleware, so that the other way round would be a cycle."""
    for path in Path(middleware.__path__[0]).glob("*.py"):
        assert "asgi_bridge.routing" not in path.read_text(), path.name
