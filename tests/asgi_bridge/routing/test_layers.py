"""What stands around an application."""

import gc
import weakref
from contextlib import suppress
from typing import Any

import pytest
from starlette.middleware import Middleware as ForeignMiddleware

from tests.asgi_bridge.double import Server, websocket_scope
from wsserve.asgi_bridge.exceptions import HTTPException, WebSocketDisconnect
from wsserve.asgi_bridge.http_response import Response
from wsserve.asgi_bridge.middleware.options import Middleware
from wsserve.asgi_bridge.request import Request
from wsserve.asgi_bridge.routing.layers import layered, read_layers
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio


class Note:
    """A middleware, or a permission, that notes when it is entered."""

    def __init__(self, app: ASGIApp, name: str = "plain") -> None:
        self.app = app
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["notes"].append(self.name)
        await self.app(scope, receive, send)


def around(name: str) -> Any:
    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        scope["notes"].append(name)

    return call


def ending(error: Exception | None = None) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["notes"].append("app")
        if error is not None:
            raise error

    return app


async def run(app: ASGIApp, server: Server) -> list[str]:
    notes: list[str] = []
    server.scope["notes"] = notes
    await app(server.scope, server.receive, server.send)
    return notes


async def test_without_layers_the_application_stays_as_it_is() -> None:
    app = ending()
    assert layered(app) is app


async def test_n10_n11_n12_h22_order_of_layers() -> None:
    app = layered(
        ending(),
        middleware=[Note, Middleware(Note, name="second")],
        permissions=[Note],
        before=[around("before"), around("just before")],
        after=[around("after")],
    )
    assert await run(app, Server()) == ["plain", "second", "plain", "before", "just before", "app", "after"]


async def test_n12_nothing_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        await run(layered(ending(ZeroDivisionError()), after=[around("after")]), server := Server())
    assert server.scope["notes"] == ["app"]


@pytest.mark.parametrize(
    ("error", "handled"),
    [
        (ZeroDivisionError(), "ArithmeticError"),
        (KeyError(), "Exception"),
        (HTTPException(404), "404"),
        (HTTPException(400), "HTTPException"),
        (ExceptionGroup("", [WebSocketDisconnect(), ZeroDivisionError()]), "ArithmeticError"),
        (WebSocketDisconnect(1001), "Exception"),
    ],
    ids=ascii,
)
async def test_n9_exception_handlers_by_type_and_status(error: Exception, handled: str) -> None:
    seen = []

    def handler(name: str) -> Any:
        async def handle(websocket: WebSocket, caught: Exception) -> None:
            assert isinstance(websocket, WebSocket)
            seen.append((name, caught))

        return handle

    handlers = {
        ArithmeticError: handler("ArithmeticError"),
        HTTPException: handler("HTTPException"),
        404: handler("404"),
        Exception: handler("Exception"),
    }
    await run(layered(ending(error), exception_handlers=handlers), Server())
    cause = error.exceptions[1] if isinstance(error, ExceptionGroup) else error
    assert seen == [(handled, cause)]


async def test_n9_a_plain_function_handles_too_and_others_go_on() -> None:
    seen = []
    handlers = {KeyError: lambda _websocket, error: seen.append(error.args)}
    await run(layered(ending(KeyError("a")), exception_handlers=handlers), Server())
    assert seen == [("a",)]
    with pytest.raises(ZeroDivisionError):
        await run(layered(ending(ZeroDivisionError()), exception_handlers=handlers), Server())


async def test_n9_what_a_handler_raises_goes_to_the_layer_outside() -> None:
    def fail(_websocket: WebSocket, _error: Exception) -> None:
        raise LookupError("from the handler")

    seen = []
    inner = layered(ending(ZeroDivisionError()), exception_handlers={ZeroDivisionError: fail})
    outer = layered(inner, exception_handlers={LookupError: lambda _, error: seen.append(str(error))})
    await run(outer, Server())
    assert seen == ["from the handler"]


async def run_http(app: ASGIApp, kind: str = "http") -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    await app(websocket_scope(type=kind, method="GET", notes=[]), receive, send)
    return sent


async def test_n9_http_handlers_return_the_response() -> None:
    async def handle(request: Request, error: Exception) -> Response:
        return Response(f"{request.method}: {error}", 500)

    start, body = await run_http(layered(ending(KeyError("a")), exception_handlers={KeyError: handle}))
    assert (start["status"], body["body"]) == (500, b"GET: 'a'")


async def test_n9_after_the_response_has_begun_an_error_goes_on() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response("half")(scope, receive, send)
        raise KeyError

    with pytest.raises(KeyError):
        await run_http(layered(app, exception_handlers={KeyError: lambda *_: "again"}))


