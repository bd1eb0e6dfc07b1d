"""Where the parameters of handlers and factories get their values, and everything that can be wrong with them."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Annotated, Any, TypedDict, cast
from uuid import UUID

import fastapi
import ididi
import lilya.dependencies
import msgspec
import pydantic
import pytest
from typing_extensions import TypeAliasType

from tests.asgi_bridge.injection import postponed
from tests.asgi_bridge.injection.calling import call, faults, mistakes, server, without_annotations
from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.exceptions import RouteDeclarationError
from wsserve.asgi_bridge.injection.markers import Cookie, Header, Ignore, Path, Provides, Query, use
from wsserve.asgi_bridge.injection.plan import compile_handler
from wsserve.asgi_bridge.request import Request
from wsserve.asgi_bridge.websocket import WebSocket

pytestmark = pytest.mark.anyio

Token = Annotated[str, Header("x-token")]
Shout = TypeAliasType("Shout", Annotated[str, Query("SHOUT")])


class Service:
    pass


class Message(msgspec.Struct):
    text: str


@dataclass
class Data:
    text: str


class Typed(TypedDict):
    text: str


# Where values come from


async def test_h5_path_parameters_are_found_by_name() -> None:
    async def handler(session_id: UUID, number: int, raw: Annotated[str, Path("number")]) -> tuple[object, ...]:
        return session_id, number, raw

    session_id = UUID(int=5)
    assert await call(handler, {"session_id": session_id, "number": 7}) == (session_id, 7, "7")
    assert await call(handler, {"session_id": str(session_id), "number": "7"}) == (session_id, 7, "7")


async def test_n2_trap_a_handler_with_an_unannotated_path_parameter_gets_its_text() -> None:
    @without_annotations
    async def handler(websocket: Any, room: Any) -> Any:
        return type(websocket), room

    assert await call(handler, {"room": "lobby"}) == (WebSocket, "lobby")


async def test_h5_a_path_value_may_be_of_a_transformers_own_type_and_a_list_of_one() -> None:
    async def handler(service: Service, numbers: list[int]) -> tuple[object, ...]:
        return service, numbers

    service = Service()
    assert await call(handler, {"service": service, "numbers": "5"}) == (service, [5])
    assert await faults(handler, path={"service": "x", "numbers": "y"}) == [
        "path 'service': expected Service",
        "path 'numbers': expected int - at $[0]",
    ]


async def test_h6_query_parameters_are_everything_else() -> None:
    async def handler(
        max_users: int, names: list[str], ids: set[int] | None = None, sort: str | None = "up", first: int = 5
    ) -> tuple[object, ...]:
        return max_users, names, ids, sort, first

    assert await call(handler, query=b"max_users=5&names=a&names=b") == (5, ["a", "b"], None, "up", 5)
    query = b"max_users=5.0&max_users=x&names=&ids=1&ids=2&ids=1&sort=null&first=6"
    assert await call(handler, query=query) == (5, [""], {1, 2}, "null", 6)


async def test_h6_a_default_is_for_what_is_absent_and_optional_is_required() -> None:
    async def handler(number: int = 5, other: int | None = None, *, must: int | None) -> None: ...

    assert await faults(handler, query=b"number=&other=") == [
        "query 'number': expected int",
        "query 'other': expected int | null",
        "query 'must': required, but missing",
    ]


async def test_h7_headers_and_cookies_by_name_and_alias() -> None:
    async def handler(
        x_request_id: Annotated[int, Header],
        token: Token,
        accept: Annotated[list[str], Header("accept")],
        session: Annotated[str, Cookie()],
        other: Annotated[list[int], Cookie("n")],
        shout: Shout,
        page: Annotated[int, msgspec.Meta(gt=0), Query("p")],
        late: Token | None = None,
    ) -> tuple[object, ...]:
        return x_request_id, token, accept, session, other, shout, page, late

    headers = [
        (b"x-request-id", b"7"),
        (b"X-Token", b"secret"),
        (b"accept", b"a"),
        (b"accept", b"b"),
        (b"cookie", b"session=abc; n=5"),
    ]
    assert await call(handler, query=b"SHOUT=yes&p=2", headers=headers) == (
        7,
        "secret",
        ["a", "b"],
        "abc",
        [5],
        "yes",
        2,
        "secret",
    )


async def test_h7_trap_missing_cookies_and_headers_are_faults() -> None:
    async def handler(x_token: Annotated[str, Header()], session: Annotated[str, Cookie]) -> None: ...

    expected = ["header 'x-token': required, but missing", "cookie 'session': required, but missing"]
    assert await faults(handler) == expected
    assert await faults(handler, headers=[(b"cookie", b"other=1")]) == expected


async def test_h8_the_connection_by_type_base_optional_or_as_the_first_without_annotation() -> None:
    async def handler(ws: WebSocket, maybe: WebSocket | None, data: ConnectionData, same: Ignore[WebSocket]) -> bool:
        return type(ws) is WebSocket and ws is maybe is data is same

    async def first(anything: Any) -> Any:
        return type(anything)

    assert await call(handler) is True
    assert await call(without_annotations(first)) is WebSocket


async def test_h8_an_http_request_is_the_connection_of_a_plan_for_requests() -> None:
    async def handler(request: Request, data: ConnectionData, n: int) -> object:
        return request is data, n

    async def asking(ws: WebSocket, body: Data) -> None: ...

    plan = compile_handler(handler, [], connection_type=Request)

    async def receive() -> Any: ...

    request = Request({"type": "http", "query_string": b"n=5", "headers": []}, receive)
    assert await plan.call(request) == (True, 5)
    assert mistakes(asking, connection_type=Request) == [
        "parameter 'ws' of test_h8_an_http_request_is_the_connection_of_a_plan_for_requests.<locals>.asking() asks for"
        " WebSocket, which nothing provides and no text of the request can become (the connection is a Request):"
        " annotate it with use(factory)",
        "parameter 'body' of test_h8_an_http_request_is_the_connection_of_a_plan_for_requests.<locals>.asking() asks"
        " for Data, as from a body, which is not injected: annotate it with use(factory)",
    ]


async def test_annotations_may_be_postponed() -> None:
    result = await call(postponed.handler, {"room": "a"}, b"number=5&start=7", [(b"x-token", b"t")])
    assert result == (WebSocket, postponed.Page(5, "t"), 7, "a")


async def test_arguments_of_a_partial_are_not_the_clients() -> None:
    async def handler(ws: WebSocket, role: str, room: str, limit: int = 3) -> tuple[object, ...]:
        return type(ws), role, room, limit

    bound = partial(partial(handler, role="guest"), limit=5)
    assert await call(bound, query=b"role=admin&room=a&limit=9") == (WebSocket, "guest", "a", 5)


async def test_positional_only_parameters_and_decorated_handlers() -> None:
    async def handler(ws: WebSocket, /, n: int, *, m: int = 2) -> tuple[int, int]:
        return n, m

    @wraps(handler)
    async def decorated(*args: Any, **kwargs: Any) -> Any:
        return await handler(*args, **kwargs)

    assert await call(decorated, query=b"n=1") == (1, 2)


# What is wrong


async def test_a_mistake_names_the_file_and_line_of_its_function() -> None:
    async def handler(body: Data) -> None: ...

    plan = compile_handler(handler, [])
    (mistake,) = plan.mistakes
    assert (mistake.file, mistake.line) == (__file__, handler.__code__.co_firstlineno)
    with pytest.raises(RouteDeclarationError) as caught:
        plan.call(server().websocket())
    assert caught.value.mistakes == [mistake]


def test_h4_a_handler_is_an_async_function() -> None:
    def sync(ws: WebSocket) -> None: ...

    async def generator(ws: WebSocket) -> AsyncIterator[int]:
        yield 5

    name = "test_h4_a_handler_is_an_async_function.<locals>."
    assert mistakes(sync) == [f"the handler {name}sync() is not async: declare it with `async def`"]
    assert mistakes(partial(sync)) == mistakes(sync)
    assert mistakes(generator) == [f"the handler {name}generator() is an async generator: it must not have a `yield`"]
    assert mistakes(Service) == ["the handler Service is a class: a handler is an async function"]
    assert mistakes(5) == ["5 is no function: it cannot be called"]  # type: ignore[arg-type]  # that is the mistake


def test_h4_trap_async_objects_and_partials_are_handlers() -> None:
    class Handler:
        async def __call__(self, ws: WebSocket) -> None: ...

        async def method(self, ws: WebSocket) -> None: ...

    assert mistakes(Handler()) == mistakes(Handler().method) == mistakes(partial(Handler().method)) == []


def wrong(annotation: Any, *path_names: str, default: Any = None, name: str = "x", **options: Any) -> str:
    """Return what is wrong with a handler's parameter of this annotation."""

    async def handler(ws: WebSocket, x: Any) -> None: ...

    async def with_default(ws: WebSocket, x: Any = default) -> None: ...

    function = handler if default is None else with_default
    function.__annotations__["x"] = annotation
    (text,) = mistakes(function, *path_names, **options)
    start = f"parameter 'x' of wrong.<locals>.{function.__name__}() "
    assert text.startswith(start)
    return text.removeprefix(start)


