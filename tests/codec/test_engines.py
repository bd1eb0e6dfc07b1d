"""Which codec runs under which name."""

import sys

import pytest

from wsserve.codec import engines
from wsserve.codec.frames import FrameLimits
from wsserve.codec.wire import WireCodec
from wsserve.codec.wsproto_codec import WsprotoCodec


def test_both_codecs_have_their_names() -> None:
    assert set(engines.FRAME_CODECS) == {"wire", "wsproto"}
    assert isinstance(engines.FRAME_CODECS["wsproto"](FrameLimits(), None), WsprotoCodec)


def test_pure_python_is_forced_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSSERVE_NO_EXTENSIONS", "1")
    assert engines.load_compiled() is None


def test_a_missing_build_falls_back_to_pure_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSSERVE_NO_EXTENSIONS", raising=False)
    monkeypatch.setitem(sys.modules, "wsserve.codec._wire_c", None)
    assert engines.load_compiled() is None


def test_the_compiled_twin_is_another_class_of_the_same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSSERVE_NO_EXTENSIONS", raising=False)
    compiled = engines.load_compiled()
    assert compiled is not None, "build it: pip install -e . with a C compiler"
    assert compiled is not WireCodec
    assert getattr(compiled, "__name__", "") == "WireCodec"


@pytest.mark.parametrize(("compiled", "text"), [(WireCodec, "wire, compiled"), (None, "wire, pure Python")])
def test_the_version_tells_the_build(monkeypatch: pytest.MonkeyPatch, compiled: object, text: str) -> None:
    monkeypatch.setattr(engines, "_COMPILED", compiled)
    assert engines.describe_codec("wire") == text
    assert engines.describe_codec("wsproto").startswith("wsproto 1.")
