"""One segment of a declared path: what stands between two slashes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from wsserve.asgi_bridge.routing.transformers import NO_MATCH, ParameterType

MAX_PARAMETERS: Final = 3
"""How many parameters a segment may have: finding where each ends takes time that grows with a power of this."""

_MAX_LENGTHS: Final = {2: 1024, 3: 128}
"""How many characters of a segment may be divided among so many parameters: the time may grow with a power of them."""


class Parameter(NamedTuple):
    """A parameter of a path."""

    name: str
    type: ParameterType


class Segment:
    """Literal text, with parameters between its parts.

    `texts` has one item more than `parameters`: the text before, between and behind them, empty only at the ends.
    """

    __slots__ = ("_parts", "parameters", "prefix", "suffix", "texts")

    def __init__(self, texts: Sequence[str], parameters: Sequence[Parameter]) -> None:
        self.texts = tuple(texts)
        self.parameters = tuple(parameters)
        self.prefix = texts[0]
        self.suffix = texts[-1] if parameters else ""
        regex = "".join(
            f"({parameter.type.transformer.regex}){re.escape(text)}"
            for parameter, text in zip(parameters, [*texts[1:-1], ""], strict=False)
        )
        self._parts = re.compile(regex, re.DOTALL)

    @property
    def key(self) -> tuple[object, ...]:
        """What decides which texts match, and into which values: everything but the parameters' names."""
        return self.texts, tuple(parameter.type for parameter in self.parameters)

    @property
    def is_literal(self) -> bool:
        """Whether there is no parameter."""
        return not self.parameters

    @property
    def is_parameter(self) -> bool:
        """Whether there is one parameter and nothing else."""
        return self.texts == ("", "")

    @property
    def takes_slashes(self) -> bool:
        """Whether this has a parameter that takes several segments."""
        return any(parameter.type.transformer.takes_slashes for parameter in self.parameters)

    def parse(self, text: str) -> list[Any] | None:
        """Return the values of the parameters in `text`, or None without a match.

        Of several ways to divide the text the one counts that gives the first parameter most, then the second.
        """
        if not text.startswith(self.prefix) or not text.endswith(self.suffix):
            return None
        parts = self._divide(text)
        if parts is None:
            return None
        values = [parameter.type.parse(part) for parameter, part in zip(self.parameters, parts, strict=True)]
        return None if NO_MATCH in values else values

    def build(self, params: Mapping[str, Any]) -> str:
        """Return the text with these values. Raises `ValueError` or `TypeError` when they would not be found in it."""
        parts = [parameter.type.format(params[parameter.name]) for parameter in self.parameters]
        text = self.prefix + "".join(part + literal for part, literal in zip(parts, self.texts[1:], strict=True))
        if self._divide(text) != parts:
            raise ValueError(f"{text!r} would be divided in another way")
        if any(step in (".", "..") for step in text.split("/")):
            raise ValueError(f"clients take {text!r} for a step in the path (RFC 3986, section 5.2.4)")
        return text

    def _divide(self, text: str) -> list[str] | None:
        if len(text) < len(self.prefix) + len(self.suffix):
            return None
        inner = text[len(self.prefix) : len(text) - len(self.suffix)]
        if len(self.parameters) == 1:
            return [inner]
        if len(inner) > _MAX_LENGTHS.get(len(self.parameters), 0):
            return None
        match = self._parts.fullmatch(inner)
        return None if match is None else list(match.groups())
