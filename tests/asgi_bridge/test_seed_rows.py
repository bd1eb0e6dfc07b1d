"""Rows of the seed pages that no single module answers: how routing, injection and the WebSocket act together."""

from typing import Annotated, Any

import pytest

from tests.asgi_bridge.double import Server
from wsserve import (
    AsyncResource,
    Host,
    HTTPException,
    Ignore,
    ImproperlyConfigured,
    Include,
    PermissionDenied,
    Response,
    Route,
    Router,
    TestClient,
    WebSocket,
    WebSocketDenialResponse,
    WebSocketException,
    WebSocketRoute,
    use,
)
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_text():
        await websocket.send_text(message)


def denied(app: ASGIApp, url: str) -> int:
    with TestClient(app) as client, pytest.raises(WebSocketDenialResponse) as caught:
        client.websocket_connect(url).__enter__()
    return caught.value.status_code


def test_h14_a_router_takes_its_routes_at_once_or_later() -> None:
    later = Router()
    later.include_routes(WebSocketRoute("/echo", echo))
    for router in (Router([WebSocketRoute("/echo", echo)]), later):
        with TestClient(router) as client, client.websocket_connect("/echo") as websocket:
            websocket.send_text("a")
            assert websocket.receive_text() == "a"


async def fail_after_accept(websocket: WebSocket) -> None:
    await websocket.accept()
    raise ZeroDivisionError("a secret")


@pytest.mark.anyio
async def test_h17_n9_an_error_after_accept_is_a_close_and_nothing_else() -> None:
    server = Server(path="/fail")
    with pytest.raises(ZeroDivisionError, match="a secret"):
        await Router([WebSocketRoute("/fail", fail_after_accept)])(server.scope, server.receive, server.send)
    assert [message["type"] for message in server.sent] == ["websocket.accept", "websocket.close"]
    assert (server.sent[1]["code"], server.sent[1]["reason"]) == (1011, "")


@pytest.mark.anyio
async def test_h17_an_error_before_accept_is_left_to_the_server() -> None:
    async def handler(websocket: WebSocket) -> None:
        raise ZeroDivisionError

    server = Server(path="/fail")
    with pytest.raises(ZeroDivisionError):
        await Router([WebSocketRoute("/fail", handler)])(server.scope, server.receive, server.send)
    assert server.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize("extensions", [None, {}])
async def test_h17_n18_a_denial_needs_the_extension_or_is_a_close(extensions: dict[str, Any] | None) -> None:
    server = Server(path="/nowhere", extensions=extensions)
    await Router()(server.scope, server.receive, server.send)
    assert [message["type"] for message in server.sent] == ["websocket.close"]


def test_h21_a_connection_has_a_state_of_its_own() -> None:
    async def counting(websocket: WebSocket) -> None:
        await websocket.accept()
        websocket.state.count = websocket.state.get("count", 0)
        async for _ in websocket:
            websocket.state.count += 1
            await websocket.send_json(websocket.state.count)

    with (
        TestClient(Router([WebSocketRoute("/", counting)])) as client,
        client.websocket_connect("/") as one,
        client.websocket_connect("/") as other,
    ):
        for websocket, expected in ((one, 1), (one, 2), (other, 1), (one, 3)):
            websocket.send_text("x")
            assert websocket.receive_json() == expected


@pytest.mark.parametrize(
    "app",
    [
        Router(),
        Router([Include("/nowhere", routes=[WebSocketRoute("/else", echo)])]),
        WebSocketRoute("/else", echo),
        Router([Include("/nowhere", app=Router())]),
        Router([Route("/nowhere", Response("page"))]),
    ],
)
def test_n7_h19_whatever_matches_nothing_gets_a_404(app: ASGIApp) -> None:
    assert denied(app, "/nowhere") == 404


@pytest.mark.anyio
async def test_n8_no_other_route_runs_when_a_handler_has_sent_nothing() -> None:
    reached = []

    async def silent(websocket: WebSocket) -> None:
        reached.append("silent")

    async def next_one(websocket: WebSocket) -> None:
        reached.append("next")

    server = Server(path="/same")
    router = Router([WebSocketRoute("/same", silent), WebSocketRoute("/same", next_one)])
    await router(server.scope, server.receive, server.send)
    assert (reached, server.sent) == (["silent"], [])


@pytest.mark.parametrize(
    ("error", "status"), [(HTTPException(418), 418), (PermissionDenied(), 403), (WebSocketException(4000), 403)]
)
def test_n9_an_exception_before_accept_is_always_answered(error: Exception, status: int) -> None:
    async def handler(websocket: WebSocket) -> None:
        raise error

    assert denied(Router([WebSocketRoute("/", handler)]), "/") == status


def test_n9_l11_a_missing_middleware_is_an_error_and_no_silence() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(websocket.user))

    with (
        pytest.raises(ImproperlyConfigured, match="AuthenticationMiddleware"),
        TestClient(Router([WebSocketRoute("/", handler)])) as client,
        client.websocket_connect("/") as websocket,
    ):
        assert websocket.wait_closed() == 1011


