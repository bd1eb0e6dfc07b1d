"""N16: `requires`, which cannot be bypassed."""

import gc
import inspect
import typing
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Optional

import pytest
from lilya.websockets import WebSocket as LilyaWebSocket
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket as StarletteWebSocket

from tests.asgi_bridge.double import Server, websocket_scope
from tests.asgi_bridge.middleware.calls import http_scope
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import HTTPException, ImproperlyConfigured
from wsserve.asgi_bridge.middleware.authentication import (
    AuthCredentials,
    SimpleUser,
    UnauthenticatedUser,
)
from wsserve.asgi_bridge.middleware.requires import requires
from wsserve.asgi_bridge.request import Request
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio

USERS: dict[str, dict[str, Any]] = {
    "anonymous": {"auth": AuthCredentials(), "user": UnauthenticatedUser()},
    "ann": {"auth": AuthCredentials(["read"]), "user": SimpleUser("ann")},
    "root": {"auth": AuthCredentials(["read", "write"]), "user": SimpleUser("root")},
}


def websocket_of(name: str) -> WebSocket:
    return Server(**USERS[name]).websocket()


def request_of(name: str) -> Request:
    async def receive() -> Any:
        raise AssertionError("never")

    return Request(http_scope(**USERS[name]), receive)


# However the connection is passed

ran: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


@requires("write")
async def annotated(room: str, anything: WebSocket) -> str:
    ran.append(anything)
    return room


@requires("write")
async def untyped(ws, room="lobby"):  # type: ignore[no-untyped-def]  # as examples are written
    ran.append(ws)
    return room


plain: Any = untyped


@requires("write")
async def variadic(*args: Any, **kwargs: Any) -> str:
    ran.append(args)
    return "lobby"


@requires("write")
async def keyword_only(*, connection: ConnectionData, room: str = "lobby") -> str:
    ran.append(connection)
    return room


class Handlers:
    @requires("write")
    async def on_connect(self, websocket: WebSocket, room: str = "lobby") -> str:
        ran.append(self)
        return room

    @staticmethod
    @requires("write")
    async def static(ws: WebSocket) -> str:
        ran.append(ws)
        return "lobby"

    @classmethod
    @requires("write")
    async def of_class(cls, ws: WebSocket) -> str:
        ran.append(cls)
        return "lobby"

    async def unguarded(self, ws: WebSocket) -> str:
        ran.append(self)
        return "lobby"


class CallableHandler:
    async def __call__(self, ws: WebSocket) -> str:
        ran.append(self)
        return "lobby"


async def with_option(option: int, ws: WebSocket) -> str:
    ran.append(option)
    return "lobby"


CALLS: list[Callable[[Any], Any]] = [
    lambda ws: annotated("lobby", ws),
    lambda ws: annotated("lobby", anything=ws),
    lambda ws: annotated(anything=ws, room="lobby"),
    lambda ws: plain(ws),
    lambda ws: plain(ws=ws),
    lambda ws: variadic(1, ws),
    lambda ws: variadic(1, whatever=ws),
    lambda ws: keyword_only(connection=ws),
    lambda ws: Handlers().on_connect(ws),
    lambda ws: Handlers().on_connect(websocket=ws),
    lambda ws: Handlers.on_connect(Handlers(), ws),
    lambda ws: Handlers.static(ws),
    lambda ws: Handlers().static(ws=ws),
    lambda ws: Handlers.of_class(ws),
    lambda ws: requires("write")(Handlers().unguarded)(ws),
    lambda ws: requires("write")(CallableHandler())(ws),
    lambda ws: requires("write")(partial(with_option, 5))(ws),
    lambda ws: requires("write")(partial(with_option, option=5))(ws=ws),
    lambda ws: requires("write")(partial(partial(CallableHandler())))(ws),
    lambda ws: partial(annotated, "lobby")(ws),
    lambda ws: requires("read")(requires("write")(with_option))(1, ws),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("name", "status"), [("anonymous", 401), ("ann", 403)])
