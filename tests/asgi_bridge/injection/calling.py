"""Calling handlers through their plans, on a scripted server."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.asgi_bridge.double import Server
from wsserve.asgi_bridge.injection.faults import InvalidRequestError
from wsserve.asgi_bridge.injection.plan import compile_handler

Pairs = list[tuple[bytes, bytes]]


def server(
    path: Mapping[str, Any] | None = None, query: bytes = b"", headers: Pairs | None = None, **scope: Any
) -> Server:
    return Server(path_params=dict(path or {}), query_string=query, headers=headers or [], **scope)


async def call(
    handler: Callable[..., Any],
    path: Mapping[str, Any] | None = None,
    query: bytes = b"",
    headers: Pairs | None = None,
    dependencies: Mapping[str, Any] | None = None,
    **scope: Any,
) -> Any:
    plan = compile_handler(handler, list(path or ()), dependencies=dependencies or {})
    assert plan.mistakes == []
    return await plan.call(server(path, query, headers, **scope).websocket())


async def faults(handler: Callable[..., Any], **request: Any) -> list[str]:
    """Return the faults that a call reports; there must be some."""
    try:
        result = await call(handler, **request)
    except InvalidRequestError as error:
        return [str(fault) for fault in error.faults]
    raise AssertionError(f"no fault, but {result!r}")


def mistakes(handler: Callable[..., Any], *path_names: str, **options: Any) -> list[str]:
    return [mistake.text for mistake in compile_handler(handler, path_names, **options).mistakes]


def without_annotations(function: Callable[..., Any]) -> Callable[..., Any]:
    function.__annotations__.clear()
    return function
