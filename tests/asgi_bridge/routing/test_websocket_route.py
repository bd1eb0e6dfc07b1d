"""Routes for WebSockets: their handler, what may stand in its place, and the mistakes in a declaration."""

import functools
import inspect
from pathlib import Path
from typing import Annotated, Any

import pytest

from tests.asgi_bridge.double import Server
from wsserve import (
    AsyncResource,
    HTTPException,
    Ignore,
    Query,
    RouteDeclarationError,
    Router,
    TestClient,
    WebSocket,
    WebSocketClose,
    WebSocketController,
    WebSocketDenialResponse,
    WebSocketException,
    WebSocketRoute,
    use,
)
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send

HERE = __file__


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(Path(HERE).read_text().splitlines(), 1) if text in line)


def first_text(app: ASGIApp, url: str) -> str:
    with TestClient(app) as client, client.websocket_connect(url) as websocket:
        return websocket.receive_text()


async def greet(websocket: WebSocket, name: str) -> None:
    await websocket.accept()
    await websocket.send_text(f"hello {name}")


class Greeter:
    async def method(self, websocket: WebSocket, name: str) -> None:
        await greet(websocket, name)

    async def __call__(self, websocket: WebSocket, name: str) -> None:
        await greet(websocket, name)


@pytest.mark.parametrize(
    "handler",
    [
        greet,
        Greeter().method,
        Greeter(),
        functools.partial(greet),
        "tests.asgi_bridge.routing.test_websocket_route:greet",
        "tests.asgi_bridge.routing.test_websocket_route.greet",
    ],
    ids=["function", "method", "callable-object", "partial", "dotted", "all-dots"],
)
def test_n1_h4_handlers(handler: Any) -> None:
    assert first_text(WebSocketRoute("/greet/{name}", handler), "/greet/ada") == "hello ada"


def test_h3_decorator_returns_the_function() -> None:
    route = WebSocketRoute("greet/{name}")
    assert route.ws_handler(greet) is greet
    assert (route.name, route.handler) == ("greet", greet)
    assert first_text(route, "/greet/bob") == "hello bob"


def test_h3_the_name_that_lihil_gave_the_decorator_later() -> None:
    route = WebSocketRoute("greet/{name}", name="hello")

    @route.endpoint
    async def handler(ws, name):  # type: ignore[no-untyped-def]  # unannotated, as authors write it
        await greet(ws, name)

    assert (route.name, first_text(route, "/greet/bob")) == ("hello", "hello bob")


def test_h3_a_second_handler_is_a_mistake() -> None:
    route = WebSocketRoute("greet/{name}", greet)
    with pytest.raises(RouteDeclarationError, match=r"the route '/greet/\{name\}' has a handler already: <function gr"):
        route.ws_handler(greet)


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    await greet(WebSocket(scope, receive, send), scope["path_params"]["name"])


def test_n1_asgi_applications() -> None:
    assert first_text(WebSocketRoute("/greet/{name}", bare), "/greet/ada") == "hello ada"
    route = WebSocketRoute("/gone", WebSocketClose(4000))
    with TestClient(route) as client, pytest.raises(WebSocketDenialResponse, match="403"):
        client.websocket_connect("/gone").__enter__()
    assert route.name == ""


class Echo(WebSocketController):
    encoding = "text"

    def __init__(self, prefix: str, suffix: Annotated[str, Query] = "!") -> None:
        self.prefix = prefix
        self.suffix = suffix

    async def on_receive(self, websocket: WebSocket, data: str) -> None:
        await websocket.send_text(f"{self.prefix}{data}{self.suffix}")


def test_n14_a_controller_gets_its_arguments_by_injection() -> None:
    with TestClient(WebSocketRoute("/echo/{prefix}", Echo)) as client:
        with client.websocket_connect("/echo/a?suffix=c") as websocket:
            websocket.send_text("b")
            assert websocket.receive_text() == "abc"
        with client.websocket_connect("/echo/x") as websocket:
            websocket.send_text("y")
            assert websocket.receive_text() == "xy!"


