"""The command's options, made from the fields of `Config`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, get_args, get_origin

import click

from wsserve.server.config import Config
from wsserve.server.settings import Setting, settings_of, split_optional

_TYPES: Final[Mapping[Any, Any]] = {int: click.INT, float: click.FLOAT, bool: click.BOOL, str: click.STRING}


class GroupedOption(click.Option):
    """An option that is listed under a heading."""

    def __init__(self, declarations: list[str], *, group: str, **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help lists the options under their headings, in the order of the first of each."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options into the help."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                group = parameter.group if isinstance(parameter, GroupedOption) else "Other"
                groups.setdefault(group, []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)


class HeaderType(click.types.StringParamType):
    """A header line, `Name: value`, as a pair; an environment variable holds one on each line."""

    name = "header"
    envvar_list_splitter = "\n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return name and value."""
        name, colon, content = value.partition(":")
        if not colon:
            self.fail(f'{value!r} has no colon: write it as "Name: value"', param, ctx)
        return name.strip(), content.strip()


def config_options() -> Iterator[click.Option]:
    """Yield an option for each field of `Config`, with the field's type, default and help."""
    for name, annotation, default, details in settings_of(Config):
        if name == "headers":
            yield GroupedOption(
                ["--header", "headers"],
                group=details.group,
                help=details.summary,
                type=HeaderType(),
                multiple=True,
                metavar="TEXT",
                envvar="WSSERVE_HEADER",
            )
        else:
            yield _make_option(name, annotation, default, details)


def option_name(field: str) -> str:
    """Return the long option of a field of `Config`."""
    return "--" + field.replace("_", "-")


def _make_option(name: str, annotation: Any, default: Any, details: Setting) -> click.Option:
    kinds, _ = split_optional(annotation)
    flag = option_name(name)
    kind: Any = click.Choice(get_args(kinds[0])) if get_origin(kinds[0]) is Literal else _TYPES[kinds[0]]
    if kinds[0] is bool and not details.takes_value:
        flag = f"{flag}/{details.off_flag or '--no-' + flag[2:]}"
    return GroupedOption(
        [flag, name],
        group=details.group,
        help=details.summary,
        type=kind,
        default=default,
        show_default=default not in (None, ""),
        metavar=details.metavar,
    )
