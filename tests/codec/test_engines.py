"""Which codec runs under which name."""

import pytest

from wsserve.codec import engines
from wsserve.codec.frames import FrameLimits
from wsserve.codec.speedups import compiled
from wsserve.codec.wire import WireCodec
from wsserve.codec.wsproto_codec import WsprotoCodec


def test_both_codecs_have_their_names() -> None:
    assert set(engines.FRAME_CODECS) == {"wire", "wsproto"}
    assert isinstance(engines.FRAME_CODECS["wsproto"](FrameLimits(), None), WsprotoCodec)


def test_the_compiled_twin_is_another_class_of_the_same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSSERVE_NO_EXTENSIONS", raising=False)
    twin = compiled(WireCodec)
    assert twin is not WireCodec, "build it: pip install -e . with a C compiler"
    assert twin.__name__ == "WireCodec"


@pytest.mark.parametrize(("wire", "text"), [(object, "wire, compiled"), (WireCodec, "wire, pure Python")])
def test_the_version_tells_the_build(monkeypatch: pytest.MonkeyPatch, wire: type, text: str) -> None:
    monkeypatch.setattr(engines, "_WIRE", wire)
    assert engines.describe_codec("wire") == text
    assert engines.describe_codec("wsproto").startswith("wsproto 1.")
