"""From text to types: what msgspec makes of it, and what is said when it cannot."""

import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserve.asgi_bridge.injection.conversion import ValueType

ID = uuid.UUID("914553ed-2a46-444d-bf5e-108b6abb027c")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Numbers(enum.IntEnum):
    ONE = 1


class Point(msgspec.Struct):
    x: int


@dataclass
class Data:
    x: int


class Typed(TypedDict):
    x: int


class Tuple(NamedTuple):
    x: int


class Foreign:
    pass


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (str, "5", "5"),
        (int, "5", 5),
        (int, "5.0", 5),
        (float, "5", 5.0),
        (bool, "true", True),
        (bool, "0", False),
        (uuid.UUID, str(ID).upper(), ID),
        (datetime, "2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (date, "2026-01-02", date(2026, 1, 2)),
        (Decimal, "1.10", Decimal("1.10")),
        (Colour, "red", Colour.RED),
        (Numbers, "1", Numbers.ONE),
        (Literal["a", 1], "1", 1),
        (int | None, "5", 5),
        (int | None, "null", None),
        (str | None, "null", "null"),
        (int | str, "5", "5"),
        (Annotated[int, msgspec.Meta(gt=0)], "5", 5),
        (Annotated[str, msgspec.Meta(min_length=1), "a note of someone else"], "5", "5"),
        (Annotated[int, msgspec.Meta(description="for a schema")], "5", 5),
        (Any, "5", "5"),
        (bytes, "aGk=", b"hi"),
    ],
)
def test_h5_h6_text_is_converted_by_type(hint: Any, text: str, value: object) -> None:
    converted = ValueType(hint).convert(text)
    assert (converted, type(converted)) == (value, type(value))


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (list[int], [1, 2]),
        (set[int], {1, 2}),
        (frozenset[int], frozenset({1, 2})),
        (tuple[int, str], (1, "2")),
        (tuple[int, ...], (1, 2)),
        (list[int] | None, [1, 2]),
        (Sequence[int], [1, 2]),
        (Annotated[list[Annotated[int, msgspec.Meta(gt=0)]], msgspec.Meta(max_length=2)], [1, 2]),
    ],
)
def test_h5_h6_collections_take_several(hint: Any, value: object) -> None:
    value_type = ValueType(hint)
    assert value_type.is_several
    assert value_type.is_text
    assert value_type.convert(["1", "2"]) == value


@pytest.mark.parametrize("hint", [Point, Data, Typed, Tuple, dict[str, int], Point | None, list[Point]])
def test_h9_structured_types_are_told_apart(hint: Any) -> None:
    assert ValueType(hint).is_structured


@pytest.mark.parametrize("hint", [Foreign, object, list[Foreign], Foreign | None, list[list[int]], tuple[set[int]]])
def test_types_that_no_text_becomes_are_told_apart(hint: Any) -> None:
    value_type = ValueType(hint)
    assert not value_type.is_text
    assert not value_type.is_structured


@pytest.mark.parametrize(
    ("hint", "text", "message"),
    [
        (int, "x", "expected int"),
        (int, "+5", "expected int"),
        (bool, "yes", "expected bool"),
        (int | None, "", "expected int | null"),
        (int, "9" * 5000, "integer value out of range"),
        (float, "1e999", "number out of range"),
        (uuid.UUID, "x", "invalid UUID"),
        (date, "2026-13-01", "invalid RFC3339 encoded date"),
        (Colour, "green", "expected one of 'red', 'blue'"),
        (Literal["a"], "green", "expected one of 'a'"),
        (list[Colour], ["green"], "expected one of 'red', 'blue'"),
        (Annotated[int, msgspec.Meta(gt=0)], "0", "expected int >= 1"),
        (Annotated[str, msgspec.Meta(pattern="^a, got b$")], "x", "expected str matching regex '^a, got b$'"),
        (list[int], ["1", "x"], "expected int - at $[1]"),
        (int, "\ud800", "not a valid value"),
        (set[Decimal], ["sNaN"], "not a valid value"),
    ],
)
def test_h6_what_is_wrong_is_said_without_the_value(hint: Any, text: str | list[str], message: str) -> None:
    value_type = ValueType(hint)
    with pytest.raises(Exception) as caught:  # any exception is a fault of the value
        value_type.convert(text)
    assert value_type.explain(caught.value) == message


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (uuid.UUID, ID, ID),
        (int, 5, 5),
        (float, 5, 5.0),
        (str, 5, "5"),
        (str, ID, str(ID)),
        (str, 1.5, "1.5"),
        (str, datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (datetime, datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
        (Colour, "red", Colour.RED),
    ],
)
def test_h5_what_a_transformer_made_is_taken_when_it_fits_and_otherwise_as_text(
    hint: Any, value: Any, expected: object
) -> None:
    converted = ValueType(hint).convert(value)
    assert (converted, type(converted)) == (expected, type(expected))


def test_what_a_transformer_made_may_be_of_any_type() -> None:
    foreign = Foreign()
    assert ValueType(Foreign).convert(foreign) is foreign


def test_a_transformers_value_that_does_not_fit_is_a_fault_even_when_it_has_no_text() -> None:
    class Silent:
        def __str__(self) -> str:
            raise ValueError("no text")

    with pytest.raises(ValueError, match="no text"):
        ValueType(int).convert(Silent())


def test_an_enum_that_speaks_of_the_value_is_not_quoted() -> None:
    class Talkative(enum.Enum):
        A = "a"

        @classmethod
        def _missing_(cls, value: object) -> "Talkative":
            raise ValueError(f"Invalid secret {value}")

    value_type = ValueType(Talkative)
    with pytest.raises(Exception) as caught:  # any exception is a fault of the value
        value_type.convert("hunter2")
    assert "hunter2" not in value_type.explain(caught.value)


@pytest.mark.parametrize("hint", [Annotated[int, msgspec.Meta(min_length=3)], str | uuid.UUID, "int", 5])
def test_a_type_that_msgspec_does_not_take_is_a_type_error(hint: Any) -> None:
    with pytest.raises(TypeError):
        ValueType(hint)


HINTS = [str, int, float, bool, uuid.UUID, datetime, date, Decimal, Colour, Numbers, Literal["a", 1], int | None, bytes]


@given(st.sampled_from(HINTS), st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_text_is_converted_or_explained_without_being_repeated(hint: Any, text: str) -> None:
    value_type = ValueType(hint)
    explanation = ""
    try:
        value_type.convert(f"{text}hunter2")
    except Exception as error:
        explanation = value_type.explain(error)
    assert "hunter2" not in explanation


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999"])
@pytest.mark.parametrize("hint", [float, Decimal, float | None, list[float]])
def test_h6_numbers_are_finite(hint: Any, text: str) -> None:
    value_type = ValueType(hint)
    value = [text, "1"] if value_type.is_several else text
    if text == "1e999" and hint is Decimal:
        assert value_type.convert(value) == Decimal("1e999")
        return
    with pytest.raises(msgspec.ValidationError) as caught:
        value_type.convert(value)
    assert value_type.explain(caught.value).startswith(("expected a finite number", "number out of range"))


def test_h6_finite_numbers_pass() -> None:
    assert ValueType(float).convert("1.5") == 1.5
    assert ValueType(set[Decimal] | None).convert(["1.5", "2"]) == {Decimal("1.5"), Decimal(2)}
    assert ValueType(tuple[str, float]).convert(["a", "2"]) == ("a", 2.0)
