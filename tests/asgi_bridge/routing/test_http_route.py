"""Routes for plain HTTP: pages and health checks."""

from typing import Any

import pytest

from wsserve import Request, Response, RouteDeclarationError, Router, TestClient, WebSocket
from wsserve.asgi_bridge.routing.http_route import Route
from wsserve.asgi_bridge.types import Receive, Scope, Send


async def health() -> dict[str, str]:
    return {"status": "ok"}


async def greet(request: Request, name: str, times: int = 1) -> str:
    return " ".join([f"{request.method} {name}"] * times)


async def double(request: Request) -> Any:
    return (await request.json(type=int)) * 2


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(scope["path"])(scope, receive, send)


PAGE = Response("<h1>Hello", media_type="text/html")

router = Router(
    [
        Route("/health", health),
        Route("/greet/{name}", greet),
        Route("/double", double, methods=["post"]),
        Route("/bare", bare),
        Route("/", PAGE),
    ]
)


def test_pages_and_health_checks() -> None:
    with TestClient(router) as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/greet/ada?times=2").text == "GET ada GET ada"
        assert client.post("/double", json=21).json() == 42
        assert client.get("/bare").text == "/bare"
        page = client.get("/")
        assert (page.text, page.headers["content-type"]) == ("<h1>Hello", "text/html; charset=utf-8")


def test_head_comes_along_with_get() -> None:
    with TestClient(router) as client:
        answer = client.request("HEAD", "/health")
        assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "15")


def test_other_methods_and_bad_values() -> None:
    with TestClient(router) as client:
        refused = client.post("/health")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        assert client.get("/greet/ada?times=x").status_code == 422
        assert client.post("/double", content=b"{").status_code == 400


def test_h8_a_websocket_is_nothing_for_an_http_handler() -> None:
    async def handler(websocket: WebSocket) -> None:
        """Do nothing."""

    with pytest.raises(RouteDeclarationError, match="'websocket'"):
        Route("/", handler)


def test_methods_are_one_or_several() -> None:
    for methods in ("post", ["POST"]):
        with TestClient(Router([Route("/", health, methods=methods)])) as client:
            assert (client.post("/").status_code, client.get("/").status_code) == (200, 405)
