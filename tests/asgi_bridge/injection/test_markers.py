"""Markers in annotations: those of the lihil page, in user code that mypy checks, and their mistakes."""

from typing import Annotated, Any

import pytest

from tests.asgi_bridge.injection.calling import call
from wsserve.asgi_bridge.injection.markers import (
    AsyncResource,
    Cookie,
    Header,
    Ignore,
    Path,
    Provides,
    Query,
    Resource,
    use,
)
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio


async def opened(ws: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
    yield ws


def number() -> Ignore[Resource[int]]:
    yield 5


Opened = Annotated[WebSocket, use(opened, reuse=True)]


async def test_h11_ignore_and_resources_are_what_type_checkers_and_injection_expect() -> None:
    async def handler(ws: Opened, number: Annotated[int, use(number)], name: Ignore[str]) -> tuple[str, int, str]:
        return type(ws).__name__, number, name

    assert await call(handler, query=b"name=a") == ("WebSocket", 5, "a")


@pytest.mark.parametrize("marker", [Path, Query, Header, Cookie])
def test_an_alias_that_is_no_str_is_refused_at_once(marker: Any) -> None:
    with pytest.raises(TypeError, match=r"the name of a \w+ parameter is a str, not 5: a default is written `= value`"):
        marker(5)


def test_markers_show_how_they_were_written() -> None:
    assert repr(Header("x-token")) == "Header('x-token')"
    assert repr(Query()) == "Query()"
    assert repr(Provides()) == "Provides()"
    assert repr(use(int, reuse=True)) == "use(<class 'int'>, reuse=True)"
