"""Transformers: what a parameter of a path may look like, and which Python value it becomes."""

import math
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

T = TypeVar("T")

NO_MATCH: Final = object()
"""What `ParameterType.parse` returns for text that is not of the type."""

_DIGITS: Final = "[0-9]+"
_HEX: Final = "[0-9a-fA-F]"


class Transformer(ABC, Generic[T]):
    """Turns a part of a path, percent-decoded, into a value and back; `register_path_transformer` gives it a name."""

    regex: str
    """A regular expression without groups, which the whole text must match; `.` takes line breaks too."""

    takes_slashes: bool = False
    """Whether a parameter takes several segments of a path, slashes included, as many as there are."""

    @abstractmethod
    def convert(self, text: str) -> T:
        """Return the value of a text that matches `regex`. A `ValueError` means that the path does not match."""

    @abstractmethod
    def to_string(self, value: T) -> str:
        """Return the text of a value. A `ValueError` or `TypeError` means that it has none."""


class StringTransformer(Transformer[str]):
    """`str`: one segment or a part of one, not empty."""

    regex = "[^/]+"

    def convert(self, text: str) -> str:
        """Return the text."""
        return text

    def to_string(self, value: str) -> str:
        """Return the text; numbers and other values are no text."""
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is no str")
        return value


class PathTransformer(StringTransformer):
    """`path`: the rest of the path, or all of it but for the segments that follow; it may be empty.

    `/files/{name:path}` matches `/files` and `/files/` with an empty text, and `/files/a/` with `a/`.
    """

    regex = ".*"
    takes_slashes = True


class IntTransformer(Transformer[int]):
    """`int`: ASCII digits without a sign, as many as `int()` takes (by default 4,300)."""

    regex = _DIGITS

    def convert(self, text: str) -> int:
        """Return the number."""
        return int(text)

    def to_string(self, value: int | str) -> str:
        """Return the digits of a number that is not negative."""
        return value if isinstance(value, str) else str(operator.index(value))


class FloatTransformer(Transformer[float]):
    """`float`: digits, and behind a point more of them; no sign, no exponent, nothing that would be infinite."""

    regex = rf"{_DIGITS}(?:\.{_DIGITS})?"

    def convert(self, text: str) -> float:
        """Return the number."""
        value = float(text)
        if math.isinf(value):
            raise ValueError("the number is too large for a float")
        return value

    def to_string(self, value: float | str) -> str:
        """Return the shortest digits that give the same number, without an exponent."""
        return value if isinstance(value, str) else format(Decimal(repr(float(value))), "f")


class UUIDTransformer(Transformer[UUID]):
    """`uuid`: a UUID with its hyphens, in upper or lower case; written in lower case (RFC 9562, section 4)."""

    regex = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"

    def convert(self, text: str) -> UUID:
        """Return the UUID."""
        return UUID(text)

    def to_string(self, value: UUID | str) -> str:
        """Return the UUID in lower case."""
        return str(UUID(value) if isinstance(value, str) else value)


class DatetimeTransformer(Transformer[datetime]):
    """`datetime`: date and time of ISO 8601, such as 2025-01-31T23:59:59; a fraction and an offset may follow.

    Digits of the fraction beyond microseconds are dropped. Without an offset the datetime is naive.
    """

    regex = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"

    def convert(self, text: str) -> datetime:
        """Return the datetime."""
        return datetime.fromisoformat(text)

    def to_string(self, value: datetime | str) -> str:
        """Return the datetime in ISO 8601."""
        return value if isinstance(value, str) else value.isoformat()


class ParameterType:
    """A transformer under its name, with its regular expression compiled."""

    __slots__ = ("_fullmatch", "name", "transformer")

    def __init__(self, name: str, transformer: Transformer[Any]) -> None:
        self.name = name
        self.transformer = transformer
        self._fullmatch = _compile(name, transformer.regex).fullmatch

    def __repr__(self) -> str:
        return f"<ParameterType {self.name}>"

    def parse(self, text: str) -> Any:
        """Return the value of `text`, or `NO_MATCH`."""
        if self._fullmatch(text) is None:
            return NO_MATCH
        try:
            return self.transformer.convert(text)
        except ValueError:
            return NO_MATCH

    def format(self, value: Any) -> str:
        """Return the text of `value`. Raises `ValueError` or `TypeError` when there is none that matches."""
        text = self.transformer.to_string(value)
        if self.parse(text) is NO_MATCH:
            raise ValueError(f"{text!r} is not what a parameter of type {self.name!r} takes")
        return text


_types: Final[dict[str, ParameterType]] = {}


def register_path_transformer(name: str, transformer: Transformer[Any]) -> None:
    """Make a transformer usable as `{parameter:name}` in the paths that are declared from now on.

    Raises `ValueError` for a name that is taken or is no identifier, and for a regular expression that does not compile
    or has groups other than `(?:...)`.
    """
    if not name.isidentifier():
        raise ValueError(f"{name!r} is no name for a path transformer: take an identifier, such as 'slug'")
    if name in _types:
        raise ValueError(f"there is a path transformer named {name!r} already: take another name")
    _types[name] = ParameterType(name, transformer)


def parameter_type(name: str) -> ParameterType | None:
    """Return what is registered as `name`, or None."""
    return _types.get(name)


def registered_names() -> Iterable[str]:
    """Return the names of all transformers, in the order of their registration."""
    return _types.keys()


def _compile(name: str, regex: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(regex, re.DOTALL)
    except re.error as error:
        raise ValueError(f"the regular expression {regex!r} of path transformer {name!r} is faulty: {error}") from None
    if compiled.groups:
        raise ValueError(
            f"the regular expression {regex!r} of path transformer {name!r} has groups: write (?:...) instead of (...)"
        )
    return compiled


register_path_transformer("str", StringTransformer())
register_path_transformer("int", IntTransformer())
register_path_transformer("float", FloatTransformer())
register_path_transformer("uuid", UUIDTransformer())
register_path_transformer("path", PathTransformer())
register_path_transformer("datetime", DatetimeTransformer())
