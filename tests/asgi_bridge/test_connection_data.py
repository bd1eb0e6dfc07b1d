"""What a WebSocket tells of its scope."""

from typing import Any

import pytest

from tests.asgi_bridge.double import websocket_scope
from wsserve.asgi_bridge.connection_data import Address, ConnectionData
from wsserve.asgi_bridge.exceptions import ImproperlyConfigured, NoMatchFound
from wsserve.asgi_bridge.types import Scope
from wsserve.asgi_bridge.url import URL
from wsserve.asgi_bridge.websocket import WebSocket


def data(**changes: Any) -> ConnectionData:
    return ConnectionData(websocket_scope(**changes))


async def receive() -> dict[str, Any]:
    raise AssertionError("nothing is received here")


async def send(message: object) -> None:
    raise AssertionError("nothing is sent here")


def test_l2_positional_and_by_keyword() -> None:
    scope = websocket_scope()
    assert WebSocket(scope, receive, send).scope is scope
    assert WebSocket(scope=scope, receive=receive, send=send).scope is scope


@pytest.mark.parametrize("scope", [{"type": "http"}, {"type": "lifespan"}, {}])
def test_l2_wrong_scope_type_is_a_clear_error(scope: Scope) -> None:
    with pytest.raises(ValueError, match="needs a scope of type 'websocket', not"):
        WebSocket(scope, receive, send)


def test_l4_mapping_over_the_scope() -> None:
    websocket = WebSocket(websocket_scope(), receive, send)
    assert websocket["path"] == "/chat"
    assert websocket.get("missing") is None
    assert "path" in websocket
    assert len(websocket) == len(websocket.scope) == len(list(websocket))
    assert dict(websocket) == websocket.scope
    assert ("type", "websocket") in websocket.items()
    with pytest.raises(KeyError):
        websocket["missing"]
    mutable: Any = websocket
    with pytest.raises(TypeError):
        mutable["path"] = "/"


def test_l4_equality_is_identity() -> None:
    scope = websocket_scope()
    one, other = WebSocket(scope, receive, send), WebSocket(scope, receive, send)
    assert one == one  # that is the question
    assert one != other
    assert len({one, other, one}) == 2


def test_l5_l6_url_is_made_once() -> None:
    websocket = data(path="/a b", raw_path=b"/a%20b", query_string=b"q=1")
    assert websocket.url == "ws://example.com/a%20b?q=1"
    assert isinstance(websocket.url, URL)
    assert websocket.url is websocket.url


def test_l6_scope_without_anything() -> None:
    websocket = ConnectionData({"type": "websocket"})
    assert websocket.url == "ws://localhost/"
    assert len(websocket.headers) == 0
    assert len(websocket.query_params) == 0
    assert websocket.cookies == {}


def test_l7_base_url() -> None:
    assert data(root_path="/api").base_url == "ws://example.com/api/"


def test_l8_headers_leave_the_scope_as_it_is() -> None:
    websocket = data()
    assert websocket.headers["Host"] == "example.com"
    assert websocket.headers is websocket.headers
    assert websocket.scope["headers"] == [(b"host", b"example.com")]


def test_l9_query_params() -> None:
    websocket = data(query_string=b"search=a+b")
    assert websocket.query_params["search"] == "a b"
    assert websocket.query_params is websocket.query_params


def test_l10_path_params_are_the_same_dictionary_each_time() -> None:
    assert data(path_params={"username": "ann"}).path_params["username"] == "ann"
    websocket = data()
    websocket.path_params["a"] = 1
    assert websocket.path_params == {"a": 1}
    with pytest.raises(KeyError):
        websocket.path_params["missing"]


@pytest.mark.parametrize("name", ["auth", "user", "session"])
def test_l11_set_by_middleware(name: str) -> None:
    value = object()
    assert getattr(data(**{name: value}), name) is value


@pytest.mark.parametrize(
    ("name", "middleware"),
    [("auth", "AuthenticationMiddleware"), ("user", "AuthenticationMiddleware"), ("session", "SessionMiddleware")],
)
def test_l11_missing_middleware_is_named(name: str, middleware: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"websocket\.{name} needs a {middleware} around the application"):
        getattr(data(), name)


def test_l13_app_state_client_server() -> None:
    app = object()
    websocket = data(app=app, state={"database": 1})
    assert websocket.app is app
    assert websocket.state.database == 1
    assert websocket.client == Address("192.0.2.1", 50000)
    assert websocket.server is not None
    assert (websocket.server.host, websocket.server.port) == ("192.0.2.2", 8000)
    with pytest.raises(KeyError):
        _ = data().app


def test_l13_state_is_made_in_the_scope() -> None:
    websocket = data()
    websocket.state.a = 1
    assert websocket.state.a == 1
    assert websocket.scope["state"] == {"a": 1}


def test_l13_unix_socket_and_unknown_addresses() -> None:
    websocket = data(client=None, server=["/run/a.sock", None])
    assert websocket.client is None
    assert websocket.server == ("/run/a.sock", None)


@pytest.mark.parametrize("name", [b"cookie", b"Cookie"])
def test_l13_cookies_in_any_case_and_on_several_lines(name: bytes) -> None:
    websocket = data(headers=[(name, b'a=1; b="x;y"'), (name, b"c=3")])
    assert websocket.cookies == {"a": "1", "b": "x;y", "c": "3"}
    assert websocket.cookies is websocket.cookies


@pytest.mark.parametrize(("scheme", "secure"), [("ws", False), ("wss", True), ("http", False), ("https", True)])
def test_l13_is_secure(scheme: str, secure: bool) -> None:
    assert data(scheme=scheme).is_secure() is secure


class Router:
    """A router of nobody's: one route."""

    def path_for(self, name: str, /, **params: Any) -> str:
        if name != "room":
            raise KeyError(name)
        return f"/rooms/{int(params['number'])}/é"


class UrlRouter:
    url_path_for = Router.path_for


class ForeignPath(str):
    """What the routers of Starlette and Lilya return."""

    __slots__ = ()

    def make_absolute_url(self, base_url: str) -> str:
        return base_url.replace("ws:", "http:").rstrip("/") + self


class ForeignRouter:
    def path_for(self, name: str, /, **params: Any) -> ForeignPath:
        return ForeignPath(f"/{name}")


@pytest.mark.parametrize("scope", [{"router": Router()}, {"app": Router()}, {"app": UrlRouter(), "router": None}])
def test_l12_path_for(scope: dict[str, Any]) -> None:
    websocket = data(root_path="/api", **scope)
    url = websocket.path_for("room", number=5)
    assert url == "ws://example.com/api/rooms/5/%C3%A9"
    assert isinstance(url, URL)
    assert websocket.url_path_for("room", number=5) == url


def test_l12_a_route_with_a_scheme_of_its_own() -> None:
    assert data(router=ForeignRouter()).path_for("page", name="a") == "http://example.com/page"


@pytest.mark.parametrize(("name", "params"), [("other", {}), ("room", {}), ("room", {"number": "abc"})])
def test_l12_no_such_route_is_one_error(name: str, params: dict[str, Any]) -> None:
    with pytest.raises(NoMatchFound, match=f"no route is named '{name}'") as caught:
        data(router=Router()).path_for(name, **params)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("scope", [{}, {"app": object()}])
def test_l12_no_router_is_a_clear_error(scope: dict[str, Any]) -> None:
    with pytest.raises(ImproperlyConfigured, match="neither 'router' nor 'app' in the scope is a router"):
        data(**scope).path_for("room")
