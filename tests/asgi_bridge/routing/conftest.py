"""What every test of routing has around it."""

import pytest

from wsserve.asgi_bridge.routing import transformers


@pytest.fixture(autouse=True)
def own_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test register path transformers for itself alone."""
    monkeypatch.setattr(transformers, "_types", dict(transformers._types))
