"""Paths as they are declared: H2, N1, N3, L12."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserve.asgi_bridge.routing.path_pattern import PathPattern


@pytest.mark.parametrize(
    ("declaration", "same"),
    [
        ("", "/"),
        ("/", "/"),
        ("chat/{room}", "/chat/{room}"),
        ("/chat/{room}/", "/chat/{room}"),
        ("web_socket/{session_id}", "/web_socket/{session_id}"),
        ("{x}", "/{x}"),
    ],
)
def test_h2_slashes_at_the_ends_of_a_declaration_mean_nothing(declaration: str, same: str) -> None:
    pattern = PathPattern(declaration)
    assert pattern.mistakes == []
    assert pattern.declaration == same
    assert repr(pattern) == f"PathPattern({same!r})"


@pytest.mark.parametrize("declaration", ["/a/{x:int}/{name}-{n:float}.txt", "/a/<x:int>/<name>-<n:float>.txt"])
def test_n3_parameters_in_both_notations(declaration: str) -> None:
    pattern = PathPattern(declaration)
    assert pattern.mistakes == []
    assert pattern.names == ("x", "name", "n")
    assert [segment.texts for segment in pattern.segments] == [("a",), ("", ""), ("", "-", ".txt")]
    assert [segment.is_literal for segment in pattern.segments] == [True, False, False]
    assert [segment.is_parameter for segment in pattern.segments] == [False, True, False]


KNOWN = "str, int, float, uuid, path, datetime"


@pytest.mark.parametrize(
    ("declaration", "mistakes"),
    [
        ("/a/{room", ["a bracket in '{room' has no counterpart"]),
        ("/a/room}", ["a bracket in 'room}' has no counterpart"]),
        ("/{a/b}", ["a bracket in '{a' has no counterpart", "a bracket in 'b}' has no counterpart"]),
        ("/<{a}>", ["'{a}' in <{a}> is no name for a parameter: take an identifier, such as {room}"]),
        ("/{}", ["'' in {} is no name for a parameter: take an identifier, such as {room}"]),
        ("/{a b}", ["'a b' in {a b} is no name for a parameter: take an identifier, such as {room}"]),
        ("/{x:}", [f"there is no transformer '' for {{x:}}, only {KNOWN}"]),
        ("/{x:slag}", [f"there is no transformer 'slag' for {{x:slag}}, only {KNOWN}"]),
        ("/{x}/{x:int}/{y}/{y}", [f"there is more than one parameter named {name!r}" for name in "xy"]),
        ("/{x}{y}", ["the parameters in '{x}{y}' need text between them"]),
        ("/{a}.{b}.{c}.{d}", ["there are more than 3 parameters in '{a}.{b}.{c}.{d}': put slashes between some"]),
        ("/v{p:path}", ["a parameter that takes slashes needs a segment of its own"]),
        ("/{p:path}/{q:path}", ["there is more than one parameter that takes slashes"]),
        ("/a?b", ["'?' starts a query, which is no part of a path"]),
        ("/a#b", ["'#' starts a fragment, which is no part of a path"]),
        ("/a%20b", ["write it as it reads, not percent-encoded"]),
        ("/a//b", ["there is nothing between two slashes"]),
        ("//", ["there is nothing between two slashes"]),
        ("/a/../b", ["'.' and '..' are never part of a path that a client sends (RFC 3986, section 5.2.4)"]),
        (" /a", ["there are spaces around it"]),
    ],
)
def test_what_is_wrong_in_a_declaration_is_told_all_at_once(declaration: str, mistakes: list[str]) -> None:
    pattern = PathPattern(declaration)
    found = [text.removeprefix(f"the path {pattern.declaration!r}: ") for text in pattern.mistakes]
    assert [text.split(", transformers_")[0] for text in found] == mistakes


def test_several_mistakes() -> None:
    assert len(PathPattern("/{a b}/{x:slag}/{y}/{y}/a?b").mistakes) == 4


def test_a_path_that_is_no_str() -> None:
    assert PathPattern(len).mistakes == ["a path is a str, not <built-in function len>"]
    assert PathPattern("/a").joined(5).mistakes == ["a path is a str, not 5"]


def test_a_prefix_cannot_end_in_a_parameter_that_takes_all() -> None:
    assert PathPattern("/a/{x}", is_prefix=True).mistakes == []
    assert PathPattern("/a/{p:path}", is_prefix=True).mistakes == [
        "the path '/a/{p:path}': a parameter that takes slashes leaves nothing for the routes below"
    ]


@pytest.mark.parametrize(
    ("above", "below", "joined"),
    [("/", "", "/"), ("/", "x", "/x"), ("/a", "", "/a"), ("/a", "/", "/a"), ("/a/", "/{x}/", "/a/{x}")],
)
def test_h15_joining(above: str, below: str, joined: str) -> None:
    pattern = PathPattern(above).joined(below)
    assert (pattern.declaration, pattern.is_prefix, pattern.mistakes) == (joined, False, [])
    assert PathPattern(above).joined(below, is_prefix=True).is_prefix


def test_joining_finds_names_that_are_taken_above() -> None:
    assert PathPattern("/{x}").joined("{x}").mistakes == [
        "the path '/{x}/{x}': there is more than one parameter named 'x'"
    ]


@pytest.mark.parametrize(
    ("declaration", "params", "path"),
    [
        ("/", {}, "/"),
        ("/chat/{room}", {"room": "a b"}, "/chat/a%20b"),
        ("/chat/{room}", {"room": "ä?#%\n;"}, "/chat/%C3%A4%3F%23%25%0A;"),
        ("/{u:uuid}/{n:int}", {"u": UUID(int=10), "n": 5}, "/00000000-0000-0000-0000-00000000000a/5"),
        ("/file-{id:int}.txt", {"id": 5}, "/file-5.txt"),
        ("/{slug}-{id:int}", {"slug": "a-b", "id": 5}, "/a-b-5"),
        ("/{id:int}-{slug}", {"slug": "a-b", "id": 5}, "/5-a-b"),
        ("/f/{p:path}", {"p": "a/b c"}, "/f/a/b%20c"),
        ("/f/{p:path}", {"p": ""}, "/f/"),
        ("/{p:path}/end", {"p": ""}, "/%2Fend"),
        ("/{p:path}", {"p": "/example.com/"}, "/%2Fexample.com/"),
    ],
)
def test_l12_building_paths(declaration: str, params: dict[str, Any], path: str) -> None:
    assert PathPattern(declaration).build(params) == path


@pytest.mark.parametrize(
    ("declaration", "params"),
    [
        ("/{x:int}", {"x": "abc"}),
        ("/{x:int}", {"x": -1}),
        ("/{x}", {"x": ""}),
        ("/{x}", {"x": 5}),
        ("/{x}", {"x": "a/b"}),
        ("/{x}", {"x": ".."}),
        ("/{x}", {"x": "."}),
        ("/{x}", {"x": "\ud800"}),
        ("/{p:path}", {"p": "a/../b"}),
        ("/{x}", {}),
        ("/{x}", {"x": "a", "y": "b"}),
        ("/", {"x": "a"}),
        ("/{a}-{b}", {"a": "x", "b": "y-z"}),
        ("/{a}-{b}-{c}", {"a": "x" * 300, "b": "y", "c": "z"}),
    ],
)
def test_l12_trap_what_cannot_be_built_is_a_value_or_type_error(declaration: str, params: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        PathPattern(declaration).build(params)


@given(st.text())
def test_any_text_can_be_looked_at_as_a_declaration(text: str) -> None:
    pattern = PathPattern(text)
    assert pattern.declaration.startswith("/")
    assert all(mistake.startswith("the path ") for mistake in pattern.mistakes)
