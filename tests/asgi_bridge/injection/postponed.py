"""Handlers and factories whose annotations are evaluated when they are declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from wsserve.asgi_bridge.injection.markers import AsyncResource, Header, Ignore, use
from wsserve.asgi_bridge.websocket import WebSocket

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass
class Page:
    number: int
    token: Annotated[str, Header("x-token")]


class Counter:
    def __init__(self, start: int) -> None:
        self.start = start


async def opened(ws: Ignore[WebSocket]) -> Ignore[AsyncResource[WebSocket]]:
    yield ws


async def handler(
    ws: Annotated[WebSocket, use(opened)],
    page: Annotated[Page, use(Page)],
    counter: Annotated[Counter, use(Counter)],
    room: str,
) -> tuple[Any, ...]:
    return type(ws), page, counter.start, room


async def lost(price: Decimal) -> None: ...
