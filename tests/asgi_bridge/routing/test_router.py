"""The router: H14, H15, H19, H20, L12, N6, N7, N8, N13."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.asgi_bridge.double import Server
from tests.asgi_bridge.routing.routes import BOTH, App, Noting, call, http, status_of, websocket
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import HTTPException, NoMatchFound, RouteDeclarationError
from wsserve.asgi_bridge.injection.markers import use
from wsserve.asgi_bridge.request import Request
from wsserve.asgi_bridge.routing.base import BaseRoute
from wsserve.asgi_bridge.routing.include import Include
from wsserve.asgi_bridge.routing.router import Router
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio


async def test_h14_a_router_is_an_application_that_servers_take_for_asgi_3() -> None:
    assert inspect.iscoroutinefunction(Router().__call__)


async def test_h15_routes_are_included_once() -> None:
    first, second = Noting("/a"), Noting("/b")
    router = Router([first])
    router.include_routes(first, second, second)
    router.include(second)
    assert router.routes == (first, second)


class WithSubroutes(Noting):
    def __init__(self, path: str, *below: Noting) -> None:
        super().__init__(path)
        self.below = below

    def declared(self) -> Iterator[BaseRoute]:
        yield self
        yield from self.below


async def test_h15_the_routes_below_a_route_come_along() -> None:
    below = Noting("/a/b")
    route = WithSubroutes("/a", below)
    router = Router([route, below])
    assert router.routes == (route, below)
    await call(router, websocket("/a/b"))
    assert len(below.served) == 1


async def test_h15_routes_of_another_router_come_with_its_layers() -> None:
    calls: list[str] = []

    def named(name: str) -> Any:
        made = []

        def middleware(app: ASGIApp) -> ASGIApp:
            made.append(app)
            assert len(made) == 1, "one middleware for all routes"

            async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
                calls.append(name)
                await app(scope, receive, send)

            return wrapped

        return middleware

    routes = [Noting("/a", name="a"), Noting("/b"), Noting("/c")]
    innermost = Router(routes[:1], middleware=[named("innermost")])
    inner = Router([innermost, routes[1]], middleware=[named("inner")], dependencies={"x": use(lambda: 1)})
    router = Router([inner, routes[2]], middleware=[named("outer")])
    for path in ("/a", "/b", "/c", "/d"):
        await call(router, websocket(path))
    assert calls == ["outer", "inner", "innermost", "outer", "inner", "outer", "outer"]
    assert [len(route.served) for route in routes] == [1, 1, 1]
    assert list(routes[0].served[0]["wsserve.dependencies"]) == ["x"]
    assert "wsserve.dependencies" not in routes[2].served[0]
    assert router.path_for("a") == "/a"
    router.include_routes(inner)
    assert len(router.routes) == 3


async def test_h15_an_include_of_another_router_keeps_its_names() -> None:
    route = Noting("/b", name="b")
    router = Router([Router([Include("/a", routes=[route], name="inc")])])
    await call(router, websocket("/a/b"))
    assert route.served[0]["root_path"] == "/a"
    assert router.path_for("inc:b") == "/a/b"


async def test_all_mistakes_of_all_routes_are_raised_together() -> None:
    mistake: Any = 5
    with pytest.raises(RouteDeclarationError) as caught:
        Router([Noting("/{a"), mistake, Noting("/ok"), Noting("/b?")], default=mistake, before=[mistake])
    assert [each.text for each in caught.value.mistakes] == [
        "before has 5, which cannot be called",
        "the default of a router is an application, not 5",
        "a router takes routes, not 5: put a handler into a WebSocketRoute or a Route, an application into an Include",
        "the path '/{a': a bracket in '{a' has no counterpart",
        "the path '/b?': '?' starts a query, which is no part of a path",
    ]
    assert {each.file for each in caught.value.mistakes[:3]} == {__file__}


def test_a_route_in_place_of_a_list_is_a_mistake() -> None:
    route: Any = Noting("/a")
    with pytest.raises(RouteDeclarationError, match=r"routes is a list, not <.*Noting object at .*>: write \[route\]"):
        Router(route)


def test_a_lifespan_has_two_parts() -> None:
    async def whole(app: Any) -> None: ...

    lifespan: Any
    for lifespan, fault in [
        (whole, f"the lifespan {whole.__qualname__}() has no `yield`, which parts startup and shutdown"),
        (5, "the lifespan of a router is an async generator function, not 5"),
    ]:
        with pytest.raises(RouteDeclarationError) as caught:
            Router(lifespan=lifespan)
        assert [each.text for each in caught.value.mistakes] == [fault]


def test_a_decorator_without_parentheses_is_a_mistake() -> None:
    router = Router()

    async def handler() -> None: ...

    bare: Any = handler
    for name in ("websocket", "route"):
        with pytest.raises(RouteDeclarationError) as caught:
            getattr(router, name)(bare)
        [mistake] = caught.value.mistakes
        assert mistake.text == f'@{name} on {handler.__qualname__}() has no path: write @{name}("/path")'
        assert mistake.file == __file__


async def test_routes_with_mistakes_are_not_added() -> None:
    router = Router()
    with pytest.raises(RouteDeclarationError):
        router.include_routes(Noting("/a"), Noting("/{b"))
    assert router.routes == ()


# Matching


async def test_h20_trap_http_and_websocket_share_a_path() -> None:
    page, socket = Noting("/a", kinds=["http"], methods=["GET"]), Noting("/a")
    router = Router([page, socket])
    await call(router, websocket("/a"))
    await call(router, http("/a"))
    assert [scope["type"] for scope in socket.served + page.served] == ["websocket", "http"]


async def test_n6_the_first_full_match_has_the_connection() -> None:
    routes = [
        Noting("/{x}", kinds=["http"], methods=["POST"]),
        Noting("/{x:int}"),
        Noting("/{x}", kinds=BOTH, methods=["GET"]),
        Noting("/a", kinds=["http"]),
    ]
    router = Router(routes)
    for scope in (http("/a", "POST"), websocket("/5"), websocket("/a"), http("/a"), http("/a", "PUT")):
        await call(router, scope)
    assert [len(route.served) for route in routes] == [1, 1, 2, 1]


async def test_n8_there_is_no_falling_through() -> None:
    first, second = Noting("/a"), Noting("/a")
    await call(Router([first, second]), websocket("/a"))
    assert (len(first.served), len(second.served)) == (1, 0)


@pytest.mark.parametrize(("root_path", "path"), [("", "/chat/a"), ("/api", "/api/chat/a/"), ("/api", "/chat/a")])
async def test_h20_trap_the_root_path_counts(root_path: str, path: str) -> None:
    route = Noting("/chat/{room}", name="chat")
    router = Router([route])
    await call(router, websocket(path, root_path=root_path, path_params={"outer": 1}))
    (scope,) = route.served
    assert scope["path_params"] == {"outer": 1, "room": "a"}
    assert scope["app"] is scope["router"] is router
    assert scope["app_root_path"] == root_path
    assert ConnectionData(scope).path_for("chat", room="b") == f"ws://example.com{root_path}/chat/b"


async def test_an_application_that_is_in_the_scope_stays() -> None:
    route = Noting("/")
    router = Router([route])
    await call(router, websocket("/", app="other", router="other"))
    assert route.served[0]["app"] == "other"
    assert route.served[0]["router"] is router


async def test_only_the_outermost_router_puts_itself_into_the_scope() -> None:
    route = Noting("/b")
    router = Router([Include("/a", Router([route]))])
    await call(router, websocket("/a/b"))
    assert route.served[0]["router"] is route.served[0]["app"] is router
    assert route.served[0]["app_root_path"] == ""


# No match


async def test_h19_n7_trap_no_match_is_a_denial_with_404() -> None:
    sent = await call(Router([Noting("/a")]), websocket("/b"))
    assert [message["type"] for message in sent] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert sent[0]["status"] == 404
    assert sent[1]["body"] == b"Not Found\n"


async def test_h19_n7_without_the_extension_it_is_a_close_which_servers_make_403() -> None:
    sent = await call(Router([Noting("/a", kinds=["http"])]), websocket("/a", extensions={}))
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_n7_requests_without_a_match() -> None:
    router = Router([Noting("/a", kinds=["http"], methods=["GET", "HEAD"]), Noting("/w"), Noting("/{any}/b")])
    sent = await call(router, http("/a", "POST"))
    assert (sent[0]["status"], (b"allow", b"GET, HEAD") in sent[0]["headers"]) == (405, True)
    sent = await call(router, http("/w"))
    assert (sent[0]["status"], (b"upgrade", b"websocket") in sent[0]["headers"]) == (426, True)
    assert (await call(router, http("/x")))[0]["status"] == 404


async def test_n7_a_default_application() -> None:
    app = App()
    router = Router([Noting("/w")], default=app)
    assert await status_of(router, websocket("/x")) is None
    assert await status_of(router, http("/x")) is None
    assert await status_of(router, http("/w")) == 426
    assert [scope["type"] for scope in app.served] == ["websocket", "http"]


async def test_n7_exception_handlers_see_what_does_not_match() -> None:
    async def handler(connection: WebSocket | Request, error: HTTPException) -> None:
        assert isinstance(connection, WebSocket)
        await connection.close(4000 + error.status_code, connection.scope["path"])

    (sent,) = await call(Router(exception_handlers={404: handler}), websocket("/x"))
    assert (sent["type"], sent["code"], sent["reason"]) == ("websocket.close", 4404, "/x")


async def test_other_scopes_are_refused() -> None:
    with pytest.raises(ValueError, match="a router serves scopes of type http, websocket and lifespan, not 'email'"):
        await call(Router(), {"type": "email"})


@given(st.text().map(lambda text: f"/{text}") | st.text(), st.text(max_size=3))
async def test_n3_no_path_raises(path: str, root_path: str) -> None:
    router = Router(
        [Noting("/{a:int}/{b:datetime}"), Include("/{x}", routes=[Noting("/{y:uuid}")]), Noting("/{p:path}/x")]
    )
    assert await status_of(router, websocket(path, root_path=root_path)) in (None, 404)


# Names


async def test_l12_path_for() -> None:
    router = Router([Noting("/a/{x}", name="a"), Noting("/a", name="a"), Noting("/b", kinds=["http"], name="b")])
    assert router.path_for("a", x="1") == "/a/1"
    assert router.url_path_for("a") == "/a"
    assert router.path_for("b").protocol == "http"
    assert Router([Noting("/{name}", name="n")]).path_for("n", name="x") == "/x"
    wrong: list[tuple[str, dict[str, Any]]] = [("c", {}), ("a", {"y": 1}), ("a", {"x": ""})]
    for name, params in wrong:
        with pytest.raises(NoMatchFound):
            router.path_for(name, **params)


# Dependencies


async def test_n13_overrides_win_and_end() -> None:
    inner, outer = Router(), Router()
    route = Noting("/b")
    inner.include_routes(route)
    outer.include_routes(Include("/a", inner))

    async def overrides() -> object:
        await call(outer, websocket("/a/b"))
        return route.served[-1].get("wsserve.overrides")

    assert await overrides() is None
    with inner.override_dependency("x", 1), inner.override_dependency("y", 2):
        assert await overrides() == {"x": 1, "y": 2}
        with outer.override_dependency("x", 3), inner.override_dependency("y", 4):
            assert await overrides() == {"x": 3, "y": 4}
        assert await overrides() == {"x": 1, "y": 2}
    assert await overrides() is None


async def test_n13_overrides_that_end_in_another_order() -> None:
    router = Router([route := Noting("/")])
    first, second = router.override_dependency(len, 1), router.override_dependency("y", 2)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    await call(router, websocket("/"))
    assert route.served[-1]["wsserve.overrides"] == {"y": 2}
    second.__exit__(None, None, None)
    await call(router, websocket("/"))
    assert "wsserve.overrides" not in route.served[-1]


async def test_n13_overrides_of_a_router_whose_routes_another_has() -> None:
    inner = Router([route := Noting("/")])
    outer = Router([inner])
    with inner.override_dependency("x", 1):
        await call(outer, websocket("/"))
    assert route.served[-1]["wsserve.overrides"] == {"x": 1}


# Handlers


async def test_n6_decorators_and_their_like() -> None:
    router = Router()

    @router.websocket("/chat/{room}", name="chat")
    async def chat(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        await websocket.send_text(room)

    @router.route("/page")
    async def page(request: Request) -> str:
        return request.method

    @router.route("/form", methods=["POST"])
    async def form(request: Request) -> str:
        return "posted"

    async def other(websocket: WebSocket) -> None:
        await websocket.accept(subprotocol="chat.v1")

    router.add_websocket_route("/other", other)
    router.add_route("/other", page)

    server = Server(path="/chat/lobby")
    await router(server.scope, server.receive, server.send)
    assert server.sent_types == ["accept", "send", "close"]
    assert server.sent[1]["text"] == "lobby"
    server = Server(path="/other")
    await router(server.scope, server.receive, server.send)
    assert server.sent[0]["subprotocol"] == "chat.v1"
    for path, method, body in [("/page", "GET", b"GET"), ("/form", "POST", b"posted"), ("/other", "GET", b"GET")]:
        assert (await call(router, http(path, method)))[-1]["body"] == body
    assert router.path_for("chat", room="x") == "/chat/x"


async def test_h15_a_layer_of_an_included_router_may_hand_over_to_another_router() -> None:
    public = Router([public_route := Noting("/a")])

    def instead(_app: ASGIApp) -> ASGIApp:
        return public

    def before(app: ASGIApp) -> ASGIApp:
        return Router([Noting("/other")], default=app)

    guarded = Router([secret := Noting("/a")], middleware=[instead])
    await call(Router([guarded]), websocket("/a"))
    assert len(public_route.served) == 1
    assert secret.served == []

    behind = Router([route := Noting("/a")], middleware=[before])
    await call(Router([behind]), websocket("/a"))
    assert len(route.served) == 1


async def test_the_router_is_one_coroutine_between_server_and_route() -> None:
    depths: list[int] = []

    class Deep(Noting):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            frame, names = inspect.currentframe(), []
            while frame is not None and frame.f_code.co_name != "call":
                if frame.f_code.co_flags & inspect.CO_COROUTINE:
                    names.append(frame.f_code.co_name)
                frame = frame.f_back
            depths.append(len(names))

    router = Router([Deep("/a"), Include("/b", routes=[Deep("/c")]), Router([Deep("/d")])])
    for path in ("/a", "/b/c", "/d"):
        await call(router, websocket(path))
    assert depths == [2, 3, 2]