@pytest.mark.parametrize("annotation", [Message, Data, Typed, Message | None])
def test_h9_a_body_is_a_mistake_that_says_what_to_do(annotation: Any) -> None:
    text = wrong(annotation)
    assert "a WebSocket has no body: use `await websocket.receive_json(type=" in text


def test_h9_the_types_of_a_body_are_named() -> None:
    assert "asks for dict[str, int]," in wrong(dict[str, int])
    assert "asks for Mapping[str, int]," in wrong(Mapping[str, int]).replace("collections.abc.", "")


def test_what_nothing_provides_is_a_mistake() -> None:
    expected = (
        "asks for Service, which nothing provides and no text of the request can become (the connection is a"
        " WebSocket): annotate it with use(factory)"
    )
    assert wrong(Service) == wrong(Ignore[Service]) == expected
    assert wrong(Request).startswith("asks for Request, which nothing provides")
    assert wrong(Service | None).startswith("asks for Service or None, which nothing provides")
    assert wrong(list[list[int]]).startswith("asks for list[list[int]], which nothing provides")


def test_a_websocket_of_another_framework_is_named_in_full() -> None:
    foreign = type("WebSocket", (), {"__module__": "elsewhere.websockets"})
    assert wrong(foreign) == (
        "asks for elsewhere.websockets.WebSocket, which is another framework's: write `from wsserve import WebSocket`"
    )