class Guarded(Echo):
    permissions = ()
    dependencies = {"prefix": use(lambda: "injected ")}  # noqa: RUF012  # as authors write it
    exception_handlers = {ZeroDivisionError: lambda websocket, _error: websocket.close(4002)}  # noqa: RUF012  # as authors write it

    @staticmethod
    def middleware_that_renames(app: ASGIApp) -> ASGIApp:
        async def renamed(scope: Scope, receive: Receive, send: Send) -> None:
            scope["query_string"] = b"suffix=%3F"
            await app(scope, receive, send)

        return renamed

    middleware = (middleware_that_renames.__func__,)  # type: ignore[attr-defined]  # set or read at run time

    async def on_receive(self, websocket: WebSocket, data: str) -> None:
        if data == "fail":
            raise ZeroDivisionError
        await super().on_receive(websocket, data)


def test_n14_a_controllers_layers_and_dependencies_count() -> None:
    with TestClient(WebSocketRoute("/echo", Guarded)) as client, client.websocket_connect("/echo") as websocket:
        websocket.send_text("b")
        assert websocket.receive_text() == "injected b?"
        websocket.send_text("fail")
        assert websocket.wait_closed() == 4002


def test_n14_a_controllers_layers_are_not_those_of_a_route_below() -> None:
    route = WebSocketRoute("/echo", Guarded)
    below = route.sub("below", Guarded)
    assert below._level.layers == route._level.layers
    assert below._level.layers["middleware"] == ()


def test_unknown_options_are_mistakes() -> None:
    with pytest.raises(RouteDeclarationError, match="there is no option 'permision', only middleware, permissions, "):
        WebSocketRoute("/greet", greet, permision=[print])  # type: ignore[call-arg]  # it is a mistake


def test_n14_a_controllers_mistakes() -> None:
    class Faulty(WebSocketController):
        encoding = "xml"  # type: ignore[assignment]  # wrong on purpose

    with pytest.raises(RouteDeclarationError, match=r"Faulty: encoding is one of None, 'text', 'bytes', 'json', not"):
        WebSocketRoute("/", Faulty)


def test_what_a_route_does_not_match_is_refused() -> None:
    with TestClient(WebSocketRoute("/greet/{name}", greet)) as client:
        with pytest.raises(WebSocketDenialResponse, match="404"):
            client.websocket_connect("/other").__enter__()
        assert client.get("/greet/ada").status_code == 426


def test_a_subroutes_path_that_is_no_str_is_a_mistake() -> None:
    path: Any = 5
    with pytest.raises(RouteDeclarationError, match="a path is a str, not 5"):
        WebSocketRoute("/rooms").sub(path, greet)


def test_h15_subroutes() -> None:
    seen = []

    def noting(app: ASGIApp) -> ASGIApp:
        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["path"])
            await app(scope, receive, send)

        return noted

    rooms = WebSocketRoute("rooms", middleware=[noting])
    room = rooms / "{name}"
    room.ws_handler(greet)
    deeper = room.sub("deeper", greet, name="deeper")
    router = Router()
    router.include_routes(rooms)
    router.include_routes(rooms)
    assert [route.pattern.declaration for route in router.routes] == ["/rooms/{name}", "/rooms/{name}/deeper"]
    assert deeper.name == "deeper"
    assert first_text(router, "/rooms/ada/deeper") == "hello ada"
    assert first_text(router, "/rooms/bob") == "hello bob"
    assert seen == ["/rooms/ada/deeper", "/rooms/bob"]


async def failing(websocket: WebSocket, error: str) -> None:
    if error == "http":
        raise HTTPException(402, "pay first")
    await websocket.accept()
    raise WebSocketException(4001, "because")


def test_n9_errors_of_handlers() -> None:
    with TestClient(WebSocketRoute("/{error}", failing)) as client:
        with pytest.raises(WebSocketDenialResponse) as denied:
            client.websocket_connect("/http").__enter__()
        assert (denied.value.status_code, denied.value.text) == (402, "pay first\n")
        with client.websocket_connect("/websocket") as websocket:
            assert (websocket.wait_closed(), websocket.close_reason) == (4001, "because")


class Body:
    """No type that a value of a request could have."""