@pytest.mark.parametrize("level", ["route", "include", "router"])
def test_n9_exception_handlers_count_on_every_level_and_the_inner_ones_win(level: str) -> None:
    handled = []

    def handlers(name: str) -> dict[type[Exception], Any]:
        async def handle(websocket: WebSocket, _error: Exception) -> None:
            handled.append(name)
            await websocket.close(4000 + len(name))

        levels = ("router", "include", "route")
        return {ZeroDivisionError: handle} if levels.index(name) <= levels.index(level) else {}

    route = WebSocketRoute("/fail", fail_after_accept, exception_handlers=handlers("route"))
    include = Include("/sub", routes=[route], exception_handlers=handlers("include"))
    router = Router([include], exception_handlers=handlers("router"))
    with TestClient(router) as client, client.websocket_connect("/sub/fail") as websocket:
        assert websocket.wait_closed() == 4000 + len(level)
    assert handled == [level]


def test_n13_the_inner_dependency_wins_and_an_override_wins_over_all() -> None:
    async def handler(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        await websocket.send_text(name)

    def named(name: str) -> dict[str, Any]:
        return {"name": use(lambda: name)}

    of_route = WebSocketRoute("/route", handler, dependencies=named("route"))
    router = Router([Include("/sub", routes=[of_route], dependencies=named("include"))], dependencies=named("router"))

    def said(url: str) -> str:
        with TestClient(router) as client, client.websocket_connect(url) as websocket:
            return websocket.receive_text()

    assert said("/sub/route") == "route"
    with router.override_dependency("name", lambda: "override"):
        assert said("/sub/route") == "override"
    assert said("/sub/route") == "route"


def test_n13_a_dependencys_generator_is_resumed_and_has_the_handlers_websocket() -> None:
    seen: list[Any] = []

    async def accepted(ws: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
        await ws.accept()
        yield ws
        seen.append(ws)

    async def handler(websocket: WebSocket, same: Annotated[WebSocket, use(accepted)]) -> None:
        seen.append(websocket is same)
        await websocket.send_text("accepted by the dependency")

    with TestClient(WebSocketRoute("/", handler)) as client, client.websocket_connect("/") as websocket:
        assert websocket.receive_text() == "accepted by the dependency"
    assert seen[0] is True
    assert len(seen) == 2


def test_n21_routes_by_decorator() -> None:
    router = Router()

    @router.websocket("/echo", name="echoing")
    async def handler(websocket: WebSocket) -> None:
        await echo(websocket)

    @router.route("/health")
    async def health() -> str:
        return "ok"

    with TestClient(router) as client:
        assert client.get("/health").text == "ok"
        with client.websocket_connect(router.path_for("echoing")) as websocket:
            websocket.send_text("a")
            assert websocket.receive_text() == "a"


def test_n4_any_asgi_application_is_mounted() -> None:
    async def bare(scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        await websocket.send_json([scope["root_path"], scope["path"], scope["path_params"]])

    router = Router([Include("/sub/{name}", app=bare)])
    with TestClient(router) as client, client.websocket_connect("/sub/ada/deep/er") as websocket:
        assert websocket.receive_json() == ["/sub/ada", "/sub/ada/deep/er", {"name": "ada"}]


async def tell(websocket: WebSocket, tenant: str, tags: list[str], room: int, page: int = 1) -> None:
    await websocket.accept()
    await websocket.send_json([tenant, tags, room, page])


def test_n4_n5_parameters_of_an_include_and_a_host_are_injected_by_their_names() -> None:
    route = WebSocketRoute("/rooms/{room}", tell)
    router = Router([Include("/t/{tenant}", routes=[Include("/{tags}", routes=[route])]), Host("{tenant}.test", route)])
    with TestClient(router) as client:
        with client.websocket_connect("/t/ada/x/rooms/5?tenant=forged&tags=forged&page=2") as websocket:
            assert websocket.receive_json() == ["ada", ["x"], 5, 2]
        with client.websocket_connect("ws://ada.test/rooms/5?tags=a&tags=b") as websocket:
            assert websocket.receive_json() == ["ada", ["a", "b"], 5, 1]
        with pytest.raises(WebSocketDenialResponse) as denied:
            client.websocket_connect("/t/ada/x/rooms/five").__enter__()
    assert [(error["in"], error["name"]) for error in denied.value.json()["errors"]] == [("path", "room")]


@pytest.mark.parametrize("root_path", ["", "/api"])
def test_l12_n4_a_path_is_built_from_the_outermost_router_on(root_path: str) -> None:
    async def handler(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        await websocket.send_json(websocket.path_for("chat", room=room))

    router = Router([Include("/ws", routes=[WebSocketRoute("/chat/{room}", handler, name="chat")])])
    with TestClient(router, root_path=root_path) as client, client.websocket_connect("/ws/chat/tea") as websocket:
        assert websocket.receive_json() == f"ws://testserver{root_path}/ws/chat/tea"
