"""What proxies say about the client."""

from collections.abc import Sequence
from typing import Any

import pytest

from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.server.errors import ConfigError
from wsserve.server.proxy_headers import ProxyHeadersMiddleware

pytestmark = pytest.mark.anyio

PROXY = ("127.0.0.1", 5000)


async def corrected(
    *forwarded_for: str,
    proto: Sequence[str] = (),
    trusted: str | Sequence[str] = "127.0.0.1",
    client: tuple[str, int] | None = PROXY,
    server: Any = ("127.0.0.1", 8000),
    kind: str = "websocket",
) -> tuple[Any, str]:
    """Return the client and scheme that the application sees."""
    scope: Scope = {
        "type": kind,
        "scheme": "ws" if kind == "websocket" else "http",
        "client": client,
        "server": server,
        "headers": [
            (b"host", b"example.org"),
            *((b"x-forwarded-for", value.encode("latin-1")) for value in forwarded_for),
            *((b"x-forwarded-proto", value.encode("latin-1")) for value in proto),
        ],
    }
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: object) -> Any:
        raise AssertionError

    await ProxyHeadersMiddleware(app, trusted)(scope, nothing, nothing)
    assert seen[0] is scope  # whoever made the scope sees the client too
    return scope["client"], scope["scheme"]


@pytest.mark.parametrize(
    ("kind", "proto", "scheme"),
    [
        ("websocket", ["https"], "wss"),
        ("websocket", ["wss"], "wss"),
        ("websocket", ["http"], "ws"),
        ("websocket", ["ws"], "ws"),
        ("http", ["https"], "https"),
        ("http", ["wss"], "https"),
        ("http", ["http"], "http"),
        ("http", [" HTTPS "], "https"),
        ("websocket", ["gopher"], "ws"),
        ("websocket", [""], "ws"),
        ("websocket", ["\xff\n"], "ws"),
        ("websocket", ["http, https"], "wss"),
        ("websocket", ["https", "http"], "ws"),
        ("websocket", [], "ws"),
    ],
)
async def test_the_scheme_is_the_last_one_given(kind: str, proto: list[str], scheme: str) -> None:
    assert (await corrected(proto=proto, kind=kind))[1] == scheme


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ([], PROXY),
        ([""], PROXY),
        ([", ,"], PROXY),
        (["203.0.113.7"], ("203.0.113.7", 0)),
        (["203.0.113.7:1234"], ("203.0.113.7", 1234)),
        (["2001:db8::1"], ("2001:db8::1", 0)),
        (["[2001:db8::1]"], ("2001:db8::1", 0)),
        (["[2001:db8::1]:1234"], ("2001:db8::1", 1234)),
        (["::ffff:203.0.113.7"], ("203.0.113.7", 0)),
        (["198.51.100.1, 203.0.113.7"], ("203.0.113.7", 0)),
        (["198.51.100.1", "203.0.113.7"], ("203.0.113.7", 0)),
        (["198.51.100.1", "203.0.113.7, 127.0.0.1"], ("203.0.113.7", 0)),
        (["203.0.113.7,"], ("203.0.113.7", 0)),
        (["127.0.0.1"], ("127.0.0.1", 0)),
        (["unknown"], PROXY),
        (["203.0.113.7, unknown"], PROXY),
        (["203.0.113.7, unknown, 127.0.0.1:9"], ("127.0.0.1", 9)),
        (["203.0.113.7:"], PROXY),
        (["203.0.113.7:x"], PROXY),
        (["203.0.113.7:65536"], PROXY),
        (["203.0.113.7:" + "1" * 5000], PROXY),
        (["203.0.113.7:\xb2"], PROXY),
        (["[2001:db8::1"], PROXY),
        (["[2001:db8::1]x"], PROXY),
        (["[2001:db8::1]:"], PROXY),
        (["fe80::1%\x1b[2J"], PROXY),
        (["203.0.113.7\r\nx"], PROXY),
        (["999.1.1.1"], PROXY),
    ],
)
async def test_the_last_untrusted_hop_is_the_client(forwarded_for: list[str], client: tuple[str, int]) -> None:
    assert (await corrected(*forwarded_for))[0] == client


@pytest.mark.parametrize(
    ("trusted", "client", "server", "believed"),
    [
        ("127.0.0.1", ("127.0.0.1", 1), None, True),
        ("127.0.0.1", ("127.0.0.2", 1), None, False),
        ("127.0.0.1", ("::ffff:127.0.0.1", 1), None, True),
        ("127.0.0.1, ::1", ("::1", 1), None, True),
        ("::1", ("0:0:0:0:0:0:0:1", 1), None, True),
        (["10.0.0.0/8", "2001:db8::/32"], ("10.9.8.7", 1), None, True),
        (["10.0.0.0/8", "2001:db8::/32"], ("2001:db8::5", 1), None, True),
        ("10.0.0.0/8", ("11.0.0.1", 1), None, False),
        ("*", ("192.0.2.1", 1), None, True),
        ("*", None, ("/run/app.sock", None), True),
        ("unix", None, ("/run/app.sock", None), True),
        ("127.0.0.1,unix", None, ("/run/app.sock", None), True),
        ("127.0.0.1", None, ("/run/app.sock", None), False),
        ("unix", None, ("127.0.0.1", 8000), False),
        ("unix", None, None, False),
        ("unix", ("127.0.0.1", 1), ("127.0.0.1", 8000), False),
        ("", ("127.0.0.1", 1), None, False),
        ("127.0.0.1", ("not an address", 1), None, False),
    ],
)
async def test_only_trusted_peers_are_believed(trusted: Any, client: Any, server: Any, believed: bool) -> None:
    seen = await corrected("203.0.113.7", proto=["https"], trusted=trusted, client=client, server=server)
    assert seen == ((("203.0.113.7", 0), "wss") if believed else (client, "ws"))


async def test_when_everyone_is_trusted_the_first_hop_is_the_client() -> None:
    assert (await corrected("203.0.113.7, 198.51.100.1", trusted="*"))[0] == ("203.0.113.7", 0)


async def test_other_scopes_pass_untouched() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: object) -> Any:
        raise AssertionError

    await ProxyHeadersMiddleware(app, "*")({"type": "lifespan"}, nothing, nothing)
    assert seen == [{"type": "lifespan"}]


@pytest.mark.parametrize(
    ("trusted", "message"),
    [
        ("localhost", "forwarded_allow_ips has 'localhost', which is no address, network, unix or *"),
        (
            "10.0.0.1/8",
            "forwarded_allow_ips has '10.0.0.1/8', which is no address, network, unix or *"
            " (10.0.0.1/8 has host bits set)",
        ),
    ],
)
async def test_a_wrong_proxy_is_said(trusted: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await corrected(trusted=trusted)
    assert str(caught.value) == message
