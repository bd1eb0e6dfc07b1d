"""Applications and routes below a path: N4, L12."""

import sys
from types import ModuleType
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount as StarletteMount
from starlette.routing import NoMatchFound as StarletteNoMatchFound
from starlette.routing import Route as StarletteRoute
from starlette.routing import WebSocketRoute as StarletteWebSocketRoute
from starlette.websockets import WebSocket as StarletteWebSocket

from tests.asgi_bridge.routing.routes import App, Noting, call, http, status_of, websocket
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import NoMatchFound, RouteDeclarationError
from wsserve.asgi_bridge.injection.markers import use
from wsserve.asgi_bridge.routing.include import Include
from wsserve.asgi_bridge.routing.router import Router
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("declared", "root_path", "path", "inner_root", "inner_path"),
    [
        ("/a", "", "/a/b", "/a", "/a/b"),
        ("/a", "", "/a/", "/a", "/a/"),
        ("/a", "", "/a", "/a", "/a"),
        ("", "", "/a/b", "", "/a/b"),
        ("/{x}/b", "", "/a/b//c/", "/a/b", "/a/b//c/"),
        ("/a", "/api", "/api/a/b", "/api/a", "/api/a/b"),
        ("/a", "/api/", "/api/a/b", "/api/a", "/api/a/b"),
        ("/a", "/api", "/a/b", "/api/a", "/api/a/b"),
    ],
)
async def test_n4_what_the_application_below_sees(
    declared: str, root_path: str, path: str, inner_root: str, inner_path: str
) -> None:
    app = App()
    scope = websocket(path, root_path=root_path)
    await call(Router([Include(declared, app)]), scope)
    (seen,) = app.served
    assert (seen["root_path"], seen["path"], seen["app_root_path"]) == (inner_root, inner_path, root_path)
    assert (scope["root_path"], scope["path"]) == (root_path, path)
    assert "path_params" not in scope


async def test_n4_path_parameters_are_merged_and_inner_ones_win() -> None:
    route = Noting("/{y:int}/{z}")
    app = Router([Include("/{x}/{z}", routes=[Include("/v", routes=[route])])])
    await call(app, websocket("/1/2/v/3/4/"))
    assert route.served[0]["path_params"] == {"x": "1", "y": 3, "z": "4"}
    assert route.served[0]["root_path"] == "/1/2/v"


@pytest.mark.parametrize("path", ["/a", "/a/", "/a//"])
async def test_n4_the_root_below(path: str) -> None:
    root = Noting("/")
    assert await status_of(Router([Include("/a", routes=[root])]), websocket(path)) == (404 if path == "/a//" else None)


async def test_n4_trap_no_match_below_is_a_denial() -> None:
    router = Router([Include("/a", routes=[Noting("/b")])])
    assert await status_of(router, websocket("/a/c")) == 404
    assert await status_of(router, http("/a/c")) == 404
    assert await status_of(router, http("/a/b")) == 426


async def test_n4_layers_and_dependencies() -> None:
    calls: list[str] = []

    def middleware(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            calls.append(scope["root_path"])
            await app(scope, receive, send)

        return wrapped

    route, dependency = Noting("/b"), use(lambda: 1)
    include = Include("/a", routes=[route], middleware=[middleware], dependencies={"one": dependency})
    await call(Router([include, Noting("/c")]), websocket("/a/b"))
    await call(Router([include, Noting("/c")]), websocket("/c"))
    assert calls == ["/a"]
    assert route.served[0]["wsserve.dependencies"] == {"one": dependency}


def module(name: str, **attributes: Any) -> str:
    made = ModuleType(name)
    vars(made).update(attributes)
    sys.modules[name] = made
    return name


@pytest.mark.parametrize("attribute", ["routes", "route_patterns", "router", "app", ":chosen"])
async def test_n4_a_namespace(attribute: str) -> None:
    route = Noting("/b")
    below: Any = [route] if "route" in attribute and attribute != "router" else Router([route])
    name = module("routing_namespace", **{attribute.removeprefix(":"): below})
    namespace = name + (attribute if ":" in attribute else "")
    await call(Router([Include("/a", namespace=namespace)]), websocket("/a/b"))
    assert len(route.served) == 1


def faults(*routes: Include) -> list[str]:
    with pytest.raises(RouteDeclarationError) as caught:
        Router(routes)
    return [mistake.text for mistake in caught.value.mistakes]


async def test_all_mistakes_are_told_together() -> None:
    app: Any = 5
    empty, missing = module("routing_empty"), "routing.missing"
    assert faults(
        Include("/{a"),
        Include("/b", App(), routes=[], before=[app]),
        Include("/c", app),
        Include("/d", routes=[Noting("/{x"), Noting("e?")]),
        Include("/f", namespace=missing),
        Include("/f", namespace=f"{empty}:nothing"),
        Include("/g", namespace=empty),
        Include("/h", routes=[app]),
    ) == [
        "the path '/{a': a bracket in '{a' has no counterpart",
        "an Include takes one of app, routes and namespace, not none",
        "before has 5, which cannot be called",
        "an Include takes one of app, routes and namespace, not app and routes",
        "an Include takes an application or routes, not 5",
        "the path '/{x': a bracket in '{x' has no counterpart",
        "the path '/e?': '?' starts a query, which is no part of a path",
        "the namespace 'routing.missing' cannot be loaded: No module named 'routing'",
        "the namespace 'routing_empty:nothing' cannot be loaded: module 'routing_empty' has no attribute 'nothing'",
        "the namespace 'routing_empty' has none of routes, route_patterns, router, app: write 'module:name'",
        "a router takes routes, not 5: put a handler into a WebSocketRoute or a Route, an application into an Include",
    ]


@pytest.mark.parametrize(
    ("name", "params", "path"),
    [
        ("inc:chat", {"tenant": "t", "room": "a"}, "/x/t/chat/a"),
        ("inc:same", {"tenant": "t"}, "/x/t/same/t"),
        ("inc", {"tenant": "t"}, "/x/t/"),
        ("inc", {"tenant": "t", "path": "/a b/c"}, "/x/t/a%20b/c"),
        ("plain", {}, "/y/plain"),
        ("inc:deep:end", {"tenant": "t", "n": 5}, "/x/t/deep/5/end"),
    ],
)
async def test_l12_names_of_routes_below(name: str, params: dict[str, Any], path: str) -> None:
    router = Router(
        [
            Include(
                "/x/{tenant}",
                routes=[
                    Noting("/chat/{room}", name="chat"),
                    Noting("/same/{tenant}", name="same"),
                    Include("/deep/{n:int}", routes=[Noting("/end", name="end")], name="deep"),
                ],
                name="inc",
            ),
            Include("/y", routes=[Noting("/plain", name="plain")]),
        ]
    )
    assert router.path_for(name, **params) == path


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("chat", {}),
        ("inc:chat", {"room": "a"}),
        ("inc:chat", {"tenant": "t"}),
        ("inc:chat", {"tenant": "a/b", "room": "a"}),
        ("inc", {}),
        ("inc", {"tenant": "t", "other": 1}),
        ("app:chat", {}),
        ("", {}),
    ],
)
async def test_l12_names_that_are_not_there(name: str, params: dict[str, Any]) -> None:
    include = Include("/x/{tenant}", routes=[Noting("/chat/{room}", name="chat")], name="inc")
    with pytest.raises(NoMatchFound):
        Router([include, Include("/app", App(), name="app")]).path_for(name, **params)


