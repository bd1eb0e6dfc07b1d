"""Routes by host: N5."""

from typing import Any

import pytest

from tests.asgi_bridge.routing.routes import App, Noting, call, status_of, websocket
from wsserve.asgi_bridge.exceptions import NoMatchFound, RouteDeclarationError
from wsserve.asgi_bridge.routing.host import Host, HostPattern
from wsserve.asgi_bridge.routing.router import Router
from wsserve.asgi_bridge.types import Scope

pytestmark = pytest.mark.anyio


def asking(host: str | None, path: str = "/") -> Scope:
    return websocket(path, headers=[(b"x", b"y")] + ([] if host is None else [(b"Host", host.encode("latin-1"))]))


@pytest.mark.parametrize(
    ("declared", "host", "params"),
    [
        ("example.com", "example.com", {}),
        ("EXAMPLE.com.", "example.COM:80", {}),
        ("example.com", "example.com.", {}),
        ("{sub}.example.com", "A.example.com:8000", {"sub": "a"}),
        ("{Sub}.example.com", "a.example.com", {"Sub": "a"}),
        ("{sub}.example.com", "a.b.example.com", None),
        ("{sub:path}.example.com", "a.b.example.com", {"sub": "a.b"}),
        ("{sub}.example.com", "example.com", None),
        ("{sub}.example.com", ".example.com", None),
        ("{sub}.example.com", "a.example.com\n", None),
        ("shard-{n:int}.example.com", "shard-12.example.com", {"n": 12}),
        ("shard-{n:int}.example.com", "shard-x.example.com", None),
        ("[::1]", "[::1]:8000", {}),
        ("[::ffff:192.0.2.1]", "[::FFFF:192.0.2.1]", {}),
        ("{host}", "localhost:80", {"host": "localhost"}),
        ("{host}", "", None),
        ("{host}", None, None),
        ("example.com", "example.org", None),
        ("example.com", "a@example.com", None),
        ("example.com", "example.com:80@evil.com", None),
        ("example.com", "example.com:x", None),
        ("example.com", "example.com:80:80", None),
        ("example.com", "example.com:0", None),
        ("example.com", " example.com", None),
        ("example.com", "example.com, example.org", None),
        ("[::1]", "[0:0::1]", {}),
        ("[0:0:0::1]", "[::1]:80", {}),
        ("[::1]", "[::1", None),
        ("[::1]", "[::1]x", None),
        ("{host}", "[::1]", {"host": "[::1]"}),
        ("{host:path}", "a.example.com:x", None),
        ("{host}", "\xe4", None),
    ],
)
async def test_n5_matching(declared: str, host: str | None, params: dict[str, Any] | None) -> None:
    app = App()
    router = Router([Host(declared, app)])
    assert await status_of(router, asking(host, "/any/path")) == (404 if params is None else None)
    assert [scope["path_params"] for scope in app.served] == ([] if params is None else [params])


async def test_n5_two_hosts_are_none() -> None:
    twice = websocket("/", headers=[(b"host", b"example.com")] * 2)
    assert await status_of(Router([Host("example.com", App())]), twice) == 404
    assert await status_of(Router([Host("example.com", App()), Noting("/")]), twice) is None


async def test_n5_a_host_is_one_route_among_others() -> None:
    app, first, last = App(), Noting("/first"), Noting("/{any}")
    router = Router([first, Host("a.example.com", app), last])
    for host, path in [("a.example.com", "/first"), ("a.example.com", "/other"), ("b.example.com", "/other")]:
        await call(router, asking(host, path))
    assert [len(each.served) for each in (first, app, last)] == [1, 1, 1]
    assert app.served[0]["path"] == "/other"


async def test_n5_values_of_host_and_path_come_together() -> None:
    route = Noting("/{room}")
    await call(Router([Host("{tenant}.example.com", Router([route]))]), asking("a.example.com", "/lobby"))
    assert route.served[0]["path_params"] == {"tenant": "a", "room": "lobby"}


@pytest.mark.parametrize(
    ("name", "params", "url"),
    [
        ("tenant:chat", {"tenant": "a", "room": "x"}, "wss://a.example.com:8443/api/chat/x"),
        ("tenant", {"tenant": "a"}, "https://a.example.com:8443/api/"),
        ("tenant", {"tenant": "a", "path": "/x"}, "https://a.example.com:8443/api/x"),
    ],
)
async def test_n5_path_for(name: str, params: dict[str, Any], url: str) -> None:
    chat = Noting("/chat/{room}", name="chat")
    router = Router([Host("{tenant}.example.com", Router([chat]), name="tenant")])
    assert router.path_for(name, **params).make_absolute_url("wss://example.com:8443/api/") == url


async def test_n5_what_is_no_host_is_no_path_either() -> None:
    router = Router()
    router.host("{tenant}.example.com", Router([Noting("/", name="chat")]))
    assert router.path_for("chat", tenant="a").host == "a.example.com"
    for tenant in ("a b", "", "a/b", "a.b"):
        with pytest.raises(NoMatchFound):
            router.path_for("chat", tenant=tenant)


@pytest.mark.parametrize(
    ("declared", "faults"),
    [
        ("example.com:8000", ["it is no host; a host has neither scheme nor port nor path"]),
        ("https://example.com", ["it is no host; a host has neither scheme nor port nor path"]),
        ("", ["it is no host; a host has neither scheme nor port nor path"]),
        ("[::1]:8000", ["it is no host; a host has neither scheme nor port nor path"]),
        ("[192.0.2.1]", ["it is no host; a host has neither scheme nor port nor path"]),
        ("a..example.com", ["there is nothing between two dots"]),
        ("{a}.{a}.com", ["there is more than one parameter named 'a'"]),
    ],
)
async def test_mistakes(declared: str, faults: list[str]) -> None:
    assert HostPattern(declared).mistakes == [f"the host {declared!r}: {fault}" for fault in faults]


async def test_mistakes_are_told_by_the_router() -> None:
    with pytest.raises(RouteDeclarationError) as caught:
        Router([Host("a b", None, before=[5])])  # type: ignore[arg-type,list-item]  # they are mistakes
    assert [mistake.text.partition(":")[0] for mistake in caught.value.mistakes] == [
        "the host 'a b'",
        "before has 5, which cannot be called",
        "a Host takes an application, not None",
    ]
