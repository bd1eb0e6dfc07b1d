"""Routes by the host that the client asked for."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Unpack

from wsserve.asgi_bridge.authority import parse_authority
from wsserve.asgi_bridge.exceptions import Mistake
from wsserve.asgi_bridge.routing.level import Layers
from wsserve.asgi_bridge.routing.mount import Mount
from wsserve.asgi_bridge.routing.path_pattern import PARAMETER, PathPattern
from wsserve.asgi_bridge.routing.url_path import URLPath
from wsserve.asgi_bridge.types import ASGIApp

_HOST: Final = re.compile(r"[0-9A-Za-z\-._]+|\[[0-9A-Fa-f:.]+\]")


class HostPattern(PathPattern):
    """A declared host, such as `{tenant}.example.com`: labels between dots, as a path has segments between slashes.

    Upper and lower case are the same, a dot at the end means nothing, and values are in lower case.
    """

    separator: ClassVar[str] = "."

    def build(self, params: Mapping[str, Any]) -> str:
        """Return the host with these values. Raises `ValueError` or `TypeError` when they do not fit."""
        labels = self.build_segments(params)
        host = ".".join(labels)
        divided = any(
            "." in label for label, segment in zip(labels, self.segments, strict=True) if not segment.takes_slashes
        )
        if divided or _HOST.fullmatch(host) is None:
            raise ValueError(f"{host!r} is no host")
        return host

    def _normal(self, declaration: str) -> str:
        address = parse_authority(declaration) if declaration.startswith("[") else None
        if address is not None and address.port is None:
            return address.host  # in the short form, as the client's will be
        parts = PARAMETER.split(declaration.removesuffix("."))
        return "".join(part if index % 2 else part.lower() for index, part in enumerate(parts))

    def _split(self) -> list[str]:
        return self.declaration.split(".")

    def _check_text(self, declaration: str) -> None:
        text = PARAMETER.sub("x", declaration)
        if _HOST.fullmatch(text) is None or (text.startswith("[") and parse_authority(text) is None):
            self._mistake("it is no host; a host has neither scheme nor port nor path")
        elif "" in self._split():
            self._mistake("there is nothing between two dots")

    def _mistake(self, text: str) -> None:
        self.mistakes.append(f"the host {self.declaration!r}: {text}")


class Host(Mount):
    """The application for all connections whose Host header matches, whatever the port.

    Values found in the host go into the path parameters.
    """

    def __init__(self, host: str, app: ASGIApp, *, name: str = "", **layers: Unpack[Layers]) -> None:
        super().__init__(HostPattern(host), app, name=name, **layers)

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong in the declaration."""
        faults = [] if callable(self.app) else [f"a Host takes an application, not {self.app!r}"]
        return [*super().mistakes(), *map(self.mistake, faults)]

    def _behind(self, built: str, below: URLPath) -> URLPath:
        return URLPath(below, protocol=below.protocol, host=built)
