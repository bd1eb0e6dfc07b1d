"""U16: the Origin of a handshake, over the wire on every event loop."""

import pytest

from tests.end_to_end.raw_client import upgrade_head
from tests.server.live import accept, get, live, respond
from wsserve.asgi_bridge.origin import OriginMiddleware
from wsserve.asgi_bridge.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio

SITE = ["https://App.example.com/"]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await accept(receive, send)
    else:
        await respond(send, b"page")


@pytest.mark.parametrize(
    ("allowed", "headers", "status"),
    [
        (None, [], 101),
        (None, ["Origin: http://{host}"], 101),
        (None, ["Origin: https://{HOST}"], 101),
        (None, ["Origin: https://evil.example"], 403),
        (None, ["Origin: null"], 403),
        (None, ["Origin: http://{host}.evil.example"], 403),
        (None, ["Origin: http://{host}", "Origin: http://{host}"], 403),
        (SITE, ["Origin: https://app.example.com"], 101),
        (SITE, ["Origin: http://{host}"], 403),
        ([], [], 101),
    ],
)
async def test_u16_an_origin_that_is_not_allowed_gets_403(
    allowed: list[str] | None, headers: list[str], status: int
) -> None:
    request = upgrade_head("/")
    host = next(line.partition(b":")[2].strip().decode() for line in request.split(b"\r\n") if b"host:" in line.lower())
    lines = "".join(f"{line.format(host=host, HOST=host.upper())}\r\n" for line in headers).encode()
    async with live(OriginMiddleware(app, allowed), lifespan="off") as server, server.peer() as peer:
        await peer.send(request[:-2] + lines + b"\r\n")
        assert (await peer.response()).status == status


async def test_u16_plain_requests_pass() -> None:
    async with live(OriginMiddleware(app), lifespan="off") as server, server.peer() as peer:
        await peer.send(get("/", "Origin: https://evil.example"))
        assert (await peer.response()).body == b"page"