def test_a_marked_type_must_fit_its_marker() -> None:
    assert wrong(Annotated[Service, Query()]) == "is Query(), from which no Service can be made"
    assert wrong(Annotated[Data, Header("x-data")]) == "is Header('x-data'), from which no Data can be made"
    assert wrong(str | UUID).startswith("has a type that no value can be converted to: Type unions may not contain")


def test_h5_a_path_parameter_must_be_in_the_path_and_has_no_default() -> None:
    assert wrong(Annotated[str, Path()], "room").startswith("is Path('x'), but the route's path has no parameter 'x' (")
    expected = "is in the route's path, where it always has a value: remove its default"
    assert wrong(str, "x", default="a") == expected
    assert wrong(Annotated[str, Path("room")], "room", default="a") == expected


def test_an_annotation_must_be_resolvable() -> None:
    assert wrong("Nowhere") == (
        "has the annotation 'Nowhere', which cannot be resolved: name 'Nowhere' is not defined (it is looked up in its"
        " module, when the route is declared)"
    )
    assert "cannot be resolved" in wrong("int[")
    (text,) = mistakes(postponed.lost)
    assert text.startswith("parameter 'price' of lost() has the annotation 'Decimal', which cannot be resolved")


def test_markers_are_one_and_in_the_annotation() -> None:
    assert wrong(Annotated[Token, Query]) == "is marked as Header('x-token') and as Query(): leave one of them"
    assert wrong(Token, default=Provides()) == "is marked as Header('x-token') and as Provides(): leave one of them"
    assert (
        wrong(str, default=Header("a")) == "has Header('a') as its default: write Annotated[..., Header('a')] instead"
    )
    assert wrong(str, default=use(int)).startswith("has use(<class 'int'>, reuse=False) as its default: write")


def allowed() -> str:
    return "allowed"


@pytest.mark.parametrize(
    ("annotation", "default", "named"),
    [
        (Annotated[str, fastapi.Depends(allowed)], ..., "a Depends of fastapi"),
        (Annotated[str, fastapi.Depends(allowed)] | None, None, "a Depends of fastapi"),
        (str, fastapi.Depends(allowed), "a Depends of fastapi"),
        (int, fastapi.Query(1, le=5), "a Query of fastapi"),
        (Annotated[str, ididi.use(cast("Any", allowed))], ..., "a NodeMeta of ididi"),
        (Annotated[int, pydantic.Field(le=5)], ..., "a FieldInfo of pydantic"),
        (str, lilya.dependencies.Provides(), "a Provides of lilya"),
    ],
)
def test_a_marker_of_another_framework_never_makes_a_value_the_clients(
    annotation: Any, default: Any, named: str
) -> None:
    async def handler(user: Any) -> None: ...

    handler.__annotations__["user"] = annotation
    handler.__defaults__ = None if default is ... else (default,)
    [mistake] = mistakes(handler)
    assert f"parameter 'user' of {handler.__qualname__}() has {named}, which means nothing here: take use, " in mistake


