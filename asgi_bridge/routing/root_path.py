"""Where an application is mounted."""

from wsserve.asgi_bridge.types import Scope


def split_path(scope: Scope) -> tuple[str, str]:
    """Return the path that the application is mounted at, without a slash at its end, and the path from there on.

    The path of a scope begins with its `root_path` (ASGI specification, HTTP and WebSocket 2.5). Some servers leave
    that away; then the path is taken as it is.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    if root and path.startswith(root):
        rest = path[len(root) :]
        if not rest or rest.startswith("/"):
            return root, rest
    return root, path
