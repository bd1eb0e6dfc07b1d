"""What `import wsserve` gives."""

import pytest

import wsserve
from wsserve.asgi_bridge import exceptions


@pytest.mark.parametrize("name", wsserve.__all__)
def test_every_public_name_imports(name: str) -> None:
    assert getattr(wsserve, name) is not None


def test_all_is_sorted_and_has_every_error_that_an_application_may_see() -> None:
    assert wsserve.__all__ == sorted(wsserve.__all__)
    classes = [value for value in vars(exceptions).values() if isinstance(value, type)]
    errors = {value.__name__ for value in classes if value.__module__ == exceptions.__name__}
    assert errors | {"InvalidMessageError"} <= set(wsserve.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    unknown = "webserve"
    with pytest.raises(AttributeError, match="module 'wsserve' has no attribute 'webserve'"):
        getattr(wsserve, unknown)