async def test_n16_trap_requires_cannot_be_bypassed(call: Callable[[Any], Any], name: str, status: int) -> None:
    for connection in (websocket_of(name), request_of(name)):
        with pytest.raises(HTTPException) as caught:
            await call(connection)
        assert caught.value.status_code == status
    assert ran == []


@pytest.mark.parametrize("call", CALLS)
async def test_n16_who_has_the_scopes_gets_in(call: Callable[[Any], Any]) -> None:
    assert await call(websocket_of("root")) == "lobby"
    assert await call(request_of("root")) == "lobby"
    assert len(ran) == 2


async def test_n16_trap_without_a_connection_no_handler_runs() -> None:
    no_connection: Any = None
    not_connections: list[Any] = [
        no_connection,
        {"scope": {"auth": AuthCredentials(["write"])}},
        USERS["root"],
        websocket_scope(**USERS["root"]),
        SimpleUser("root"),
    ]
    for value in not_connections:
        with pytest.raises(TypeError, match="untyped was called without a connection"):
            await plain(value)
    with pytest.raises(TypeError, match="variadic was called without a connection"):
        await variadic()
    with pytest.raises(TypeError, match="CallableHandler was called without a connection"):
        await requires("write")(partial(CallableHandler()))(no_connection)
    assert ran == []


async def test_n16_trap_of_several_connections_each_must_have_the_scopes() -> None:
    for first, second in (("root", "ann"), ("ann", "root")):
        with pytest.raises(HTTPException):
            await variadic(websocket_of(first), other=websocket_of(second))
    assert await variadic(websocket_of("root"), other=websocket_of("root")) == "lobby"


def test_n16_plain_functions_stay_plain() -> None:
    @requires("write")
    def page(request: Request) -> str:
        return "page"

    assert page(request_of("root")) == "page"
    assert not inspect.iscoroutinefunction(page)
    with pytest.raises(HTTPException):
        page(request_of("ann"))


# Which scopes


def allows(decorator: Callable[..., Any], **scope: Any) -> int:
    """Return the status with which the decorator refuses a scope; 0 when it does not."""

    @decorator
    def handler(connection: ConnectionData) -> int:
        return 0

    try:
        result: int = handler(ConnectionData(scope))
    except HTTPException as error:
        return error.status_code
    return result


@pytest.mark.parametrize(
    ("decorator", "statuses"),
    [
        (requires("read"), (401, 0, 0)),
        (requires(["read", "write"]), (401, 403, 0)),
        (requires({"read", "write"}, any_of=True), (401, 0, 0)),
        (requires(iter(["write"]), status_code=404), (401, 404, 0)),
        (requires(("admin", "owner"), any_of=True), (401, 403, 403)),
        (requires("rea"), (401, 403, 403)),
    ],
)
def test_n16_all_scopes_or_any_of_them(decorator: Any, statuses: tuple[int, ...]) -> None:
    for _ in range(2):  # an iterator of scopes is not used up
        assert tuple(allows(decorator, type="http", **user) for user in USERS.values()) == statuses


def test_n16_scopes_without_a_user_count() -> None:
    assert allows(requires("read"), type="http", auth=AuthCredentials("read")) == 0


@pytest.mark.parametrize("scopes", ["unread reader", "", None, [], ()])
def test_n16_scopes_are_whole_names(scopes: Any) -> None:
    credentials = AuthCredentials()
    credentials.scopes = scopes
    assert allows(requires("read"), type="http", auth=credentials, user=SimpleUser("a")) == 403


def test_n16_scopes_as_one_text_are_names_between_spaces() -> None:
    credentials: Any = AuthCredentials()
    credentials.scopes = "chat read"
    assert allows(requires("read"), type="http", auth=credentials) == 0


def test_n16_no_credentials_are_no_scopes() -> None:
    assert allows(requires("read"), type="http", auth=None, user=None) == 401


async def test_n16_without_the_middleware_it_is_not_configured() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"requires\(\) needs an AuthenticationMiddleware"):
        await plain(Server().websocket())
    assert ran == []


# At declaration


