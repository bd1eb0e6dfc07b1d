"""Segments that mix text and parameters."""

from typing import Any

import pytest

from wsserve.asgi_bridge.routing.path_pattern import PathPattern
from wsserve.asgi_bridge.routing.path_segment import Segment
from wsserve.asgi_bridge.routing.transformers import Transformer, register_path_transformer


def segment(declaration: str) -> Segment:
    pattern = PathPattern(declaration)
    assert pattern.mistakes == []
    (only,) = pattern.segments
    return only


@pytest.mark.parametrize(
    ("declaration", "text", "values"),
    [
        ("file-{id:int}.txt", "file-12.txt", [12]),
        ("file-{id:int}.txt", "file-.txt", None),
        ("file-{id:int}.txt", "file-x.txt", None),
        ("file-{id:int}.txt", "file-1.txt\n", None),
        ("file-{id:int}.txt", "File-1.txt", None),
        ("a{x}a", "a", None),
        ("a{x}a", "aa", None),
        ("a{x}a", "aba", ["b"]),
        ("{x}.{y}", "a.tar.gz", ["a.tar", "gz"]),
        ("{x}.{y}", "a.", None),
        ("{slug}-{id:int}", "a-b-5", ["a-b", 5]),
        ("{id:int}-{slug}", "5-a-b", [5, "a-b"]),
        ("{id:int}-{slug}", "x-a-b", None),
        ("{id:int}-{slug}", "9" * 5000 + "-a", None),
        ("{a}-{b}.{c}", "x-y-z.txt", ["x-y", "z", "txt"]),
        ("{a}-{b}.{c}", "x" * 124 + "-y.z", ["x" * 124, "y", "z"]),
        ("{a}-{b}.{c}", "x" * 125 + "-y.z", None),
        ("{a}1{b:int}", "x" * 1022 + "12", ["x" * 1022, 2]),
        ("{a}1{b:int}", "x" * 1023 + "12", None),
        ("{a}\n{b}", "x\n\ny", ["x\n", "y"]),
        ("(.{x}|", "(.5|", ["5"]),
    ],
)
def test_n3_text_and_parameters_in_one_segment(declaration: str, text: str, values: list[Any] | None) -> None:
    assert segment(declaration).parse(text) == values


class Anything(Transformer[str]):
    regex = "[^/]*"

    def convert(self, text: str) -> str:
        return text

    def to_string(self, value: str) -> str:
        return value


def test_n3_the_texts_at_start_and_end_do_not_overlap() -> None:
    register_path_transformer("path_segment_anything", Anything())
    around = segment("a{x:path_segment_anything}a")
    assert around.parse("aa") == [""]
    assert around.parse("a") is None
    assert around.build({"x": ""}) == "aa"


def test_the_key_leaves_out_the_names() -> None:
    assert segment("a-{x:int}").key == segment("a-{y:int}").key
    assert segment("a-{x:int}").key != segment("a-{x}").key
    assert segment("a-{x:int}").key != segment("b-{x:int}").key


def test_taking_slashes() -> None:
    assert segment("{p:path}").takes_slashes
    assert not segment("{p}").takes_slashes
    assert not segment("p").takes_slashes