def test_3_mistakes_are_reported_together_with_file_and_line() -> None:
    async def factory(also: Body) -> str:
        return ""

    def handler(websocket: WebSocket, payload: dict[str, int], thing: Body, x: Annotated[str, use(factory)]) -> None:
        """Do nothing."""

    route = WebSocketRoute("chat/{room", middleware=[5])  # type: ignore[list-item]  # wrong on purpose
    with pytest.raises(RouteDeclarationError) as caught:
        route.ws_handler(handler)
    mistakes = caught.value.mistakes
    texts = " | ".join(mistake.text for mistake in mistakes)
    for part in ("'{room'", "middleware has 5", "is not async", "'payload'", "'thing'", "'also'"):
        assert part in texts
    assert {mistake.file for mistake in mistakes} == {HERE}
    route_line, handler_line = (
        line_of('WebSocketRoute("chat/{room"'),
        line_of("    def handler(websocket: W"),
    )
    factory_line = line_of("    async def factory(also")
    assert [mistake.line for mistake in mistakes] == [route_line] * 2 + [handler_line] * 3 + [factory_line]
    assert str(caught.value).splitlines()[0] == f"{HERE}:{route_line}: {mistakes[0].text}"


def test_a_route_without_a_handler_is_a_mistake_of_the_router() -> None:
    routes = [WebSocketRoute("a"), WebSocketRoute("b/{x"), WebSocketRoute("/c", greet)]
    with pytest.raises(RouteDeclarationError) as caught:
        Router(routes)
    assert [mistake.text for mistake in caught.value.mistakes][::2] == [
        "the route '/a' has no handler",
        "the route '/b/{x' has no handler",
    ]


@pytest.mark.parametrize("name", ["nowhere:handler", "tests:nothing", "tests.asgi_bridge.nothing", "a b", ""])
def test_n1_a_dotted_name_that_names_nothing(name: str) -> None:
    with pytest.raises(RouteDeclarationError, match=f"the handler {name!r} cannot be loaded: "):
        WebSocketRoute("/", name)


@pytest.mark.parametrize("handler", [5, dict, print])
def test_h4_what_is_no_handler(handler: Any) -> None:
    with pytest.raises(RouteDeclarationError, match=r"async|no function") as caught:
        WebSocketRoute("/", handler)
    assert {(mistake.file, mistake.line) for mistake in caught.value.mistakes} == {
        (HERE, line_of('        WebSocketRoute("/", handler)'))
    }


def test_dependencies_are_declared_with_use() -> None:
    with pytest.raises(RouteDeclarationError, match=r"dependencies has 5 for 'x': write use\(factory\)"):
        WebSocketRoute("/", WebSocket.accept, dependencies={"x": 5})  # type: ignore[dict-item]  # wrong on purpose


def test_n13_dependencies_by_name() -> None:
    async def handler(websocket: WebSocket, name: str) -> None:
        await greet(websocket, name)

    route = WebSocketRoute("/", handler, dependencies={"name": use(lambda: "dependency")})
    assert first_text(route, "/") == "hello dependency"


async def accepted(ws: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
    await ws.accept()
    yield ws
    await ws.close(4003)


def test_h18_h12_a_handler_that_returns_and_one_that_closes_itself() -> None:
    async def handler(ws: Annotated[WebSocket, use(accepted, reuse=False)], closing: bool) -> None:
        if closing:
            await ws.close(4004)

    with TestClient(WebSocketRoute("/", handler)) as client:
        for query, code in (("closing=false", 4003), ("closing=true", 4004)):
            with client.websocket_connect(f"/?{query}") as websocket:
                assert websocket.wait_closed() == code


@pytest.mark.anyio
async def test_nothing_is_between_the_handler_and_the_server() -> None:
    frames = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        frame = inspect.currentframe()
        while frame is not None and frame.f_code.co_name != "run":
            frames.append(frame.f_code.co_qualname)
            frame = frame.f_back

    router = Router([WebSocketRoute("/chat", handler)])
    server = Server()

    async def run() -> None:
        await router(server.scope, server.receive, server.send)

    await run()
    assert frames == [handler.__qualname__, "Router.__call__"]
