"""What from-lilya.md and its like say that Lilya and lihil do otherwise is so."""

from collections.abc import Iterator
from typing import Annotated, Any

import anyio
import lihil
import lihil.errors
import lilya.exceptions
import lilya.websockets
import pytest
import starlette.websockets
from lilya.apps import Lilya
from lilya.authentication import AuthenticationBackend
from lilya.authentication import requires as lilya_requires
from lilya.dependencies import Provide, Provides
from lilya.middleware import DefineMiddleware
from lilya.middleware.authentication import AuthenticationMiddleware
from lilya.middleware.sessions import SessionMiddleware as LilyaSessions
from lilya.permissions import DefinePermission
from lilya.routing import WebSocketPath

from tests.docs.outcomes import bare, run
from wsserve import RouteDeclarationError, WebSocket, WebSocketRoute
from wsserve.asgi_bridge.types import ASGIApp, Message

PROVIDES = Provides()


def lilya_app(handler: Any, *, path: str = "/chat", route: dict[str, Any] | None = None, **options: Any) -> ASGIApp:
    app: ASGIApp = Lilya(routes=[WebSocketPath(path, handler, **(route or {}))], **options)
    return app


async def refused(websocket: Any) -> None: ...


def test_cleanups() -> None:
    assert not hasattr(starlette.websockets.WebSocket, "add_cleanup")
    ran = []

    async def handler(websocket: Any) -> None:
        await websocket.accept()
        websocket.add_cleanup(lambda: ran.append("cleanup"))
        with pytest.raises(lilya.websockets.WebSocketDisconnect):
            await websocket.receive_text()

    run(bare(lilya.websockets.WebSocket, handler), {"type": "websocket.disconnect", "code": 1001})
    assert ran == []


def test_a_scope_of_another_type() -> None:
    with pytest.raises(AssertionError):
        lilya.websockets.WebSocket({"type": "http"}, None, None)  # type: ignore[arg-type]  # nothing is called


# Lilya


def test_lilyas_errors() -> None:
    async def fails(websocket: Any) -> None:
        await websocket.accept()
        raise ValueError("secret")

    close = run(lilya_app(fails)).sent[1]
    assert (close["type"], close["code"]) == ("websocket.close", 500)
    assert "secret" in close["reason"]


@pytest.mark.parametrize(
    "error", [lilya.exceptions.HTTPException(status_code=401), lilya.exceptions.PermissionDenied()]
)
def test_lilya_sends_nothing_for_an_http_exception(error: Exception) -> None:
    async def handler(websocket: Any) -> None:
        raise error

    assert run(lilya_app(handler)).sent == []


def test_lilya_sends_nothing_where_there_is_no_route() -> None:
    assert run(lilya_app(refused), path="/nowhere").sent == []


def test_lilya_leaves_the_connection_to_a_handler_that_returns() -> None:
    async def handler(websocket: Any) -> None:
        await websocket.accept()

    assert run(lilya_app(handler)).kinds == ["websocket.accept"]


def test_lilyas_properties_without_middleware() -> None:
    async def handler(websocket: Any) -> None:
        for name in ("session", "user", "auth"):
            with pytest.raises(lilya.exceptions.ImproperlyConfigured) as missing:
                getattr(websocket, name)
            assert isinstance(missing.value, ValueError)

    assert run(bare(lilya.websockets.WebSocket, handler)).error is None


def test_a_dependency_that_lilya_does_not_know() -> None:
    async def handler(websocket: Any, clock: Any = PROVIDES) -> None: ...

    close = run(lilya_app(handler)).sent[-1]
    assert close["code"] == 1011
    assert "clock" in close["reason"]


def test_lilyas_dependencies() -> None:
    log: list[str] = []
    values: list[int] = []

    def counted() -> int:
        values.append(len(values))
        return len(values)

    def resource() -> Iterator[str]:
        yield "resource"
        log.append("cleaned up")

    async def handler(websocket: Any, count: Any, value: Any) -> None:
        await websocket.accept()
        await websocket.send_json(count)
        await websocket.close()

    app = lilya_app(handler, dependencies={"count": Provide(counted, use_cache=True), "value": Provide(resource)})
    assert [run(app).sent[1]["text"] for _ in range(2)] == ["1", "1"]
    assert log == []


def test_lilyas_sessions() -> None:
    async def visit(websocket: Any) -> None:
        websocket.session["visits"] = 1
        await websocket.accept()

    sessions = DefineMiddleware(LilyaSessions, secret_key="a secret of 16 bytes or more")
    assert list(run(lilya_app(visit, middleware=[sessions])).sent[0]["headers"]) == []


