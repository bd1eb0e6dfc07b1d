"""Finding the first route that matches: H20, N3, N6, and the cost of it."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.asgi_bridge.routing.routes import Noting
from wsserve.asgi_bridge.routing import route_tree
from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.routing.path_segment import Segment
from wsserve.asgi_bridge.routing.route_tree import RouteTree
from wsserve.asgi_bridge.routing.transformers import (
    NO_MATCH,
    ParameterType,
    Transformer,
    parameter_type,
    register_path_transformer,
)


def tree_of(*routes: BaseRoute) -> RouteTree:
    tree = RouteTree()
    for order, route in enumerate(routes):
        tree.add(route, order)
    return tree


def any_route(_route: BaseRoute) -> bool:
    return True


class Found(NamedTuple):
    order: int
    params: dict[str, Any]
    rest: str


def find(path: str, *declarations: str) -> Found | None:
    """Look a path up; a declaration that ends in * is that of a prefix."""
    routes = [Noting(text.removesuffix("*"), is_prefix=text.endswith("*")) for text in declarations]
    assert [route.pattern.mistakes for route in routes] == [[]] * len(routes)
    match = tree_of(*routes).find(path, any_route)
    if match is None:
        return None
    assert match.route is routes[match.order]
    rest = path[match.length :] if match.route.is_prefix else ""
    return Found(match.order, match.params, rest)


@pytest.mark.parametrize(
    ("path", "declarations", "index"),
    [
        ("/a", ["/a", "/a"], 0),
        ("/a", ["/b", "/{x}", "/a"], 1),
        ("/a", ["/b", "/a", "/{x}"], 1),
        ("/5", ["/{x:uuid}", "/{x:int}", "/{x}"], 1),
        ("/x", ["/{x:uuid}", "/{x:int}", "/{x}"], 2),
        ("/a/b", ["/a/c", "/{x}/b", "/a/{y}"], 1),
        ("/a/b", ["/a/{y}", "/{x}/b", "/a/b"], 0),
        ("/a-5", ["/a-{x:uuid}", "/{x}-{y:int}", "/a-{x:int}", "/{x}"], 1),
        ("/a-5", ["/b-{x}", "/{x}-6", "/{x}"], 2),
        ("/a/b/c", ["/{p:path}/x", "/{p:path}/c", "/{p:path}"], 1),
        ("/a/b/c", ["/a/*", "/a/b/c"], 0),
        ("/a/b/c", ["/a/b/c", "/a/*"], 0),
        ("/a/b/c", ["/b/*", "/{x}/{y}*", "/a/b/c"], 1),
        ("/2025-13-01T00:00:00", ["/{x:datetime}", "/{x}"], 1),
        ("/" + "9" * 5000, ["/{x:int}", "/{x}"], 1),
    ],
)
def test_h20_the_first_declared_match_wins(path: str, declarations: list[str], index: int) -> None:
    found = find(path, *declarations)
    assert found is not None
    assert found.order == index


@pytest.mark.parametrize(
    ("path", "declaration", "params"),
    [
        ("/", "", {}),
        ("", "", {}),
        ("/a/", "/a", {}),
        ("/a/", "/a/", {}),
        ("/x/5/y", "/{a}/{b:int}/y", {"a": "x", "b": 5}),
        ("/a\n", "/{a}", {"a": "a\n"}),
        ("/f", "/f/{p:path}", {"p": ""}),
        ("/f/", "/f/{p:path}", {"p": ""}),
        ("/f//", "/f/{p:path}", {"p": "/"}),
        ("/f/a/b/", "/f/{p:path}", {"p": "a/b/"}),
        ("/f/a/b/", "/f/{p:path}/b", {"p": "a"}),
        ("/f//b", "/f/{p:path}/b", {"p": ""}),
        ("/f/a//b", "/{x}/{p:path}/{y}-{z}/b", None),
        ("/f/a/1/q-w/b", "/{x}/{p:path}/{y}-{z}/b", {"x": "f", "p": "a/1", "y": "q", "z": "w"}),
        ("/f/b", "/f/{p:path}/b", None),
        ("/", "/{p:path}", {"p": ""}),
        ("//", "/{p:path}", {"p": "/"}),
        ("//", "", None),
        ("/a//", "/a", None),
        ("/a//", "/a/{x}", None),
        ("//a", "/a", None),
        ("a", "/a", None),
        ("*", "", None),
        ("/a/b", "/{x}", None),
        ("/a", "/a/b", None),
        ("/A", "/a", None),
        ("/a\n", "/a", None),
        ("/5\n", "/{x:int}", None),
    ],
)
def test_n3_values(path: str, declaration: str, params: dict[str, Any] | None) -> None:
    found = find(path, declaration)
    assert (None if found is None else found.params) == params


@pytest.mark.parametrize(
    ("path", "declaration", "rest"),
    [
        ("/a", "/a*", ""),
        ("/a/", "/a*", "/"),
        ("/a/b//", "/a*", "/b//"),
        ("/x/a/b", "/{x}/a*", "/b"),
        ("/a/b", "*", "/a/b"),
        ("", "*", ""),
        ("//", "*", "//"),
        ("//a", "/a*", None),
        ("/ab", "/a*", None),
        ("/", "/a*", None),
    ],
)
def test_n4_prefixes_leave_the_rest(path: str, declaration: str, rest: str | None) -> None:
    found = find(path, declaration)
    assert (None if found is None else found.rest) == rest


def test_n6_only_accepted_routes_count_and_only_those_before_another() -> None:
    routes = [Noting("/a"), Noting("/{x}"), Noting("/a"), Noting("*")]
    tree = tree_of(*routes)
    seen: set[BaseRoute] = set()

    def refuse(route: BaseRoute) -> bool:
        seen.add(route)
        return False

    assert tree.find("/a", refuse) is None
    assert seen == set(routes[:3])
    match = tree.find("/a", lambda route: route is routes[2])
    assert match is not None
    assert match.order == 2
    assert tree.find("/a", lambda route: route is routes[2], before=2) is None


class Versions(Transformer[list[int]]):
    regex = "[0-9/]+"
    takes_slashes = True

    def convert(self, text: str) -> list[int]:
        return list(map(int, text.split("/")))

    def to_string(self, value: list[int]) -> str:
        return "/".join(map(str, value))


def test_n3_a_transformer_of_ones_own_that_takes_slashes() -> None:
    register_path_transformer("route_tree_versions", Versions())
    declarations = ["/{v:route_tree_versions}", "/{v:route_tree_versions}/{x}", "/{p:path}"]
    assert find("/1/2", *declarations) == (0, {"v": [1, 2]}, "")
    assert find("/1/2/a", *declarations) == (1, {"v": [1, 2], "x": "a"}, "")
    assert find("/1//2", *declarations) == (2, {"p": "1//2"}, "")
    assert find("/a", *declarations) == (2, {"p": "a"}, "")


# Any routes and any path: the same as trying each route in order with a regular expression

SEGMENTS = [
    "a",
    "b",
    "{}",
    "{:int}",
    "{:path}",
    "{:datetime}",
    "a-{}",
    "{:int}.a",
    "{}-{}",
    "{:int}-{}",
    "a{}b{:int}.{}",
]
PIECES = ["a", "b", "5", "55", "-", ".", "/", "/", "\n", "2025-01-01T00:00:00", "2025-13-01T00:00:00", "9" * 4400]


def named(template: str, used: int) -> str:
    """Give the parameters of a segment names that are not in use."""
    for index in range(used, used + template.count("{")):
        template = re.sub(r"\{(?=[:}])", f"{{p{index}", template, count=1)
    return template


@st.composite
def declarations(draw: st.DrawFn) -> str:
    segments: list[str] = []
    for template in draw(st.lists(st.sampled_from(SEGMENTS), max_size=4)):
        if template != "{:path}" or not any(":path" in segment for segment in segments):
            segments.append(named(template, "/".join(segments).count("{")))
    path = "/" + "/".join(segments)
    return path + draw(st.sampled_from(["", "*"])) if ":path" not in path else path


def reference(declaration: str, path: str) -> tuple[dict[str, Any], str] | None:
    """Match one route with one regular expression."""
    is_prefix = declaration.endswith("*")
    regex, names, types = "", [], []
    for segment in declaration.removesuffix("*").strip("/").split("/"):
        if not segment:
            continue
        regex += "/"
        longest = {2: 1024, 3: len("a") + 128}.get(segment.count("{"))
        if longest is not None:  # what several parameters share is no longer than this
            regex += rf"(?=[^/]{{0,{longest}}}(?:/|\Z))"
        for index, part in enumerate(re.split(r"(\{[^}]*\})", segment)):
            if index % 2 == 0:
                regex += re.escape(part)
                continue
            name, _, type_name = part[1:-1].partition(":")
            kind = parameter_type(type_name or "str")
            assert kind is not None
            names.append(name)
            types.append(kind)
            regex += f"({kind.transformer.regex})"
    if is_prefix:
        match = re.fullmatch(f"({regex})(/.*)?" if regex else "()(.*)", path, re.DOTALL)
        match = match if path[:1] in ("", "/") else None
        texts = list(match.groups()[1:-1]) if match else []
        rest = (match.groups()[-1] or "") if match else ""
    else:
        at_end = regex.endswith("(.*)")
        match = re.fullmatch(regex if at_end else f"{regex}/?", path, re.DOTALL)
        if match is None and at_end:
            match = re.fullmatch(f"{regex}", f"{path}/", re.DOTALL)
        texts = list(match.groups()) if match else []
        rest = ""
    values = [kind.parse(text) for kind, text in zip(types, texts, strict=False)]
    if match is None or NO_MATCH in values:
        return None
    return dict(zip(names, values, strict=True)), rest


@given(
    st.lists(declarations(), max_size=6),
    st.one_of(
        st.lists(st.sampled_from(PIECES), max_size=10).map(lambda pieces: "/" + "".join(pieces)),
        st.text(alphabet="ab5-./\n", max_size=12),
        st.text(),
    ),
)
@example(["/{p0:path}"], "/")
@example(["/a/{p0:path}"], "/a")
def test_any_routes_match_as_if_they_were_tried_one_by_one(routes: list[str], path: str) -> None:
    expected = None
    for index, declaration in enumerate(routes):
        matched = reference(declaration, path)
        if matched is not None:
            expected = Found(index, *matched)
            break
    assert find(path, *routes) == expected


# The work that a lookup takes


class Work:
    """Counts the nodes that are visited, the parameters and segments that are tried, and the characters they see."""

    def __init__(self) -> None:
        self.nodes = 0
        self.tried = 0
        self.characters = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    counted = Work()
    visit, parse, parse_segment = route_tree._Lookup.visit, ParameterType.parse, Segment.parse

    def counting_visit(self: Any, *args: Any) -> None:
        counted.nodes += 1
        visit(self, *args)

    def counting_parse(self: ParameterType, text: str) -> Any:
        counted.tried += 1
        counted.characters += len(text)
        return parse(self, text)

    def counting_parse_segment(self: Segment, text: str) -> Any:
        counted.tried += 1
        counted.characters += len(text)
        return parse_segment(self, text)

    monkeypatch.setattr(route_tree._Lookup, "visit", counting_visit)
    monkeypatch.setattr(ParameterType, "parse", counting_parse)
    monkeypatch.setattr(Segment, "parse", counting_parse_segment)
    return counted


SHAPES = [
    ("/r{i}", "/r7"),
    ("/r{i}/{{x:int}}", "/r7/5"),
    ("/{{tenant}}/r{i}/{{x:int}}", "/acme/r7/5"),
    ("/v{i}-{{x:int}}.txt", "/v7-5.txt"),
    ("/{{x}}-v{i}", "/a-v7"),
    ("/r{i}/{{p:path}}", "/r7/a/b"),
    ("/{{p:path}}/r{i}/{{x}}", "/a/b/r7/x"),
    ("/api/{{u:uuid}}/r{i}/{{a}}-{{b:int}}", "/api/00000000-0000-0000-0000-00000000000a/r7/x-1"),
]


@pytest.mark.parametrize("order", [list, lambda numbers: list(reversed(numbers))], ids=["first", "last"])
@pytest.mark.parametrize(("shape", "path"), SHAPES)
def test_1000_routes_are_the_work_of_10(work: Work, shape: str, path: str, order: Callable[[range], list[int]]) -> None:
    counts = []
    for number in (10, 1000):
        tree = tree_of(*[Noting(shape.format(i=i)) for i in order(range(number))])
        work.nodes = work.tried = work.characters = 0
        match = tree.find(path, any_route)
        assert match is not None
        assert "7" in match.route.pattern.declaration
        counts.append((work.nodes, work.tried, work.characters))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "path",
    [
        "/" * 10_000,
        "/a" * 10_000,
        "/a" * 10_000 + "/",
        "/acme/r7/" + "5" * 20_000,
        "/v7-" + "-" * 20_000,
        "/" + "-v7" * 7_000,
        "/" + "." * 20_000,
        "/acme" + "/r7" * 7_000,
    ],
    ids=range(8),
)
def test_hostile_paths_are_little_work(work: Work, path: str) -> None:
    declared = [shape.format(i=i) for shape, _ in SHAPES for i in range(100)]
    tree = tree_of(*map(Noting, [*declared, "/{a}-{b}.txt", "/{a}-{b}.{c}", "/a/{x:float}-{b}"]))
    tree.find(path, any_route)
    assert work.nodes <= 20
    assert work.tried <= 20
    assert work.characters <= 10 * len(path)


def test_a_path_is_taken_apart_as_far_as_the_deepest_route_goes() -> None:
    lookup = route_tree._Lookup("/a" * 10_000, "/", 3, any_route, 1)
    assert [len(segment) for segment in lookup.segments[:-1]] == [1, 1, 1]
    assert len(lookup.segments) == 4