async def test_n9_the_lifespan_has_no_exception_handlers() -> None:
    with pytest.raises(KeyError):
        await run_http(layered(ending(KeyError()), exception_handlers={KeyError: lambda *_: None}), "lifespan")


def test_what_is_no_class_for_a_layer_is_a_mistake() -> None:
    async def dispatch(request: Any, call_next: Any) -> None: ...

    application: Any = dispatch
    note = Note(application)
    foreign = ForeignMiddleware(Note)
    assert read_layers({"middleware": [note, dispatch, foreign, Middleware(Note)]})[1] == [
        f"middleware has {item!r}, which is async as an application is: give the class that is put around one, with or"
        " without options"
        for item in (note, dispatch)
    ] + [f"middleware has {foreign!r} of starlette.middleware, which cannot be called"]
    assert read_layers({"before": [dispatch]})[1] == []


def test_h22_mistakes() -> None:
    handlers: Any = {404: print, KeyError: print}
    layers, mistakes = read_layers({"middleware": [Note], "permissions": None, "exception_handlers": handlers})
    nothing: dict[str, Any] = {"permissions": (), "before": (), "after": ()}
    assert layers == {"middleware": (Note,), **nothing, "exception_handlers": handlers}
    assert mistakes == []
    handlers = {"404": print, KeyError: None, BaseException: print}
    faulty = {"middleware": [1], "permissions": ["a"], "before": [None], "after": [()], "exception_handlers": handlers}
    assert read_layers(faulty)[1] == [
        "middleware has 1, which cannot be called",
        "permissions has 'a', which cannot be called",
        "before has None, which cannot be called",
        "after has (), which cannot be called",
        "exception_handlers has the key '404', which is neither an Exception class nor a status",
        "exception_handlers has None, which cannot be called",
        "exception_handlers has the key <class 'BaseException'>, which is neither an Exception class nor a status",
    ]


def test_what_is_no_list_of_layers_and_what_is_no_option() -> None:
    faulty = {"before_request": [], "middleware": Note, "permissions": Middleware(Note), "exception_handlers": [print]}
    layers, mistakes = read_layers(faulty)
    assert not any(layers.values())
    assert mistakes == [
        "there is no option 'before_request', only middleware, permissions, before, after, exception_handlers,"
        " dependencies",
        f"middleware is a list, not {Note!r}: write [Note]",
        "permissions is a list, not Middleware(Note): write [Middleware(Note)]",
        "exception_handlers is a dict, not [<built-in function print>]",
    ]


@pytest.mark.parametrize("is_async", [False, True])
async def test_n12_calls_around_are_plain_or_async_and_not_for_the_lifespan(is_async: bool) -> None:
    def plain(scope: Scope, receive: Receive, send: Send) -> None:
        scope["notes"].append("around")

    call = around("around") if is_async else plain
    app = layered(ending(), before=[call], after=[call])
    assert await run(app, Server()) == ["around", "app", "around"]
    assert await run(app, Server(type="lifespan")) == ["app"]


async def test_n9_a_response_for_a_handshake_is_its_denial() -> None:
    def not_found(connection: object, error: Exception) -> Response:
        return Response("nothing", 404)

    server = Server(extensions={"websocket.http.response": {}})
    await run(layered(ending(KeyError()), exception_handlers={KeyError: not_found}), server)
    assert [message.get("status", message.get("body")) for message in server.sent] == [404, b"nothing"]

    async def accepting(scope: Scope, receive: Receive, send: Send) -> None:
        await WebSocket(scope, receive, send).accept()
        raise KeyError

    server = Server()
    with pytest.raises(KeyError):  # which a response after that does not answer
        await run(layered(accepting, exception_handlers={KeyError: not_found}), server)
    assert [message["type"] for message in server.sent] == ["websocket.accept"]


@pytest.mark.parametrize("kind", [ValueError, KeyError], ids=["handled", "not handled"])
async def test_a_failed_connection_is_freed_without_the_garbage_collector(kind: type[Exception]) -> None:
    async def close(websocket: WebSocket, error: Exception) -> None:
        await websocket.close()

    class Receiving:
        async def __call__(self) -> Message:
            return {"type": "websocket.connect"}

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise kind

    receive = Receiving()
    held = weakref.ref(receive)
    gc.disable()
    try:
        server = Server()
        with suppress(KeyError):
            await layered(fails, exception_handlers={ValueError: close})(server.scope, receive, server.send)
        del receive, server
        assert held() is None
    finally:
        gc.enable()