class Nobody:
    """A permission that lets nobody in."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise lilya.exceptions.PermissionDenied()


def test_lilyas_permissions() -> None:
    closing = run(lilya_app(refused, route={"permissions": [DefinePermission(Nobody)]})).sent
    assert [(message["type"], message["code"]) for message in closing] == [("websocket.close", 403)]


def test_lilyas_requires_is_skipped_for_a_handler_of_a_route() -> None:
    class Anonymous:
        scopes: tuple[str, ...] = ()

    @lilya_requires("admin")
    async def handler(websocket: Any) -> None:
        await websocket.accept()

    assert run(lilya_app(handler), auth=Anonymous()).kinds == ["websocket.accept"]


def test_lilya_injects_nothing_of_the_path() -> None:
    async def handler(websocket: Any, room: str) -> None: ...

    assert run(lilya_app(handler, path="/{room}")).sent[0]["code"] == 500


@pytest.mark.parametrize(("kind", "value"), [("int", "1" * 5000), ("datetime", "2025-13-01T00:00:00")])
def test_values_that_lilyas_paths_do_not_refuse(kind: str, value: str) -> None:
    assert isinstance(run(lilya_app(refused, path=f"/{{value:{kind}}}"), path=f"/{value}").error, ValueError)


def test_lilyas_exception_handlers_of_a_route() -> None:
    async def fails(websocket: Any) -> None:
        raise KeyError("x")

    def unused(websocket: Any, error: Exception) -> None:
        raise AssertionError

    assert run(lilya_app(fails, route={"exception_handlers": {KeyError: unused}})).sent[0]["code"] == 500


class Refusing(AuthenticationBackend):
    async def authenticate(self, connection: Any, /, **options: Any) -> Any:
        raise lilya.exceptions.AuthenticationError("unknown")


def test_lilyas_authentication() -> None:
    authentication = DefineMiddleware(AuthenticationMiddleware, backend=[Refusing()])
    assert run(lilya_app(refused, middleware=[authentication])).kinds == ["websocket.close"]


# lihil


def lihil_app(route: Any) -> ASGIApp:
    """Return an application that has had its startup, which lihil needs."""
    app = lihil.Lihil(route)

    async def start() -> None:
        events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Message:
            return next(events)

        async def send(message: Message) -> None:
            assert message["type"].endswith(".complete")

        await app({"type": "lifespan", "state": {}}, receive, send)

    anyio.run(start)
    called: ASGIApp = app
    return called


def lihil_route(handler: Any, path: str = "chat") -> Any:
    route = lihil.WebSocketRoute(path)
    route.endpoint(handler)
    return route


def test_lihils_missing_parameters() -> None:
    async def query(ws: lihil.WebSocket, limit: int) -> None: ...

    async def cookie(ws: lihil.WebSocket, theme: Annotated[str, lihil.Param("cookie", alias="theme")]) -> None: ...

    for handler in (query, cookie):
        outcome = run(lihil_app(lihil_route(handler)))
        assert outcome.sent[0]["status"] == 500
        assert outcome.error is not None


def test_a_path_parameter_with_a_type_in_lihil() -> None:
    async def handler(ws: lihil.WebSocket, number: int) -> None: ...

    assert run(lihil_app(lihil_route(handler, "chat/{number:int}")), path="/chat/5").error is not None


def test_lihils_declarations() -> None:
    with pytest.raises(ValueError, match="Trailing slash"):
        lihil.WebSocketRoute("chat/")

    def plain(ws: lihil.WebSocket) -> None: ...

    with pytest.raises(lihil.errors.NotSupportedError):
        lihil_route(plain)

    async def body(ws: lihil.WebSocket, data: dict[str, int]) -> None: ...

    with pytest.raises(Exception, match=r"lifespan\.startup\.failed"):
        lihil_app(lihil_route(body))


def test_lihil_shares_what_is_reused() -> None:
    made: list[object] = []

    class Pool: ...

    def connect() -> Pool:
        made.append(1)
        return Pool()

    async def handler(ws: lihil.WebSocket, pool: Annotated[Pool, lihil.use(connect, reuse=True)]) -> None:
        await ws.accept()

    app = lihil_app(lihil_route(handler))
    run(app)
    run(app)
    assert len(made) == 1


def test_lihil_needs_its_lifespan() -> None:
    async def handler(ws: lihil.WebSocket) -> None: ...

    assert isinstance(run(lihil.Lihil(lihil_route(handler))).error, AttributeError)


def test_lihils_error_after_accept() -> None:
    async def handler(ws: lihil.WebSocket) -> None:
        await ws.accept()
        raise ValueError("a mistake")

    assert "websocket.http.response.start" in run(lihil_app(lihil_route(handler))).kinds[1:]


def test_lilyas_markers_are_mistakes_here() -> None:
    async def handler(websocket: WebSocket, clock: Any = PROVIDES) -> None: ...

    with pytest.raises(RouteDeclarationError, match="Provides of lilya"):
        WebSocketRoute("/", handler)
