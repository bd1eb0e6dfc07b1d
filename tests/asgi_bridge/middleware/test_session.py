"""N17, L11: sessions in a signed cookie."""

import json
import logging
from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from tests.asgi_bridge.double import Server, text
from tests.asgi_bridge.middleware.calls import http_call, http_scope, values_of
from wsserve.asgi_bridge.middleware.session import MAX_COOKIE_SIZE, Session, SessionMiddleware
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.asgi_bridge.websocket_app import websocket_app

pytestmark = pytest.mark.anyio

KEY = "k" * 32
OLD_KEY = "o" * 32


def cookie_of(values: object, key: str = KEY, name: str = "session") -> bytes:
    return f"{name}=".encode() + TimestampSigner(key).sign(b64encode(json.dumps(values).encode()))


def stored_in(set_cookie: bytes, key: str = KEY) -> Any:
    """Return the session that a Set-Cookie header holds, read as Starlette does."""
    value = set_cookie.partition(b";")[0].partition(b"=")[2]
    return json.loads(b64decode(TimestampSigner(key).unsign(value), validate=True))


def wrapped(app: ASGIApp, **options: Any) -> SessionMiddleware:
    return SessionMiddleware(app, **{"secret_key": KEY, **options})


async def connect(app: ASGIApp, cookie: bytes | None = None, *messages: Message, **scope: Any) -> list[Message]:
    """Connect a WebSocket with this cookie; return what was sent."""
    headers = [(b"host", b"example.com")] + ([] if cookie is None else [(b"cookie", cookie)])
    server = Server(*messages, headers=headers, **scope)
    await app(server.scope, server.receive, server.send)
    return server.sent


def session_app(change: Any, status: int = 0) -> ASGIApp:
    """Return a WebSocket application that changes its session, then accepts, or denies with `status`."""

    @websocket_app
    async def app(ws: Any) -> None:
        change(ws.session)
        if status:
            await ws.send_denial_response(status, headers=[("x-first", "1"), ("set-cookie", "other=2")])
        else:
            await ws.accept(headers=[("x-first", "1"), ("set-cookie", "other=2")])

    return app


async def test_n17_a_signed_cookie_is_loaded_into_the_scope() -> None:
    seen: list[Any] = []
    sent = await connect(wrapped(session_app(seen.append)), cookie_of({"user": "ann", "n": [1]}))
    assert seen == [{"user": "ann", "n": [1]}]
    assert isinstance(seen[0], Session)
    assert values_of(sent[0], b"set-cookie") == [b"other=2"], "nothing was changed, so nothing is saved"


@pytest.mark.parametrize("status", [0, 401])
async def test_n17_trap_changes_before_accept_and_in_denials_are_saved(status: int) -> None:
    def change(session: Session) -> None:
        session["user"] = "ann"

    sent = await connect(wrapped(session_app(change, status)))
    assert sent[0]["type"] == ("websocket.http.response.start" if status else "websocket.accept")
    assert [name for name, _ in sent[0]["headers"]][:2] == [b"x-first", b"set-cookie"], "the app's own come first"
    other, saved = values_of(sent[0], b"set-cookie")
    assert other == b"other=2"
    assert stored_in(saved) == {"user": "ann"}
    assert saved.endswith(b"; path=/; Max-Age=1209600; httponly; samesite=lax")
    assert values_of(sent[0], b"vary") == []


async def test_n17_changes_within_values_are_saved() -> None:
    sent = await connect(wrapped(session_app(lambda session: session["cart"].append(2))), cookie_of({"cart": [1]}))
    assert stored_in(values_of(sent[0], b"set-cookie")[1]) == {"cart": [1, 2]}


async def test_n17_writing_the_same_values_saves_nothing() -> None:
    sent = await connect(wrapped(session_app(lambda session: session.update(a=1))), cookie_of({"a": 1}))
    assert values_of(sent[0], b"set-cookie") == [b"other=2"]


async def test_n17_an_emptied_session_deletes_the_cookie() -> None:
    sent = await connect(wrapped(session_app(Session.clear), domain="example.com"), cookie_of({"a": 1}))
    assert values_of(sent[0], b"set-cookie")[1] == (
        b"session=null; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=lax; domain=example.com"
    )


@pytest.mark.parametrize("replacement", [None, {}])
async def test_l11_a_session_may_be_replaced_in_the_scope(replacement: Any) -> None:
    @websocket_app
    async def app(ws: Any) -> None:
        ws.scope["session"] = replacement
        await ws.accept()

    sent = await connect(wrapped(app), cookie_of({"a": 1}))
    assert values_of(sent[0], b"set-cookie")[0].startswith(b"session=null; ")


