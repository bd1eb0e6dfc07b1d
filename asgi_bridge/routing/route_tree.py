"""A tree of routes by the segments of their paths: looking one up costs the same, however many there are."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.routing.path_segment import Segment
from wsserve.asgi_bridge.routing.transformers import NO_MATCH, ParameterType

Accept = Callable[[BaseRoute], bool]
"""Tells whether a route whose path matches is one that is looked for."""

_NEVER: Final = 1 << 62
"""Behind every order of declaration."""


class Match(NamedTuple):
    """A route that matches a path, with what it found in the path, and how many characters of the path it took."""

    order: int
    route: BaseRoute
    params: dict[str, Any]
    length: int


class Node:
    """Where all routes meet that begin with the same segments."""

    __slots__ = ("affixes", "ends", "first", "literals", "mixed", "parameters", "prefixes", "spans")

    def __init__(self) -> None:
        self.first = _NEVER
        """The lowest order of the routes from here on."""
        self.ends: list[tuple[int, BaseRoute]] = []
        """The routes that end here, with their orders."""
        self.prefixes: list[tuple[int, BaseRoute]] = []
        """The routes that end here and leave the rest of the path to others."""
        self.literals: dict[str, Node] = {}
        """What follows a literal segment, by its text."""
        self.parameters: dict[ParameterType, Node] = {}
        """What follows a segment that is one parameter, by its type."""
        self.mixed: dict[tuple[str, str], dict[tuple[object, ...], tuple[Segment, Node]]] = {}
        """What follows a segment of text and parameters, by the texts at its start and end, then by all of it."""
        self.affixes: dict[tuple[int, int], None] = {}
        """The lengths of these two texts, each pair once."""
        self.spans: dict[tuple[ParameterType, int], Node] = {}
        """What follows a parameter that takes slashes, by its type and by the number of segments that follow."""

    def child(self, segment: Segment, following: int) -> "Node":
        """Return the node behind this segment, which is made when there is none, for a route with more to follow."""
        if segment.is_literal:
            return self.literals.setdefault(segment.prefix, Node())
        if segment.takes_slashes:
            return self.spans.setdefault((segment.parameters[0].type, following), Node())
        if segment.is_parameter:
            return self.parameters.setdefault(segment.parameters[0].type, Node())
        self.affixes[len(segment.prefix), len(segment.suffix)] = None
        same_affixes = self.mixed.setdefault((segment.prefix, segment.suffix), {})
        return same_affixes.setdefault(segment.key, (segment, Node()))[1]


class RouteTree:
    """Finds the first declared route that matches a path.

    What is looked at depends on the path and on how many routes share its beginning, not on how many there are; and of
    the path no more is taken apart than the deepest route has segments.
    """

    def __init__(self, separator: str = "/") -> None:
        self._separator = separator
        self._root = Node()
        self._depth = 0

    def add(self, route: BaseRoute, order: int) -> None:
        """Add a route with its place in the order of declaration, behind all those before."""
        segments = route.pattern.segments
        node = self._root
        node.first = min(node.first, order)
        for following, segment in zip(reversed(range(len(segments))), segments, strict=True):
            node = node.child(segment, following)
            node.first = min(node.first, order)
        (node.prefixes if route.is_prefix else node.ends).append((order, route))
        self._depth = max(self._depth, len(segments))

    def find(self, path: str, accept: Accept, before: int = _NEVER) -> Match | None:
        """Return the first route that matches `path` and is accepted, of those with an order below `before`.

        A path that neither is empty nor starts with the separator matches nothing; a separator at its end makes no
        difference.
        """
        if path and not path.startswith(self._separator):
            return None
        lookup = _Lookup(path, self._separator, self._depth, accept, before)
        lookup.visit(self._root, lookup.segments, 0, [])
        return lookup.match()


class _Lookup:
    """One search through a tree, with the best that was found so far."""

    __slots__ = ("accept", "order", "route", "segments", "separator", "taken", "trailing", "values")

    def __init__(self, path: str, separator: str, depth: int, accept: Accept, before: int) -> None:
        self.separator = separator
        self.accept = accept
        self.order = before
        self.route: BaseRoute | None = None
        self.values: list[Any] = []
        self.taken = 0
        self.trailing = separator if path.endswith(separator) else ""
        self.segments = path.removesuffix(separator).split(separator, depth + 1)[1:]

    def visit(self, node: Node, segments: list[str], index: int, values: list[Any]) -> None:
        """Look for better routes from `node` on, which `segments[:index]` lead to."""
        if index < len(segments):
            text = segments[index]
            child = node.literals.get(text)
            if child is not None and child.first < self.order:
                self.visit(child, segments, index + 1, values)
            for parameter, child in node.parameters.items():
                if child.first < self.order and (value := parameter.parse(text)) is not NO_MATCH:
                    self.visit(child, segments, index + 1, [*values, value])
            for start, end in node.affixes:
                for segment, child in node.mixed.get((text[:start], text[len(text) - end :]), _NOTHING).values():
                    if child.first < self.order and (found := segment.parse(text)) is not None:
                        self.visit(child, segments, index + 1, values + found)
        elif node.ends:
            self.offer(node.ends, index, values)
        if node.prefixes:
            self.offer(node.prefixes, index, values)
        if node.spans:
            self.visit_spans(node, segments, index, values)

    def visit_spans(self, node: Node, segments: list[str], index: int, values: list[Any]) -> None:
        """Look for better routes whose next parameter takes all but a number of the segments that are left."""
        rest = self.separator.join(segments[index:])
        for (parameter, following), child in node.spans.items():
            if child.first >= self.order:
                continue
            text, *tail = rest.rsplit(self.separator, following)
            if not following and index < len(segments):
                text += self.trailing
            if (value := parameter.parse(text)) is not NO_MATCH:
                self.visit(child, tail, 0, [*values, value])

    def offer(self, routes: list[tuple[int, BaseRoute]], taken: int, values: list[Any]) -> None:
        """Take the first of `routes` that is accepted, if it is better than the best so far."""
        for order, route in routes:
            if order >= self.order:
                break
            if self.accept(route):
                self.order, self.route, self.values, self.taken = order, route, values, taken
                break

    def match(self) -> Match | None:
        """Return the best that was found."""
        if self.route is None:
            return None
        length = sum(map(len, self.segments[: self.taken])) + self.taken * len(self.separator)
        params = dict(zip(self.route.pattern.names, self.values, strict=True))
        return Match(self.order, self.route, params, length)


_NOTHING: Final[dict[tuple[object, ...], tuple[Segment, Node]]] = {}
