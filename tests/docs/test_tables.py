"""Tables on the pages say what the code says."""

import inspect
import re
from operator import attrgetter
from pathlib import Path
from typing import Any, get_type_hints

import click
import pytest
import uvicorn

import wsserve
from tests.docs.pages import PAGES, ROOT, Table, tables_of
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.routing.level import Layers
from wsserve.server.cli import command

UVICORN = uvicorn.main
DOCS = ROOT / "docs"
TABLES = [(page, table) for page in PAGES for table in tables_of(page)]
PARAMETERS = [
    pytest.param(table, id=f"{page.name}:{table.line}")
    for page, table in TABLES
    if table.directive.startswith("parameters of ")
]


def code_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def table_with(page: str, *heading: str) -> Table:
    (table,) = [table for table in tables_of(DOCS / page) if table.rows[0][: len(heading)] == list(heading)]
    return table


def test_every_table_is_as_wide_as_its_heading() -> None:
    for page, table in TABLES:
        for row in table.rows:
            assert len(row) == len(table.rows[0]), f"{page.name}:{table.line}: {row}"


def test_directives_of_tables_are_known() -> None:
    assert {table.directive for _, table in TABLES if not table.directive.startswith("parameters of ")} == {""}


@pytest.mark.parametrize("table", PARAMETERS)
def test_parameters_and_their_defaults(table: Table) -> None:
    function: Any = wsserve
    for name in table.directive.removeprefix("parameters of ").split("."):
        function = getattr(function, name)
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name not in ("self", "app", "layers")
    ]
    documented = {name: row[1] for row in table.rows[1:] for name in code_in(row[0])}
    assert list(documented) == [parameter.name for parameter in parameters]
    for parameter in parameters:
        assert documented[parameter.name] == shown_default(parameter), parameter.name


def shown_default(parameter: inspect.Parameter) -> str:
    default = parameter.default
    if default is parameter.empty:
        return "required"
    if callable(default):
        return f"`{default.__name__}`"
    return f"`{default!r}`".replace("'", '"')


def test_layers() -> None:
    rows = table_with("routing.md", "layer").rows[1:]
    assert [code_in(row[0])[0] for row in rows] == list(get_type_hints(Layers))


# The options of uvicorn


def options_of(program: click.Command) -> dict[str, str]:
    """Return the options of a command with their defaults as the page shows them."""
    return {parameter.opts[0]: shown(parameter) for parameter in program.params if isinstance(parameter, click.Option)}


def shown(option: click.Option) -> str:
    default = option.default
    if isinstance(default, bool) or (option.is_flag and default is not None and option.name == "factory"):
        return "on" if default is True else "off"
    if isinstance(default, (int, float)):
        return f"{default:.10g}"
    return default if isinstance(default, str) and default else "none"


def test_options_of_uvicorn() -> None:
    theirs, ours = options_of(UVICORN), options_of(command)
    rows = table_with("from-uvicorn.md", "option", "uvicorn", "wsserve").rows[1:]
    assert [(code_in(row[0])[0], row[1], row[2]) for row in rows] == [
        (option, default, ours.get(option, "-")) for option, default in theirs.items()
    ]
    only_ours = table_with("from-uvicorn.md", "option", "default", "what it is for").rows[1:]
    assert {code_in(row[0])[0]: row[1] for row in only_ours} == {
        option: default for option, default in ours.items() if option not in theirs
    }


def test_options_that_are_named_exist() -> None:
    known = {name for program in (command, UVICORN) for option in program.params for name in option.opts}
    for page in (DOCS / "from-uvicorn.md", DOCS / "websocket.md"):
        for option in re.findall(r"`(--[a-z0-9-]+)", page.read_text()):
            assert option in known, option


# Names


def names_on(page: Path) -> set[str]:
    """Return the words in the page's code and headings."""
    found = re.findall(r"`[^`\n]+`|```python.*?```|^#+ .+?$", page.read_text(), re.DOTALL | re.MULTILINE)
    return set(re.findall(r"\w+", " ".join(found)))


def test_every_public_name_is_on_a_page() -> None:
    named = {name for page in PAGES for name in names_on(page)}
    assert set(wsserve.__all__) - {"__version__"} <= named


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("websocket.md", "WebSocket"),
        ("websocket.md", "WebSocketDisconnect"),
        ("websocket.md", "asgi_bridge.connection_data.ConnectionData"),
        ("routing.md", "Router"),
        ("routing.md", "WebSocketRoute"),
        ("routing.md", "WebSocketController"),
        ("routing.md", "Request"),
        ("testing.md", "TestClient"),
    ],
)
def test_every_public_attribute_is_on_its_page(page: str, name: str) -> None:
    named = names_on(DOCS / page)
    cls = attrgetter(name)(wsserve)
    bases = [
        base
        for base in cls.__mro__
        if base.__module__.startswith("wsserve") and (base is cls or base is not ConnectionData)
    ]
    own = {attribute for base in bases for attribute in vars(base)}
    missing = {attribute for attribute in own if not attribute.startswith("_")} - named
    assert missing <= NOT_FOR_USERS, f"{Path(page).name} does not say a word of {missing - NOT_FOR_USERS}"


NOT_FOR_USERS = {"build_path", "connection_type", "declared", "end_with", "faults", "handle", "has_names_below"} | {
    "is_prefix",
    "mistake",
    "mistakes",
    "serve",
}
"""Attributes that only this package calls."""