async def test_n17_attributes_of_the_cookie() -> None:
    options = {"max_age": None, "path": "/chat", "same_site": "none", "https_only": True, "session_cookie": "sid"}
    sent = await connect(wrapped(session_app(lambda session: session.update(a=1)), **options))
    cookie = values_of(sent[0], b"set-cookie")[1]
    assert cookie.startswith(b"sid=")
    assert cookie.endswith(b"; path=/chat; httponly; samesite=none; secure")


# What a client may send in place of a cookie


@pytest.mark.parametrize(
    "cookie",
    [
        b"session=",
        b"session=null",
        b"session=\xff\xfe",
        b'session="a;b\\377"',
        cookie_of({"a": 1}, OLD_KEY),
        cookie_of({"a": 1})[:-1],
        b"session=" + TimestampSigner(KEY).sign(b"{}*"),
        b"session=" + TimestampSigner(KEY).sign(b64encode(b"{")),
        b"session=" + TimestampSigner(KEY).sign(b64encode(b"\xff\xff\xff\xff\xff")),
        b"session=" + TimestampSigner(KEY).sign(b64encode(b"[" * 100_000)),
        b"session=" + TimestampSigner(KEY).sign(b64encode(b"9" * 5_000)),
        cookie_of([1]),
        cookie_of("text"),
        cookie_of(None),
    ],
)
async def test_n17_what_is_no_session_is_an_empty_one(cookie: bytes) -> None:
    seen: list[Any] = []
    sent = await connect(wrapped(session_app(seen.append)), cookie)
    assert seen == [{}]
    assert sent[0]["type"] == "websocket.accept"


@given(st.binary(max_size=200), st.booleans())
def test_n17_no_cookie_raises(data: bytes, signed: bool) -> None:
    middleware = wrapped(session_app(None))
    cookie = b"session=" + (TimestampSigner(KEY).sign(data) if signed else data)
    session = middleware._load({"type": "websocket", "headers": [(b"cookie", cookie)]})
    assert isinstance(session, dict)
    assert not session.changed


class _PastSigner(TimestampSigner):
    def get_timestamp(self) -> int:
        return 1_000_000_000


async def test_n17_an_expired_session_is_an_empty_one() -> None:
    seen: list[Any] = []
    cookie = b"session=" + _PastSigner(KEY).sign(b64encode(b'{"a": 1}'))
    await connect(wrapped(session_app(seen.append)), cookie)
    await connect(wrapped(session_app(seen.append), max_age=None), cookie)
    assert seen == [{}, {"a": 1}]


# Keys


@pytest.mark.parametrize("key", [KEY, OLD_KEY])
async def test_n17_keys_can_be_replaced(key: str) -> None:
    def change(session: Session) -> None:
        session["b"] = 2

    sent = await connect(wrapped(session_app(change), secret_key=[KEY, OLD_KEY.encode()]), cookie_of({"a": 1}, key))
    assert stored_in(values_of(sent[0], b"set-cookie")[1]) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"secret_key": ""}, ValueError, "at least 16 bytes, this one has 0"),
        ({"secret_key": "short"}, ValueError, "at least 16 bytes, this one has 5"),
        ({"secret_key": [KEY, b"short"]}, ValueError, "at least 16 bytes"),
        ({"secret_key": []}, ValueError, "empty list"),
        ({"secret_key": None}, TypeError, "str or bytes, not NoneType"),
        ({"session_cookie": "a b"}, ValueError, "no name of a cookie"),
        ({"session_cookie": "\N{SNOWMAN}="}, ValueError, "no name of a cookie"),
        ({"session_cookie": None}, ValueError, "no name of a cookie"),
        ({"max_age": 0}, ValueError, "max_age"),
        ({"max_age": True}, ValueError, "max_age"),
        ({"max_age": "1"}, ValueError, "max_age"),
        ({"same_site": "Lax"}, ValueError, "same_site"),
        ({"same_site": "none"}, ValueError, "https_only"),
        ({"path": "/;secure"}, ValueError, "path"),
        ({"path": None}, ValueError, "path"),
        ({"domain": "a\r\nb"}, ValueError, "domain"),
    ],
)
def test_n17_options_are_checked_at_once(options: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        wrapped(session_app(None), **options)


# What cannot be saved


async def test_n17_a_change_after_accept_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    @websocket_app
    async def app(ws: Any) -> None:
        ws.session["before"] = 1
        await ws.accept()
        assert not ws.session.changed
        ws.session["after"] = 1
        ws.session["again"] = await ws.receive_text()
        assert ws.session.changed
        await ws.send_text("x")

    with caplog.at_level(logging.WARNING, "wsserve.session"):
        sent = await connect(wrapped(app), None, text("hello"))
    assert stored_in(values_of(sent[0], b"set-cookie")[0]) == {"before": 1}
    assert sent[1:] == [
        {"type": "websocket.send", "text": "x"},
        {"type": "websocket.close", "code": 1000, "reason": ""},
    ]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "The session of /chat was changed when it could not be saved any more"
    ]


