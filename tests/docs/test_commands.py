"""Commands on the pages: their options exist, and so do the targets of make. Nothing is started."""

import re
import shlex
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import click
import pytest
import uvicorn

from tests.docs.pages import PAGES, ROOT, blocks_of
from wsserve.server.cli import command

UVICORN = uvicorn.main
UNCHECKED = {"pip", "umask", "python", "autobahn"}
"""Commands that no test of this project can check."""


def commands_of(page: Path) -> list[str]:
    """Return the commands in the page's console blocks, and those between backticks that begin with wsserve."""
    lines = [
        line.removeprefix("$ ")
        for block in blocks_of(page)
        if block.language in ("console", "sh", "")
        for line in block.text.splitlines()
    ]
    inline = re.findall(r"`((?:wsserve|uvicorn) [^`]+)`", page.read_text())
    return [line for line in lines if line] + [line for line in inline if "..." not in line]


COMMANDS = [pytest.param(line, id=f"{page.name}:{line}") for page in PAGES for line in commands_of(page)]


@pytest.mark.parametrize("line", COMMANDS)
def test_command(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check(line, tmp_path)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("wsserve module:app --workers 2", "No such option"),
        ("wsserve module:app --port high", "not a valid integer"),
        ("wsserve --port 80", "Missing parameter: app"),
        ("WSSERVE_PRT=1 wsserve module:app", "WSSERVE_PRT"),
        ("make everything", "everything"),
        ("fly me", "fly"),
    ],
)
def test_a_command_can_fail(line: str, error: str, tmp_path: Path) -> None:
    with pytest.raises((click.UsageError, AssertionError), match=error):
        check(line, tmp_path)


def check(line: str, directory: Path) -> None:
    """Raise `AssertionError` or `click.UsageError` for a command that does not exist as it is written."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        variable = words.pop(0).partition("=")[0]
        assert not variable.startswith("WSSERVE_") or variable in variables(), f"there is no variable {variable}"
    name, *arguments = words
    checks: dict[str, Callable[[list[str]], object]] = {
        "wsserve": lambda given: parse(command, given, directory),
        "uvicorn": lambda given: parse(UVICORN, given, directory),
        "make": check_targets,
    }
    if name in checks:
        checks[name](arguments)
    else:
        assert name in UNCHECKED, f"nothing checks the command {name}"


def variables() -> set[str]:
    context = click.Context(command, auto_envvar_prefix="WSSERVE")
    return {
        str(parameter.envvar or f"{context.auto_envvar_prefix}_{(parameter.name or '').upper()}")
        for parameter in command.params
    }


def parse(program: click.Command, arguments: list[str], directory: Path) -> None:
    if arguments in (["--help"], ["--version"]):
        assert arguments[0] in {option for parameter in program.params for option in parameter.opts} | {"--help"}
        return
    for option, value in pairwise(arguments):
        if option == "--env-file":  # which has to be there
            (directory / value).touch()
    program.make_context(program.name, list(arguments))


def check_targets(arguments: list[str]) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for word in arguments if "=" not in word}
    assert named <= targets, f"the Makefile has no target {named - targets}"
