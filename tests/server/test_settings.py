"""Checks of single settings."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from wsserve.server.errors import ConfigError
from wsserve.server.settings import Setting, check, setting, settings_of, split_optional

BOUNDED = Setting(group="g", summary="s", at_least=1, at_most=9)
OPEN = Setting(group="g", summary="s", at_least=2)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, int),
        (9, int),
        (1, float),
        (1.5, float),
        (None, int | None),
        (3, int | None),
        (True, bool),
        ("a", Literal["a", "b"]),
        ((), tuple[int, ...]),
        ({}, str | dict[str, Any] | None),
        ("x", str | dict[str, Any] | None),
    ],
)
def test_a_fitting_value_passes(value: object, annotation: Any) -> None:
    check("it", value, annotation, BOUNDED)


@pytest.mark.parametrize(
    ("value", "annotation", "details", "message"),
    [
        (0, int, BOUNDED, "it must be from 1 to 9, not 0"),
        (10, int, BOUNDED, "it must be from 1 to 9, not 10"),
        (1, int, OPEN, "it must be at least 2, not 1"),
        (float("nan"), float, OPEN, "it must be finite, not nan"),
        (float("inf"), float, OPEN, "it must be finite, not inf"),
        (1.5, int, OPEN, "it must be a whole number, not 1.5"),
        (True, int, OPEN, "it must be a whole number, not True"),
        (1, bool, OPEN, "it must be true or false, not 1"),
        ("1", float | None, OPEN, "it must be a number or None, not '1'"),
        (None, str, OPEN, "it must be text, not None"),
        ("c", Literal["a", "b"], OPEN, "it must be 'a' or 'b', not 'c'"),
        ("c", Literal["a", "b", "d"], OPEN, "it must be 'a', 'b' or 'd', not 'c'"),
        ("c", Literal["a"], OPEN, "it must be 'a', not 'c'"),
        (["c"], Literal["a"], OPEN, "it must be 'a', not ['c']"),
    ],
)
def test_a_misfit_is_one_sentence(value: object, annotation: Any, details: Setting, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check("it", value, annotation, details)
    assert str(caught.value) == message


def test_optional_types_are_split() -> None:
    assert split_optional(int | None) == ((int,), True)
    assert split_optional(int | str) == ((int, str), False)
    assert split_optional(int) == ((int,), False)


@dataclass
class _Example:
    size: int = setting(4, "Group", "Its size.", at_most=5)


def test_declarations_can_be_listed() -> None:
    assert list(settings_of(_Example)) == [
        ("size", int, 4, Setting(group="Group", summary="Its size.", at_least=0, at_most=5))
    ]
    assert _Example().size == 4


def test_a_secret_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        check("password", b"hidden", str | None, Setting(group="g", summary="s", secret=True))
    assert str(caught.value) == "password must be text or None, not what it is"
