"""From the text in a request to the type that a parameter has, by msgspec."""

import math
import re
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import inspect as types

_SEVERAL: Final = (types.CollectionType, types.TupleType)
_STRUCTURED: Final = (
    types.StructType,
    types.DataclassType,
    types.TypedDictType,
    types.NamedTupleType,
    types.DictType,
)
_NEVER_IN_TEXT: Final = (types.CustomType, types.RawType, types.ExtType)
_GOT: Final = re.compile(r", got `[^`]*`")


class ValueType:
    """A type that values of a request are converted to.

    msgspec converts, with `strict=False`: "5" and "5.0" are an int, "true", "false", "1" and "0" a bool, bytes are in
    base64, "null" is the None of an `Optional` unless that may be a str. Numbers are finite. Raises `TypeError` for a
    type that msgspec does not take, such as one with constraints that do not fit.
    """

    __slots__ = ("_choices", "_has_fractions", "hint", "is_several", "is_structured", "is_text")

    def __init__(self, hint: Any) -> None:
        self.hint = hint
        info = types.type_info(hint)
        members = list(_members(info))
        items = [node for member in members for node in _items(member)]
        nodes = members + items
        self.is_several = any(isinstance(node, _SEVERAL) for node in members)
        """Whether it takes all values of a name: list, set, tuple or frozenset."""
        self.is_structured = any(isinstance(node, _STRUCTURED) for node in nodes)
        """Whether it has fields, as a body has."""
        self.is_text = not any(
            [isinstance(node, _NEVER_IN_TEXT) for node in nodes] + [isinstance(item, _SEVERAL) for item in items]
        )
        """Whether texts can be converted to it at all."""
        self._has_fractions = any(isinstance(node, (types.FloatType, types.DecimalType)) for node in nodes)
        self._choices = [choice for node in nodes for choice in _choices(node)]

    def convert(self, value: Any) -> Any:
        """Return the value of this type that `value` stands for: text, or a list of texts when it takes several.

        What a path's transformer has made of the text is taken as it is when it fits, otherwise as text again. Raises
        any `Exception` when it cannot be converted.
        """
        try:
            converted = msgspec.convert(value, self.hint, strict=False)
        except Exception:
            if type(value) is str or type(value) is list:
                raise
            converted = msgspec.convert(_text(value), self.hint, strict=False)
        if self._has_fractions and not _is_finite(converted):
            raise msgspec.ValidationError("Expected a finite number")
        return converted

    def explain(self, error: Exception) -> str:
        """Say why a value was not converted, without a word of the value."""
        text = str(error) if isinstance(error, msgspec.ValidationError) else ""
        if text.startswith("Invalid enum value") and self._choices:
            return f"expected one of {', '.join(map(repr, self._choices))}"
        if text.startswith("Expected "):
            return "expected " + _GOT.sub("", text.removeprefix("Expected ")).replace("`", "")
        if text.startswith(("Invalid ", "Integer ", "Number ")):
            return (text[0].lower() + text[1:]).replace("`", "")
        return "not a valid value"


def _members(info: types.Type) -> Iterator[types.Type]:
    if isinstance(info, types.Metadata):
        yield from _members(info.type)
    elif isinstance(info, types.UnionType):
        for member in info.types:
            yield from _members(member)
    else:
        yield info


def _items(info: types.Type) -> Iterator[types.Type]:
    if isinstance(info, types.CollectionType):
        yield from _members(info.item_type)
    elif isinstance(info, types.TupleType):
        for item in info.item_types:
            yield from _members(item)


def _choices(info: types.Type) -> list[Any]:
    if isinstance(info, types.EnumType):
        return [member.value for member in info.cls]
    if isinstance(info, types.LiteralType):
        return list(info.values)
    return []


def _is_finite(value: object) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    if isinstance(value, float):
        return math.isfinite(value)
    return all(map(_is_finite, value)) if isinstance(value, (list, tuple, set, frozenset)) else True


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