async def test_n17_what_cannot_be_json_after_accept_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    @websocket_app
    async def app(ws: Any) -> None:
        await ws.accept()
        ws.session["after"] = object()

    await connect(wrapped(app))
    assert len(caplog.records) == 1


async def test_n17_a_handshake_that_is_closed_saves_nothing_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    @websocket_app
    async def app(ws: Any) -> None:
        ws.session["a"] = 1
        await ws.close()

    sent = await connect(wrapped(app))
    assert sent == [{"type": "websocket.close", "code": 1000, "reason": ""}]
    assert len(caplog.records) == 1


async def test_n17_an_application_that_fails_before_its_answer_saves_and_logs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"]["a"] = 1
        raise LookupError("of the application")

    with pytest.raises(LookupError):
        await connect(wrapped(app))
    assert caplog.records == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"a": object()}, "JSON cannot hold it: Object of type object"),
        ({"a": "x" * MAX_COOKIE_SIZE}, "browsers keep 4096"),
        (["no", "dict"], "it is a dict, not list"),
    ],
)
async def test_n17_what_cannot_be_saved_raises_where_it_is_sent(
    values: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"] = values
        with pytest.raises(ValueError, match=words):
            await send({"type": "websocket.accept"})
        await send({"type": "websocket.http.response.start", "status": 500, "headers": [(b"a", b"b")]})

    sent = await connect(wrapped(app))
    assert sent == [{"type": "websocket.http.response.start", "status": 500, "headers": [(b"a", b"b")]}]
    assert caplog.records == []


async def test_n17_the_largest_cookie_is_saved() -> None:
    def change(session: Session) -> None:
        session["a"] = "x" * 2900

    sent = await connect(wrapped(session_app(change)))
    assert 3900 < len(values_of(sent[0], b"set-cookie")[1]) <= MAX_COOKIE_SIZE


async def test_n17_an_applications_own_cookie_of_that_name_is_the_only_one() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"]["a"] = 1
        await send({"type": "websocket.accept", "headers": [(b"Set-Cookie", b"session=own")]})

    sent = await connect(wrapped(app))
    assert sent == [{"type": "websocket.accept", "headers": [(b"Set-Cookie", b"session=own")]}]


async def test_n17_nested_middleware_places_one_cookie() -> None:
    sent = await connect(wrapped(wrapped(session_app(lambda session: session.update(a=1)))))
    assert [value.partition(b"=")[0] for value in values_of(sent[0], b"set-cookie")] == [b"other", b"session"]


# HTTP


async def test_n17_http_responses_save_and_vary() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"]["a"] = 1
        await send({"type": "http.response.debug", "info": {}})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": b"page"})

    debug, start, body = await http_call(wrapped(app))
    assert debug == {"type": "http.response.debug", "info": {}}
    assert [name for name, _ in start["headers"]] == [b"x", b"vary", b"set-cookie"]
    assert stored_in(values_of(start, b"set-cookie")[0]) == {"a": 1}
    assert body == {"type": "http.response.body", "body": b"page"}


@pytest.mark.parametrize(
    ("own", "added"), [(b"Accept, Cookie", []), (b"*", []), (b"cookie", []), (b"accept", [b"Cookie"])]
)
async def test_n17_a_response_that_varies_by_cookie_anyway_is_left(own: bytes, added: list[bytes]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": iter([(b"Vary", own)])})

    (start,) = await http_call(wrapped(app))
    assert start["headers"] == [(b"Vary", own), *((b"vary", value) for value in added)]


async def test_n17_other_scopes_pass_and_receive_is_never_wrapped() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        pass

    lifespan: Scope = {"type": "lifespan"}
    await wrapped(app)(lifespan, receive, send)
    await wrapped(app)(http_scope(), receive, send)
    assert seen[0] == (lifespan, receive, send)
    assert lifespan == {"type": "lifespan"}
    assert seen[1][1] is receive
