"""Fixtures and settings for every test."""

import pytest
from hypothesis import settings

settings.register_profile("wsserve", deadline=None, max_examples=100)
settings.load_profile("wsserve")

BACKENDS = [
    pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
    pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    pytest.param(("trio", {}), id="trio"),
]


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Run each async test on every event loop that the server supports."""
    backend: tuple[str, dict[str, bool]] = request.param
    return backend
