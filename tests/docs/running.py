"""Running the programs of a page.

What would serve for ever does not: `wsserve.run` checks its options, loads the application and returns, and so do
`uvicorn.run` and the `serve` of uvicorn's `Server`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from subprocess import run as run_process
from types import ModuleType
from typing import Any

import pytest
import uvicorn

from tests.docs.pages import ROOT, Program, programs_of
from wsserve.asgi_bridge.routing import transformers
from wsserve.server import serve
from wsserve.server.config import Config
from wsserve.server.loading import load_app


def run_program(program: Program, directory: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run a program in a directory with the page's files, and return its names.

    Raises `AssertionError` when it prints something else than its output blocks say, and what the program raises.
    """
    for other in programs_of(program.page):
        if other.is_file:
            (directory / other.name).write_text(other.source)
    if program.is_test_file:
        _run_tests(program, directory)
        return {}
    monkeypatch.setattr(serve, "run", _run)
    monkeypatch.setattr(transformers, "_types", dict(transformers._types))  # in which programs register theirs
    monkeypatch.setattr(uvicorn, "run", _run_uvicorn)
    monkeypatch.setattr(uvicorn.Server, "serve", _serve_uvicorn)
    monkeypatch.syspath_prepend(directory)
    monkeypatch.chdir(directory)
    name = program.name.removesuffix(".py") if program.is_file else "documented"
    with _module("__main__" if '"__main__"' in program.source else name) as module:
        names = vars(module)
        _run_blocks(program, names)
        for function in [value for name, value in names.items() if name.startswith("test_")]:
            function()
        return names


def _run_blocks(program: Program, names: dict[str, Any]) -> None:
    printed = StringIO()
    first = program.blocks[0].line
    for block in program.blocks:
        if block.language == "python":
            # Empty lines in front of a block make its line numbers those of the page, or of the file.
            offset = block.line - first if program.is_file else block.line - 1
            file = program.name if program.is_file else str(program.page)
            with redirect_stdout(printed):
                exec(compile("\n" * offset + block.text, file, "exec"), names)
        else:
            where = f"{program.page.name}:{block.line}"
            assert printed.getvalue() == block.text, f"{where}: what is printed is\n{printed.getvalue()}"
            printed.seek(0)
            printed.truncate()
    assert printed.getvalue() == "", f"{program.id}: the page does not show what is printed"


def _run_tests(program: Program, directory: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", program.name]
    result = run_process(command, cwd=directory, env=_environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def _module(name: str) -> Iterator[ModuleType]:
    """Make a module that can be imported by its name; forget it, and what it has imported from its page, at the end."""
    before = dict(sys.modules)
    module = sys.modules[name] = ModuleType(name)
    try:
        yield module
    finally:
        for added in set(sys.modules) - set(before):
            file = getattr(sys.modules[added], "__file__", None) or ""
            if file.startswith(str(Path.cwd())):
                del sys.modules[added]
        del sys.modules[name]
        if name in before:
            sys.modules[name] = before[name]


def _run(app: Any, config: Config | None = None, *, factory: bool = False, app_dir: str = "", **options: Any) -> int:
    assert config is None or not options
    Config(**options)
    assert callable(load_app(app, factory=factory, app_dir=app_dir))
    return 0


def _run_uvicorn(app: Any, **options: Any) -> None:
    uvicorn.Config(app, **options).load()


async def _serve_uvicorn(server: uvicorn.Server) -> None:
    server.config.load()