# Starlette below, and Starlette above


async def test_n4_a_starlette_application_below() -> None:
    async def page(request: Any) -> PlainTextResponse:
        own = request.url_for("sta:page", x=5)
        return PlainTextResponse(f"{request.path_params} {own} {ConnectionData(request.scope).path_for('top')}")

    async def socket(websocket: StarletteWebSocket) -> None:
        await websocket.accept()

    starlette = Starlette(routes=[StarletteRoute("/p/{x:int}", page), StarletteWebSocketRoute("/w", socket)])
    router = Router([Include("/s", starlette, name="sta"), Noting("/top", name="top")])
    scope = http("/api/s/p/7", root_path="/api")
    body = (await call(router, scope, {"type": "http.request"}))[-1]["body"]
    assert body == b"{'x': 7} http://example.com/api/s/p/5 ws://example.com/api/top"
    sent = await call(router, websocket("/s/w"), {"type": "websocket.connect"})
    assert [message["type"] for message in sent] == ["websocket.accept"]
    assert router.path_for("sta:socket").make_absolute_url("https://example.com/") == "wss://example.com/s/w"
    with pytest.raises(NoMatchFound):
        router.path_for("sta:page")


@pytest.mark.parametrize("root_path", ["", "/api"])
async def test_n4_a_router_in_a_starlette_application(root_path: str) -> None:
    route = Noting("/c/{room}", name="chat")
    starlette = Starlette(routes=[StarletteMount("/m/{tenant}", Router([Include("/r", routes=[route], name="inc")]))])
    await call(starlette, websocket(f"{root_path}/m/t/r/c/lobby", root_path=root_path))
    (scope,) = route.served
    assert scope["path_params"] == {"tenant": "t", "room": "lobby"}
    assert scope["root_path"] == f"{root_path}/m/t/r"
    url = ConnectionData(scope).path_for("inc:chat", room="x")
    assert url == f"ws://example.com{root_path}/m/t/r/c/x"
    assert await status_of(starlette, websocket(f"{root_path}/m/t/r/d", root_path=root_path)) == 404
    assert scope["app"] is starlette


async def test_l12_starlette_finds_its_own_names_and_ours_when_a_router_is_mounted_in_it() -> None:
    async def page(request: Any) -> None:
        """Is only declared."""

    below = Router([Noting("/c/{room}", name="chat"), Include("/r", routes=[Noting("/d", name="deep")], name="inc")])
    routes = [StarletteMount("/m/{tenant}", below), StarletteMount("/n", below, name="n"), StarletteRoute("/p", page)]
    starlette = Starlette(routes=routes)
    assert starlette.url_path_for("page") == "/p"
    assert starlette.url_path_for("chat", tenant="t", room="x") == "/m/t/c/x"
    assert starlette.url_path_for("n:inc:deep").make_absolute_url("http://example.com") == "ws://example.com/n/r/d"
    with pytest.raises(StarletteNoMatchFound):
        starlette.url_path_for("n:chat")


async def test_l12_without_starlette_the_error_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "starlette.routing")
    monkeypatch.delitem(sys.modules, "lilya.routing.types", raising=False)
    with pytest.raises(NoMatchFound) as caught:
        Noting("/a").url_path_for("b")
    assert not isinstance(caught.value, StarletteNoMatchFound)
    assert str(caught.value) == "no route is named 'b' and takes no parameters"
