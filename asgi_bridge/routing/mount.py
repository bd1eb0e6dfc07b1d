"""Routes that hand over to another application."""

from collections.abc import Awaitable, Mapping
from typing import Any, Unpack
from urllib.parse import quote

from wsserve.asgi_bridge.boundary import watched
from wsserve.asgi_bridge.exceptions import Mistake, NoMatchFound
from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.routing.level import Layers, Level
from wsserve.asgi_bridge.routing.path_pattern import PathPattern
from wsserve.asgi_bridge.routing.url_path import URLPath
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.url import IN_PATH


class Mount(BaseRoute):
    """A route below which another application decides; the base of `Include` and `Host`.

    `app` may be None in a faulty declaration only.
    """

    has_names_below = True

    def __init__(self, pattern: PathPattern, app: ASGIApp | None, *, name: str = "", **layers: Unpack[Layers]) -> None:
        super().__init__(pattern, name=name)
        self.app = app
        level = Level(**layers)
        self._level_mistakes = level.mistakes
        self._stack = app if app is None or level.mistakes else level.around(watched(app))

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Let the application serve the connection."""
        assert self._stack is not None, "a router takes no route with mistakes"  # noqa: S101  # for readers and type checkers
        return self._stack(scope, receive, send)

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong in the declaration."""
        return [*super().mistakes(), *map(self.mistake, self._level_mistakes)]

    def path_for(self, name: str, /, **params: Any) -> URLPath:
        """Return the path of a route below: `name` is this name, a colon, and that of the route.

        Without a name of its own, this has the routes below under their names. With its own name, the path is that of
        the application itself, or of what is named by the parameter `path` below it. Raises `NoMatchFound`.
        """
        own = {key: params[key] for key in self.pattern.names if key in params}
        others = {key: value for key, value in params.items() if key not in own}
        if self.name and name == self.name and others.keys() <= {"path"}:
            below = URLPath("/" + quote(str(others.get("path", "")).removeprefix("/"), safe=IN_PATH))
        else:
            below = self._path_below(name, params, others)
        return self._behind(self.build_path(name, own), below)

    def _behind(self, built: str, below: URLPath) -> URLPath:
        """Return a path of the application as seen from here."""
        return below.behind(built)

    def _path_below(self, name: str, params: Mapping[str, Any], others: Mapping[str, Any]) -> URLPath:
        prefix = f"{self.name}:" if self.name else ""
        path_for = getattr(self.app, "path_for", None) or getattr(self.app, "url_path_for", None)
        if path_for is None or not name.startswith(prefix):
            raise NoMatchFound(name, dict(params))
        for given in (others, params):  # a route below may have parameters of the same names
            try:
                path = path_for(name.removeprefix(prefix), **given)
            except Exception:  # noqa: S112  # frameworks have errors of their own for this
                continue
            if isinstance(path, URLPath):
                return path
            return URLPath(path, protocol=getattr(path, "protocol", "http"), host=getattr(path, "host", ""))
        raise NoMatchFound(name, dict(params))
