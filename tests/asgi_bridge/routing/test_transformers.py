"""Transformers of path parameters: N3."""

import re
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from wsserve.asgi_bridge.routing.transformers import (
    NO_MATCH,
    ParameterType,
    Transformer,
    parameter_type,
    register_path_transformer,
    registered_names,
)

AN_UUID = UUID("0f4b7a1c-2d3e-4f50-8a9b-0c1d2e3f4a5b")


def named(name: str) -> ParameterType:
    found = parameter_type(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("str", "a", "a"),
        ("str", "\n", "\n"),
        ("str", "ä b%20?#", "ä b%20?#"),
        ("int", "007", 7),
        ("int", "9" * 400, int("9" * 400)),
        ("float", "3", 3.0),
        ("float", "3.25", 3.25),
        ("float", "9" * 300, float("9" * 300)),
        ("uuid", str(AN_UUID), AN_UUID),
        ("uuid", str(AN_UUID).upper(), AN_UUID),
        ("path", "", ""),
        ("path", "a//b\n/", "a//b\n/"),
        ("datetime", "2025-01-31T23:59:58", datetime(2025, 1, 31, 23, 59, 58)),
        ("datetime", "2025-01-31T23:59:58.5", datetime(2025, 1, 31, 23, 59, 58, 500000)),
        ("datetime", "2025-01-31T23:59:58.123456789", datetime(2025, 1, 31, 23, 59, 58, 123456)),
        ("datetime", "2025-01-31T23:59:58Z", datetime(2025, 1, 31, 23, 59, 58, tzinfo=UTC)),
        (
            "datetime",
            "2025-01-31T23:59:58.25-03:30",
            datetime(2025, 1, 31, 23, 59, 58, 250000, tzinfo=timezone(-timedelta(hours=3, minutes=30))),
        ),
    ],
)
def test_n3_text_becomes_a_value(name: str, text: str, value: object) -> None:
    parsed = named(name).parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("str", ""),
        ("str", "a/b"),
        ("int", ""),
        ("int", "5\n"),
        ("int", "-5"),
        ("int", "+5"),
        ("int", "1_0"),
        ("int", " 5"),
        ("int", "٣"),
        ("int", "9" * 5000),
        ("float", "."),
        ("float", "5."),
        ("float", "1e5"),
        ("float", "-1"),
        ("float", "nan"),
        ("float", "inf"),
        ("float", "9" * 400),
        ("float", "1\n"),
        ("uuid", "0f4b7a1c2d3e4f508a9b0c1d2e3f4a5b"),
        ("uuid", f"{{{AN_UUID}}}"),
        ("uuid", f"{AN_UUID}\n"),
        ("uuid", "g" + str(AN_UUID)[1:]),
        ("datetime", "2025-13-01T00:00:00"),
        ("datetime", "2025-02-29T00:00:00"),
        ("datetime", "0000-01-01T00:00:00"),
        ("datetime", "2025-01-01T25:00:00"),
        ("datetime", "2025-01-01T00:00:60"),
        ("datetime", "2025-01-01T00:00:00+25:00"),
        ("datetime", "2025-01-01T00:00:00\n"),
        ("datetime", "2025-01-01T00:00:00."),
        ("datetime", "2025-01-01"),
    ],
)
def test_n3_trap_no_text_that_a_client_sends_raises(name: str, text: str) -> None:
    assert named(name).parse(text) is NO_MATCH


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("str", "a\nb", "a\nb"),
        ("path", "", ""),
        ("path", "a/b", "a/b"),
        ("int", 0, "0"),
        ("int", "012", "012"),
        ("float", 0.1, "0.1"),
        ("float", 1e22, "10000000000000000000000"),
        ("float", 5e-324, "0." + "0" * 323 + "5"),
        ("float", 3, "3.0"),
        ("float", "2.50", "2.50"),
        ("uuid", AN_UUID, str(AN_UUID)),
        ("uuid", str(AN_UUID).upper(), str(AN_UUID)),
        ("datetime", datetime(2025, 1, 31, 23, 59, 58, 5, UTC), "2025-01-31T23:59:58.000005+00:00"),
        ("datetime", "2025-01-31T23:59:58", "2025-01-31T23:59:58"),
    ],
)
def test_n3_values_become_text(name: str, value: object, text: str) -> None:
    assert named(name).format(value) == text
    assert named(name).parse(text) is not NO_MATCH


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("str", ""),
        ("str", "a/b"),
        ("str", 5),
        ("str", None),
        ("int", -5),
        ("int", 1.5),
        ("int", "abc"),
        pytest.param("int", 10**5000, id="int-too-long"),
        ("float", -0.5),
        ("float", float("nan")),
        ("float", float("inf")),
        ("float", "x"),
        ("float", None),
        ("uuid", "no"),
        ("uuid", 5),
        ("datetime", "yesterday"),
        ("datetime", datetime(2025, 1, 1, tzinfo=timezone(timedelta(seconds=5)))),
    ],
)
def test_l12_trap_a_value_without_text_is_a_value_or_type_error(name: str, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        named(name).format(value)


def test_the_digits_that_an_int_may_have_are_pythons() -> None:
    limit = sys.get_int_max_str_digits()
    assert named("int").parse("1" * limit) == int("1" * limit)
    assert named("int").parse("1" * (limit + 1)) is NO_MATCH


class Slug(Transformer[str]):
    regex = "[a-z]+(?:-[a-z]+)*"

    def convert(self, text: str) -> str:
        if text == "reserved":
            raise ValueError("reserved")
        return text.replace("-", " ")

    def to_string(self, value: str) -> str:
        return value.replace(" ", "-")


def test_n3_a_transformer_of_ones_own() -> None:
    register_path_transformer("transformers_slug", Slug())
    slug = named("transformers_slug")
    assert slug.parse("a-b") == "a b"
    assert slug.parse("A") is NO_MATCH
    assert slug.parse("reserved") is NO_MATCH
    assert slug.format("a b") == "a-b"
    assert list(registered_names())[:6] == ["str", "int", "float", "uuid", "path", "datetime"]
    assert "transformers_slug" in registered_names()
    assert repr(slug) == "<ParameterType transformers_slug>"
    assert parameter_type("unheard_of") is None


def with_regex(regex: str) -> Transformer[Any]:
    transformer = Slug()
    transformer.regex = regex
    return transformer


@pytest.mark.parametrize(
    ("name", "regex", "message"),
    [
        ("str", "a", "there is a path transformer named 'str' already: take another name"),
        ("no name", "a", "'no name' is no name for a path transformer: take an identifier, such as 'slug'"),
        ("faulty", "(", "the regular expression '(' of path transformer 'faulty' is faulty: missing )"),
        ("groups", "(a)b", "the regular expression '(a)b' of path transformer 'groups' has groups: write (?:...)"),
        ("groups", "(?P<x>a)b", "the regular expression '(?P<x>a)b' of path transformer 'groups' has groups"),
    ],
)
def test_n3_faulty_registrations(name: str, regex: str, message: str) -> None:
    before = list(registered_names())
    with pytest.raises(ValueError, match=re.escape(message)):
        register_path_transformer(name, with_regex(regex))
    assert list(registered_names()) == before
