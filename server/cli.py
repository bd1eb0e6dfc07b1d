"""The `wsserve` command."""

import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import fields
from types import TracebackType
from typing import Any, Final

import click

from wsserve.server.config import Config
from wsserve.server.errors import ApplicationError, StartupError
from wsserve.server.options import GroupedCommand, GroupedOption, config_options, option_name
from wsserve.server.version import describe_version

_FIELDS: Final = sorted((field.name for field in fields(Config)), key=len, reverse=True)
_UNMISTAKABLE: Final = ["app_dir", "fd", "uds", *(name for name in _FIELDS if "_" in name)]
_FIELD: Final = re.compile(
    rf"(?<![^\s(])(?:{'|'.join(_UNMISTAKABLE)})(?![^\s,:)])|^(?:{'|'.join(_FIELDS)})(?= (?:must\b|is\b|has\b|'))"
)
"""A field's name in a sentence: whoever reads it there gave an option. A word such as port is one at its beginning."""

_MACHINERY: Final = frozenset({"wsserve", "importlib"})
"""Packages whose frames say nothing about an error of the application's own."""

_ENDS: Final = (".", "?", "?)")
"""How a sentence ends."""

_INTERRUPTED: Final = 130
"""The exit code that shells give a command which SIGINT ended."""


def main() -> None:
    """Run the command line and exit: 0 when the server was stopped, 1 when it could not start, 2 for wrong usage.

    A lifespan that fails at startup exits with 3. Errors are one line on standard error.
    """
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run the command with `arguments` and return its exit code."""
    try:
        code = command.main(arguments, prog_name="wsserve", standalone_mode=False)
    except click.Abort:  # SIGINT before the server was there to handle it
        return _INTERRUPTED
    except click.UsageError as error:
        message = error.format_message()
        _print_error(f"{message}{'' if message.endswith(_ENDS) else '.'} `wsserve --help` lists the options.")
        return error.exit_code
    except StartupError as error:
        if isinstance(error, ApplicationError) and error.__cause__ is not None:
            _print_traceback(error.__cause__)
        _print_error(_FIELD.sub(lambda match: option_name(match[0]), str(error)))
        return error.exit_code
    return int(code or 0)


def _print_error(message: str) -> None:
    click.echo(f"Error: {' '.join(message.splitlines())}", err=True)


def _print_traceback(error: BaseException) -> None:
    """Print the traceback of the application's `error` from where its own code begins."""
    start: TracebackType | None = error.__traceback__
    while start is not None and start.tb_frame.f_globals.get("__name__", "").partition(".")[0] in _MACHINERY:
        start = start.tb_next
    traceback.print_exception(error.with_traceback(start))


def _load_env_file(_ctx: click.Context, _param: click.Parameter, path: str | None) -> None:
    """Set the variables of an environment file, except those that are set already."""
    if path is None:
        return
    from dotenv import load_dotenv  # few need it, and every start would pay

    try:
        load_dotenv(path, encoding="utf-8")
    except (UnicodeDecodeError, ValueError):
        raise click.BadParameter(f"{path!r} is no text file in UTF-8 with lines of NAME=value.") from None


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(describe_version(Config()))
        ctx.exit()


def _run(app: str, app_dir: str, factory: bool, **settings: Any) -> int:
    config = Config(**settings)
    from wsserve.server.serve import run  # not before the options are known to be right: it takes a while

    return run(app, config, factory=factory, app_dir=app_dir)


command: Final = GroupedCommand(
    "wsserve",
    callback=_run,
    context_settings={"auto_envvar_prefix": "WSSERVE", "max_content_width": 100},
    help="Serve the ASGI application APP, given as module:attribute, over WebSocket and HTTP/1.1.",
    epilog="Each option can also be an environment variable: --ws-max-size is WSSERVE_WS_MAX_SIZE, APP is WSSERVE_APP.",
    params=[
        click.Argument(["app"], envvar="WSSERVE_APP"),
        GroupedOption(
            ["--app-dir"],
            group="Application",
            help="Directory to look for APP in; the current one by default.",
            metavar="PATH",
            default="",
        ),
        GroupedOption(
            ["--factory"],
            group="Application",
            help="APP is a function without arguments that returns the application.",
            is_flag=True,
        ),
        GroupedOption(
            ["--env-file"],
            group="Application",
            help="File of NAME=value lines to add to the environment first.",
            type=click.Path(exists=True, dir_okay=False, readable=True),
            metavar="PATH",
            callback=_load_env_file,
            is_eager=True,
            expose_value=False,
        ),
        *config_options(),
        click.Option(
            ["--version"],
            help="Show the versions in use and exit.",
            is_flag=True,
            callback=_print_version,
            is_eager=True,
            expose_value=False,
        ),
    ],
)
