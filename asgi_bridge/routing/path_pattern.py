"""The path of a route as it is declared: `/chat/{room}`, `/files/{name}.txt`, `/users/{id:int}`."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self
from urllib.parse import quote

from wsserve.asgi_bridge.routing.path_segment import MAX_PARAMETERS, Parameter, Segment
from wsserve.asgi_bridge.routing.transformers import parameter_type, registered_names
from wsserve.asgi_bridge.url import IN_PATH

PARAMETER: Final = re.compile(r"(\{[^{}]*\}|<[^<>]*>)")
"""A parameter as it is declared; it splits a declaration into text and parameters by turns."""

_BRACKET: Final = re.compile(r"[{}<>]")
_ENCODED: Final = re.compile(r"%[0-9A-Fa-f]{2}")


class PathPattern:
    """A declared path: literal text and parameters, `{name}` or `{name:type}`, also written `<name:type>`.

    It starts with a slash, whether that is written or not, and a slash at its end means nothing. Parameters may share a
    segment with text and, up to three, with each other. A parameter whose type takes slashes, such as `path`, has a
    segment of its own, and there is one in a path at most. What is wrong in a declaration is kept in `mistakes`, in
    one sentence each; then the pattern is of no use.
    """

    separator: ClassVar[str] = "/"

    def __init__(self, declaration: Any, *, is_prefix: bool = False) -> None:
        self.is_prefix = is_prefix
        self.mistakes: list[str] = []
        if not isinstance(declaration, str):
            self.mistakes.append(f"a path is a str, not {declaration!r}")
            declaration = ""
        self.declaration = self._normal(declaration)
        self._check_text(declaration)
        self.segments = tuple(map(self._segment, self._split()))
        self.names = tuple(parameter.name for segment in self.segments for parameter in segment.parameters)
        self._check_names()
        self._check_spans()

    def __repr__(self) -> str:
        return f"PathPattern({self.declaration!r})"

    def joined(self, declaration: Any, *, is_prefix: bool = False) -> Self:
        """Return the pattern of this path with another behind it."""
        if isinstance(declaration, str):
            declaration = self.declaration.rstrip("/") + self._normal(declaration)
        return type(self)(declaration, is_prefix=is_prefix)

    def build(self, params: Mapping[str, Any]) -> str:
        """Return the path with these values for its parameters, percent-encoded (RFC 3986, section 3.3).

        Raises `ValueError` or `TypeError` when the names are not those of the parameters, and for a value that would
        not be found in the path.
        """
        quoted = quote("/" + "/".join(self.build_segments(params)), safe=IN_PATH)
        # A reference that starts with two slashes names a host (RFC 3986, section 4.2).
        return f"/%2F{quoted[2:]}" if quoted.startswith("//") else quoted

    def build_segments(self, params: Mapping[str, Any]) -> list[str]:
        """Return the segments with these values, as they read. Raises what `build` does."""
        if params.keys() != set(self.names):
            raise ValueError(f"{self.declaration} takes the parameters {list(self.names)}, not {list(params)}")
        return [segment.build(params) for segment in self.segments]

    # What differs for hosts

    def _normal(self, declaration: str) -> str:
        path = declaration.removesuffix("/")
        return path if path.startswith("/") else f"/{path}"

    def _split(self) -> list[str]:
        return [] if self.declaration == "/" else self.declaration[1:].split("/")

    def _check_text(self, declaration: str) -> None:
        if declaration.strip() != declaration:
            self._mistake("there are spaces around it")
        literals = "".join(PARAMETER.split(declaration)[::2])
        for mark, part in (("?", "query"), ("#", "fragment")):
            if mark in literals:
                self._mistake(f"{mark!r} starts a {part}, which is no part of a path")
        if _ENCODED.search(literals):
            self._mistake("write it as it reads, not percent-encoded")
        if "//" in declaration:
            self._mistake("there is nothing between two slashes")
        if {".", ".."} & set(self.declaration.split("/")):
            self._mistake("'.' and '..' are never part of a path that a client sends (RFC 3986, section 5.2.4)")

    # Within

    def _segment(self, text: str) -> Segment:
        parts = PARAMETER.split(text)
        texts, declared = parts[::2], parts[1::2]
        if any(map(_BRACKET.search, texts)):
            self._mistake(f"a bracket in {text!r} has no counterpart")
            return Segment([text], [])
        if "" in texts[1:-1]:
            self._mistake(f"the parameters in {text!r} need text between them")
        if len(declared) > MAX_PARAMETERS:
            self._mistake(f"there are more than {MAX_PARAMETERS} parameters in {text!r}: put slashes between some")
        parameters = [parameter for item in declared if (parameter := self._parameter(item)) is not None]
        return Segment([text], []) if len(parameters) < len(declared) else Segment(texts, parameters)

    def _parameter(self, declared: str) -> Parameter | None:
        name, colon, type_name = declared[1:-1].partition(":")
        found = parameter_type(type_name if colon else "str")
        if not name.isidentifier():
            self._mistake(f"{name!r} in {declared} is no name for a parameter: take an identifier, such as {{room}}")
            return None
        if found is None:
            known = ", ".join(registered_names())
            self._mistake(f"there is no transformer {type_name!r} for {declared}, only {known}")
            return None
        return Parameter(name, found)

    def _check_names(self) -> None:
        for name in dict.fromkeys(self.names):
            if self.names.count(name) > 1:
                self._mistake(f"there is more than one parameter named {name!r}")

    def _check_spans(self) -> None:
        spans = [segment for segment in self.segments if segment.takes_slashes]
        if any(not segment.is_parameter for segment in spans):
            self._mistake("a parameter that takes slashes needs a segment of its own")
        if len(spans) > 1:
            self._mistake("there is more than one parameter that takes slashes")
        if spans and self.is_prefix:
            self._mistake("a parameter that takes slashes leaves nothing for the routes below")

    def _mistake(self, text: str) -> None:
        self.mistakes.append(f"the path {self.declaration!r}: {text}")
