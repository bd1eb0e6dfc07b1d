"""How a field of `Config` is declared: its default, what may stand there, and what people read about it.

The command line is made from these declarations, so an option's name, type, default and help are written once.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from wsserve.server.errors import ConfigError

_METADATA_KEY: Final = "wsserve.setting"
_NAMES: Final = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Mapping: "a mapping"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is known about one field beside its type and default.

    `at_least` and `at_most` bound a number, both inclusive; no number may be negative. `metavar` stands for the value
    in the help. `secret` values are never shown. `takes_value` makes a true-or-false option one that is given `true`
    or `false`, as in `--name false`, where others are a pair of flags, `--name/--no-name`. `off_flag` names the second
    flag of such a pair.
    """

    group: str
    summary: str
    at_least: float = 0
    at_most: float | None = None
    metavar: str | None = None
    secret: bool = False
    takes_value: bool = False
    off_flag: str | None = None


def setting(default: Any, group: str, summary: str, **details: Any) -> Any:
    """Declare a field of `Config`; `details` are further fields of `Setting`."""
    return field(default=default, metadata={_METADATA_KEY: Setting(group=group, summary=summary, **details)})


def settings_of(config_class: type) -> Iterator[tuple[str, Any, Any, Setting]]:
    """Yield the name, type annotation, default and `Setting` of each field, in order."""
    annotations = get_type_hints(config_class)
    for one in fields(config_class):
        yield one.name, annotations[one.name], one.default, one.metadata[_METADATA_KEY]


def split_optional(annotation: Any) -> tuple[tuple[Any, ...], bool]:
    """Return the types that a value may have besides None, and whether None is allowed."""
    if get_origin(annotation) in (Union, UnionType):
        members = get_args(annotation)
        return tuple(member for member in members if member is not NoneType), NoneType in members
    return (annotation,), False


def check(name: str, value: object, annotation: Any, details: Setting) -> None:
    """Raise `ConfigError` unless `value` has the type of `annotation` and is within the bounds of `details`."""
    kinds, optional = split_optional(annotation)
    if value is None and optional:
        return
    if get_origin(kinds[0]) is Literal:
        choices = get_args(kinds[0])
        if value not in choices:
            raise ConfigError(f"{name} must be {_either(map(repr, choices))}, not {value!r}")
        return
    if get_origin(kinds[0]) is tuple:
        return  # its owner looks closer
    if not any(_is_kind(value, kind) for kind in kinds):
        names = [*(_NAMES[get_origin(kind) or kind] for kind in kinds), *(["None"] if optional else [])]
        raise ConfigError(f"{name} must be {_either(names)}, not {'what it is' if details.secret else repr(value)}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        _check_range(name, value, details)


def _is_kind(value: object, kind: Any) -> bool:
    kind = get_origin(kind) or kind
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def _check_range(name: str, value: float, details: Setting) -> None:
    low, high = details.at_least, details.at_most
    if not math.isfinite(value):
        raise ConfigError(f"{name} must be finite, not {value}")
    if high is not None and not low <= value <= high:
        raise ConfigError(f"{name} must be from {low} to {high}, not {value}")
    if value < low:
        raise ConfigError(f"{name} must be at least {low}, not {value}")


def _either(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
