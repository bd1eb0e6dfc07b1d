"""Which twin of a class is taken."""

import sys
from types import ModuleType

import pytest

from wsserve.codec.speedups import compiled
from wsserve.codec.wire import WireCodec

NAME = "wsserve.codec._wire_c"


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> type:
    module = ModuleType(NAME)
    module.WireCodec = type("WireCodec", (), {})  # type: ignore[attr-defined]  # it stands for a compiled module
    monkeypatch.setitem(sys.modules, NAME, module)
    monkeypatch.delenv("WSSERVE_NO_EXTENSIONS", raising=False)
    twin: type = module.WireCodec
    return twin


def test_the_compiled_twin_is_taken_where_it_was_built(twin: type) -> None:
    assert compiled(WireCodec) is twin


@pytest.mark.usefixtures("twin")
def test_the_plain_class_is_taken_where_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSSERVE_NO_EXTENSIONS", "1")
    assert compiled(WireCodec) is WireCodec


@pytest.mark.usefixtures("twin")
def test_the_plain_class_is_taken_where_no_twin_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, NAME, None)
    assert compiled(WireCodec) is WireCodec