def test_a_factory_must_be_callable() -> None:
    factory: Any = 5
    assert wrong(Annotated[int, use(factory)]) == "has use(5), which is no factory: it cannot be called"


def test_a_context_manager_is_no_factory() -> None:
    @asynccontextmanager
    async def session() -> AsyncIterator[int]:
        yield 1

    @contextmanager
    def plain() -> Iterator[int]:
        yield 1

    @plain()
    def timed() -> int:
        return 1

    for factory in (session, plain):
        assert wrong(Annotated[int, use(factory)]) == (
            f"would get the context manager itself from use({factory.__qualname__}): take @asynccontextmanager or"
            " @contextmanager off, use() takes the generator function"
        )

    async def handler(
        number: Annotated[int, use(timed)],
        manager: Annotated[AbstractAsyncContextManager[int], use(session)],
        other: Annotated[AbstractContextManager[int] | None, use(plain)],
    ) -> None: ...

    assert mistakes(handler) == []


def test_a_marker_is_no_annotation() -> None:
    for marker in (Header("x-token"), use(len)):
        assert (
            wrong(marker)
            == f"has {marker!r} for its annotation: write Annotated[..., {marker!r}], with the value's type"
        )
    assert wrong(Header).startswith("has Header() for its annotation: ")


def test_a_function_is_no_marker() -> None:
    assert wrong(Annotated[str, wrong]) == (
        "has the function wrong() in its annotation, which means nothing there: write use(factory)"
    )
    assert wrong(Annotated[str, use]).startswith("has the function use() in its annotation")


def test_parameters_without_a_name_or_a_type_are_mistakes() -> None:
    async def handler(first: Any, second: Any, *args: Any, **kwargs: Any) -> None: ...

    async def with_default(first: Any = None) -> None: ...

    (text,) = mistakes(without_annotations(with_default))
    assert "parameter 'first'" in text
    assert "has no annotation" in text

    name = "test_parameters_without_a_name_or_a_type_are_mistakes.<locals>.handler()"
    assert mistakes(without_annotations(handler)) == [
        f"parameter 'second' of {name} has no annotation: annotate it with the type of its value, or give it the"
        " default Provides() when an Include or the Router declares a dependency of its name",
        f"parameter '*args' of {name} has no name to find a value by: declare the parameters (a decorator uses"
        " functools.wraps)",
        f"parameter '**kwargs' of {name} has no name to find a value by: declare the parameters (a decorator uses"
        " functools.wraps)",
    ]


def test_a_factory_without_a_readable_signature_is_a_mistake() -> None:
    async def handler(x: Annotated[Any, use(type)]) -> None: ...

    (text,) = mistakes(handler)
    assert text.startswith("the parameters of type() cannot be read: no signature found")


def test_the_mistakes_of_a_factory_are_reported_with_its_place_and_once() -> None:
    def factory(body: Data) -> int:
        return 5

    async def handler(
        a: Annotated[int, use(factory)], b: Annotated[int, use(factory)], c: Service, room: str = "x"
    ) -> None: ...

    found = compile_handler(handler, ["room"]).mistakes
    name = "test_the_mistakes_of_a_factory_are_reported_with_its_place_and_once.<locals>."
    assert [(mistake.text.split(" asks")[0], mistake.line) for mistake in found] == [
        (f"parameter 'c' of {name}handler()", handler.__code__.co_firstlineno),
        (
            f"parameter 'room' of {name}handler() is in the route's path, where it always has a value: remove its"
            " default",
            handler.__code__.co_firstlineno,
        ),
        (f"parameter 'body' of {name}factory()", factory.__code__.co_firstlineno),
    ]


def test_path_parameters_that_nobody_takes_are_fine() -> None:
    async def handler(ws: WebSocket) -> None: ...

    assert mistakes(handler, "room") == []