@pytest.mark.parametrize(
    ("scopes", "options", "words"),
    [
        ("", {}, "name of a scope"),
        ([], {}, "name of a scope"),
        (["a", ""], {}, "name of a scope"),
        ([1], {}, "name of a scope"),
        ("a", {"status_code": 200}, "400 to 599"),
        ("a", {"status_code": "403"}, "400 to 599"),
    ],
)
def test_n16_arguments_are_checked_at_once(scopes: Any, options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        requires(scopes, **options)


class Controller:
    def without(self) -> None: ...

    def with_room(self, room: str) -> None: ...


async def generator(ws: WebSocket) -> AsyncIterator[int]:
    yield 1


def plain_generator(ws: WebSocket) -> Iterator[int]:
    yield 1


def nothing() -> None: ...


def only_values(room: str, n: "int", values: list[int], options: dict[str, int], none: None, one: int | None) -> None:
    """No parameter of this can be the connection."""


def test_n16_a_decorator_without_parentheses_is_refused_at_once() -> None:
    bare: Any = requires
    with pytest.raises(TypeError, match=r"or several: write @requires\('name'\) on variadic$"):
        bare(variadic)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Controller, r"not for the class Controller: put it on its methods"),
        (staticmethod(annotated), "stands below @staticmethod on annotated, not above"),
        (classmethod(variadic), "stands below @classmethod on variadic, not above"),
        (generator, "generator, which is a generator"),
        (plain_generator, "plain_generator, which is a generator"),
        ("handler", "not for 'handler'"),
        (nothing, "nothing to take the connection: give it a parameter such as 'ws: WebSocket'"),
        (only_values, "only_values to take the connection"),
        (Controller.without, "without to take the connection"),
        (Controller().with_room, "with_room to take the connection"),
    ],
)
def test_n16_what_cannot_be_guarded_is_refused_at_once(target: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        requires("read")(target)


def optional(ws: WebSocket | None = None) -> None: ...
def old_optional(ws: Optional[WebSocket] = None) -> None: ...  # noqa: UP045  # people write it
def in_annotated(ws: Annotated[Request, "x"]) -> None: ...
def quoted(ws: "WebSocket") -> None: ...
def unresolvable(ws: "NoSuchType") -> None: ...  # type: ignore[name-defined]  # noqa: F821  # on purpose
def of_starlette(ws: StarletteWebSocket) -> None: ...
def of_lilya(ws: LilyaWebSocket) -> None: ...
def generic(ws: "HTTPConnection[Any]") -> None: ...
def mapping(ws: Mapping[str, Any]) -> None: ...
def anything(ws: Any) -> None: ...
def some_object(ws: object) -> None: ...


@pytest.mark.parametrize(
    "target",
    [
        optional,
        old_optional,
        in_annotated,
        quoted,
        unresolvable,
        of_starlette,
        of_lilya,
        generic,
        mapping,
        anything,
        some_object,
    ],
)
def test_n16_connections_of_any_type_are_seen(target: Any) -> None:
    requires("read")(target)


async def test_n16_the_signature_stays() -> None:
    async def handler(ws: WebSocket, room: str, n: "int" = 5, *, token: Annotated[str, "header"] = "") -> None:
        """Say hello."""

    guarded = requires("read")(handler)
    assert inspect.signature(guarded) == inspect.signature(handler)
    assert typing.get_type_hints(guarded, include_extras=True) == typing.get_type_hints(handler, include_extras=True)
    assert inspect.iscoroutinefunction(guarded)
    assert (guarded.__name__, guarded.__doc__) == ("handler", "Say hello.")
    assert list(inspect.signature(requires("read")(partial(with_option, 1))).parameters) == ["ws"]
    assert list(inspect.signature(requires("read")(CallableHandler())).parameters) == ["ws"]


async def test_a_refused_connection_is_freed_without_the_garbage_collector() -> None:
    @requires("write")
    def plain(websocket: WebSocket) -> None: ...

    websockets = [websocket_of("ann"), websocket_of("ann")]
    held = [weakref.ref(websocket) for websocket in websockets]
    gc.disable()
    try:
        with suppress(HTTPException):
            await annotated("lobby", websockets[0])
        with suppress(HTTPException):
            plain(websockets[1])
        websockets.clear()
        assert [reference() for reference in held] == [None, None]
    finally:
        gc.enable()
