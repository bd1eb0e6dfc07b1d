"""Values of any request: nothing that a client sends raises anything but `InvalidRequestError`."""

from typing import Annotated, Any, Literal
from uuid import UUID

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.asgi_bridge.injection.calling import call, faults, server
from wsserve.asgi_bridge.injection.faults import InvalidRequestError
from wsserve.asgi_bridge.injection.markers import Cookie, Header, Query, use
from wsserve.asgi_bridge.injection.plan import compile_handler

pytestmark = pytest.mark.anyio


async def test_of_several_values_a_scalar_is_the_first_as_in_query_params() -> None:
    async def handler(n: int, x: Annotated[str, Header], c: Annotated[int, Cookie]) -> tuple[object, ...]:
        return n, x, c

    headers = [(b"x", b"a"), (b"x", b"b"), (b"cookie", b"c=1; c=2"), (b"cookie", b"c=3")]
    assert await call(handler, query=b"n=1&n=x", headers=headers) == (1, "a", 1)
    assert await faults(handler, query=b"n=x&n=1", headers=headers) == ["query 'n': expected int"]


async def test_h6_trap_all_faults_of_the_whole_tree_are_reported_before_any_factory_runs() -> None:
    called = []

    def inner(depth: int) -> int:
        called.append("inner")
        return depth

    async def factory(token: Annotated[str, Header("x-token")], value: Annotated[int, use(inner)]) -> int:
        called.append("factory")
        return value

    async def handler(n: int, made: Annotated[int, use(factory)], again: Annotated[int, use(factory)]) -> None:
        called.append("handler")

    assert await faults(handler, query=b"n=secret") == [
        "query 'n': expected int",
        "header 'x-token': required, but missing",
        "query 'depth': required, but missing",
    ]
    assert called == []


@pytest.mark.parametrize("value", ["9" * 5000, "\ud800", "nan", "", "\x00", "1e999999999", "٣", "-", "0x10", "1_000"])
async def test_h5_trap_hostile_path_values_are_faults(value: str) -> None:
    async def handler(n: int, other: UUID) -> None: ...

    found = await faults(handler, path={"n": value, "other": value})
    assert [fault.split(":")[0] for fault in found] == ["path 'n'", "path 'other'"]


async def test_a_path_value_that_the_scope_does_not_have_is_missing() -> None:
    async def handler(room: str) -> None: ...

    plan = compile_handler(handler, ["room"])
    with pytest.raises(InvalidRequestError, match="path 'room': required, but missing"):
        plan.call(server().websocket())


async def everything(
    a: int,
    b: list[UUID],
    c: Annotated[float, msgspec.Meta(le=5)],
    d: Annotated[Literal["x", "y"], Header],
    e: Annotated[set[int], Header],
    f: Annotated[bool | None, Cookie],
    g: Annotated[bytes, Query("%")],
    h: Annotated[str, Header("cookie")],
) -> str:
    return "fine"


PLAN = compile_handler(everything, [])
NAMES = st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f", b"%25", b"cookie"])
QUERIES = st.one_of(
    st.binary(max_size=50),
    st.lists(st.tuples(NAMES, st.binary(max_size=20)), max_size=10).map(
        lambda pairs: b"&".join(name + b"=" + value for name, value in pairs)
    ),
)
COOKIES = st.tuples(st.just(b"cookie"), st.binary(max_size=20).map(lambda value: b"f=" + value))
HEADERS = st.lists(st.one_of(st.tuples(NAMES, st.binary(max_size=20)), COOKIES), max_size=10)


@given(QUERIES, HEADERS)
def test_h6_trap_any_bytes_in_query_headers_and_cookies_raise_nothing_but_the_error_for_it(
    query: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    async def main() -> list[Any]:
        try:
            return [await PLAN.call(server(query=query, headers=headers).websocket())]
        except InvalidRequestError as error:
            return list(error.faults)

    assert anyio.run(main)
