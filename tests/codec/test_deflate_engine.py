"""Which engine deflates: the choice, and what each makes of the options; what it writes is in test_deflate.py."""

import importlib
import sys
import zlib
from types import ModuleType

import pytest

from wsserve.codec import deflate_engine
from wsserve.codec.deflate_engine import DEFLATE_ENGINES, load_isal, new_compressor, zlib_compressor

TEXT = b"".join(b"%d bottles of beer on the wall, " % number for number in range(99, 0, -1))


def fake_isal(calls: list[tuple[int, ...]]) -> ModuleType:
    def compressobj(*arguments: int) -> str:
        calls.append(arguments)
        return "isal's"

    module = ModuleType("isal.isal_zlib")
    vars(module)["compressobj"] = compressobj
    return module


def test_the_best_engine_that_is_installed_is_the_default() -> None:
    assert next(iter(DEFLATE_ENGINES)) == "zlib"
    assert new_compressor is list(DEFLATE_ENGINES.values())[-1]


def test_zlib_stands_in_where_isal_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSSERVE_NO_EXTENSIONS", raising=False)
    monkeypatch.setitem(sys.modules, "isal.isal_zlib", None)
    assert load_isal() is None


def test_the_environment_can_ask_for_zlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isal", ModuleType("isal"))
    monkeypatch.setitem(sys.modules, "isal.isal_zlib", fake_isal([]))
    monkeypatch.setenv("WSSERVE_NO_EXTENSIONS", "1")
    assert load_isal() is None
    monkeypatch.delenv("WSSERVE_NO_EXTENSIONS")
    assert load_isal() is not None


def test_isal_has_one_level_for_three_and_zlib_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, ...]] = []
    monkeypatch.delenv("WSSERVE_NO_EXTENSIONS", raising=False)
    monkeypatch.setitem(sys.modules, "isal", ModuleType("isal"))
    monkeypatch.setitem(sys.modules, "isal.isal_zlib", fake_isal(calls))
    make = load_isal()
    assert make is not None
    made: list[object] = [make(level, 12, 5) for level in range(10)]
    assert [level for level in range(10) if made[level] == "isal's"] == [1, 2, 3]
    assert calls == [(1, zlib.DEFLATED, -12, 2)] * 3
    make(3, 9, 1)
    assert calls[-1] == (1, zlib.DEFLATED, -9, 1)


@pytest.mark.parametrize("engine", list(DEFLATE_ENGINES))
def test_levels_mean_what_they_say(engine: str) -> None:
    sizes = []
    for level in range(10):
        compressor = DEFLATE_ENGINES[engine](level, 15, 8)
        wire = compressor.compress(TEXT) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert wire.endswith(b"\x00\x00\xff\xff")
        assert zlib.decompressobj(-15).decompress(wire) == TEXT
        sizes.append(len(wire))
    assert sizes[0] > len(TEXT)
    assert max(sizes[1:]) < len(TEXT) / 3


def test_the_version_tells_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate_engine, "_ISAL", new_compressor)
    monkeypatch.setattr(deflate_engine, "version", {"isal": "1.2.3"}.__getitem__)
    assert deflate_engine.describe_deflate() == "isal 1.2.3"
    monkeypatch.setattr(deflate_engine, "_ISAL", None)
    monkeypatch.setattr(deflate_engine, "new_compressor", zlib_compressor)
    assert deflate_engine.describe_deflate() == f"zlib {zlib.ZLIB_RUNTIME_VERSION}"


def test_zlib_is_the_only_engine_of_an_import_without_isal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSSERVE_NO_EXTENSIONS", "1")
    spec = deflate_engine.__spec__
    assert spec is not None
    again = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(again)
    assert list(again.DEFLATE_ENGINES) == ["zlib"]
    assert again.new_compressor is again.zlib_compressor
