"""What the apps share: ASGI's types, paths, and reports to the test."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import anyio

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SETTLE = "/settle"
HANGS = "hangs"
HANG_TIME = 2.0  # seconds after which a call is taken to hang


def query(scope: Scope) -> dict[str, str]:
    """Return the query parameters, the last value of each."""
    values = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return {name: all_values[-1] for name, all_values in values.items()}


def report(scope: Scope, under: str = "id", **facts: Any) -> None:
    """Tell the test what happened, under the id that it gave as this query parameter (see ServerProcess.report)."""
    print("REPORT " + json.dumps({"id": query(scope).get(under, ""), **facts}, default=jsonable), flush=True)


def jsonable(value: object) -> object:
    """Return what JSON can hold for a value that it cannot."""
    return value.decode("latin-1") if isinstance(value, bytes) else repr(value)


async def outcome(call: Awaitable[object]) -> object:
    """Return what a call returns, the class names and text of what it raises, or `HANGS`."""
    with anyio.move_on_after(HANG_TIME):
        try:
            return await call
        except Exception as error:
            return {"raised": [ancestor.__name__ for ancestor in type(error).__mro__], "text": str(error)}
    return HANGS


async def accept(receive: Receive, send: Send, **more: Any) -> None:
    """Take websocket.connect and accept."""
    event = await receive()
    assert event["type"] == "websocket.connect", event
    await send({"type": "websocket.accept", **more})


async def until_disconnect(receive: Receive) -> Message:
    """Take messages up to the disconnect event, and return that."""
    while (event := await receive())["type"] == "websocket.receive":
        pass
    return event


def by_path(apps: Mapping[str, App], lifespan: App) -> App:
    """Return one app that hands each connection to the app of its path, so that one process serves many tests."""
    all_apps = {**apps, SETTLE: settle}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = lifespan if scope["type"] == "lifespan" else all_apps[scope["path"]]
        await chosen(scope, receive, send)

    return app


async def settle(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept and close: when that is in the log, all that went before is there too."""
    await accept(receive, send)
    await send({"type": "websocket.close"})


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Put something into the state at startup."""
    assert (await receive())["type"] == "lifespan.startup"
    scope.get("state", {}).update(started=True, shared=[])
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    await send({"type": "lifespan.shutdown.complete"})
