"""Where an application is mounted (ASGI specification, HTTP and WebSocket 2.5)."""

import pytest

from wsserve.asgi_bridge.routing.root_path import split_path


@pytest.mark.parametrize(
    ("root_path", "path", "split"),
    [
        ("", "/a", ("", "/a")),
        ("/", "/a", ("", "/a")),
        ("/api", "/api/a", ("/api", "/a")),
        ("/api/", "/api/a", ("/api", "/a")),
        ("/api", "/api", ("/api", "")),
        ("/api", "/api/", ("/api", "/")),
        ("/api", "/apis/a", ("/api", "/apis/a")),
        ("/api", "/a", ("/api", "/a")),
    ],
)
def test_h20_the_root_path_is_taken_off(root_path: str, path: str, split: tuple[str, str]) -> None:
    assert split_path({"root_path": root_path, "path": path}) == split


def test_a_server_that_knows_no_root_path() -> None:
    assert split_path({"path": "/a"}) == ("", "/a")
