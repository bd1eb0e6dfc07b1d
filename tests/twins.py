"""Classes that have a compiled twin: their tests run on both, where the twin was built."""

import os
from typing import Any

import pytest

from wsserve.codec.speedups import compiled


def twins(name: str, pure: type[Any]) -> pytest.MarkDecorator:
    """Parametrize `name` with the plain class, and with its compiled twin where it was built."""
    twin = compiled(pure)
    if twin is pure:
        wanted = os.environ.get("SPEEDUPS") == "yes" and not os.environ.get("WSSERVE_NO_EXTENSIONS")
        assert not wanted, f"SPEEDUPS=yes, but the compiled twin of {pure.__module__} is not there"
        return pytest.mark.parametrize(name, [pure], ids=["pure"])
    return pytest.mark.parametrize(name, [pure, twin], ids=["pure", "compiled"])
