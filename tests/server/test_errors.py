"""Errors and the exit codes that go with them."""

import pytest

from wsserve.server.errors import ApplicationError, ConfigError, LifespanError, StartupError, describe_error, suggest


@pytest.mark.parametrize(
    ("kind", "exit_code"), [(StartupError, 1), (ConfigError, 2), (LifespanError, 3), (ApplicationError, 1)]
)
def test_each_error_has_its_exit_code(kind: type[StartupError], exit_code: int) -> None:
    assert issubclass(kind, StartupError)
    assert kind.exit_code == exit_code


def test_a_wrong_option_is_a_value_error_in_python() -> None:
    assert issubclass(ConfigError, ValueError)


@pytest.mark.parametrize(("error", "text"), [(ValueError(5), "ValueError: 5"), (KeyError(), "KeyError")])
def test_an_error_is_described_by_its_kind_and_text(error: Exception, text: str) -> None:
    assert describe_error(error) == text


def test_near_names_are_suggested() -> None:
    assert suggest("prot", ["port", "host"]) == ": did you mean 'port'?"
    assert suggest("zzz", ["port", "host"]) == ""
