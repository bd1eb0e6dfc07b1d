"""Plain ASGI apps for WebSockets; each reports what it saw."""

import json

import anyio

from tests.end_to_end.apps.asgi import (
    App,
    Message,
    Receive,
    Scope,
    Send,
    accept,
    jsonable,
    outcome,
    query,
    report,
    until_disconnect,
)

LARGE = 4 << 20  # characters
BLOCK = 1 << 16  # bytes in one message of an app that sends without end
MOST_BLOCKS = 10_000  # a bound all the same


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send every message back, as what it came; choose the first subprotocol offered; report the end."""
    offers = scope["subprotocols"]
    await accept(receive, send, subprotocol=offers[0] if offers else None)
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})
    report(scope, event=event, again=await outcome(receive()), send=await outcome(send(text("too late"))))


async def show_scope(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the scope as JSON, then change all that is in it."""
    shown = json.dumps(dict(scope), default=jsonable)
    await accept(receive, send)
    await send(text(shown))
    await send({"type": "websocket.close"})
    scope["headers"].append((b"x-left", b"behind"))
    scope["asgi"]["left"] = "behind"
    scope["extensions"]["left"] = {}
    scope["state"]["left"] = "behind"
    scope["path"] = "/left/behind"


async def try_message(scope: Scope, receive: Receive, send: Send) -> None:
    """Send one message of `MESSAGES` after accepting, report what that did, and go on."""
    await accept(receive, send)
    report(scope, sent=await outcome(send(MESSAGES[query(scope)["message"]])))
    await send(text("still here"))
    await send({"type": "websocket.close"})


async def try_acceptance(scope: Scope, receive: Receive, send: Send) -> None:
    """Send one message of `MESSAGES` in place of an accept, report what that did, and let the error go on."""
    await receive()
    try:
        await send(MESSAGES[query(scope)["message"]])
    except Exception as error:
        report(scope, error=str(error))
        raise
    report(scope, error=None)


async def connect_first(scope: Scope, receive: Receive, send: Send) -> None:
    """Report what comes after websocket.connect while nothing is accepted; then accept and echo one message."""
    connect = await receive()
    early: Message | None = None
    with anyio.move_on_after(0.2):
        early = await receive()
    report(scope, connect=connect, early=early)
    await send({"type": "websocket.accept"})
    event = await receive()
    await send(text(event["text"]))
    await send({"type": "websocket.close"})


async def wait_before_accept(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept after the client has left, before or after receiving what tells so; report what that does."""
    report(scope, under="waiting", connect=await receive())
    events = [await receive()] if query(scope)["first"] == "receive" else []
    if not events:
        await anyio.sleep(0.2)  # nothing but receive tells that the client has left
    accepted = await outcome(send({"type": "websocket.accept"}))
    report(scope, accept=accepted, event=events[0] if events else await outcome(receive()))


async def return_before_accept(scope: Scope, receive: Receive, send: Send) -> None:
    """Neither accept nor deny."""
    await receive()


async def raise_before_accept(scope: Scope, receive: Receive, send: Send) -> None:
    """Crash before accepting."""
    raise LookupError("a crash before accepting")


async def return_after_accept(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and leave the connection open."""
    await accept(receive, send)


async def raise_after_accept(scope: Scope, receive: Receive, send: Send) -> None:
    """Crash after accepting."""
    await accept(receive, send)
    raise LookupError("a crash after accepting")


async def deny(scope: Scope, receive: Receive, send: Send) -> None:
    """Deny by websocket.close, and report what comes then."""
    await receive()
    await send({"type": "websocket.close", "code": 4000, "reason": "no"})
    report(scope, event=await outcome(receive()), again=await outcome(receive()))


async def deny_with_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Deny by a response in two parts (ASGI extension websocket.http.response), and report what comes then."""
    await receive()
    headers = [(b"content-type", b"text/plain"), (b"x-reason", b"one"), (b"x-other", b"o"), (b"x-reason", b"two")]
    await send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"not ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"now"})
    report(scope, send=await outcome(send(text("too late"))), event=await outcome(receive()))


async def close(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept and close with the code and reason in the query, and report what comes then."""
    chosen = query(scope)
    await accept(receive, send)
    message: Message = {"type": "websocket.close"}
    if "code" in chosen:
        message["code"] = int(chosen["code"])
    if "reason" in chosen:
        message["reason"] = chosen["reason"]
    sent = await outcome(send(message))
    report(scope, close=sent, event=await outcome(receive()), again=await outcome(receive()))


async def accept_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept with headers whose order, case and bytes matter."""
    await accept(receive, send, headers=[(b"x-first", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=\xe9")])
    await send({"type": "websocket.close"})


async def large_then_close(scope: Scope, receive: Receive, send: Send) -> None:
    """Send one large message and close at once."""
    await accept(receive, send)
    await send(text("x" * LARGE))
    await send({"type": "websocket.close"})


async def send_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    """Send blocks, and never receive, until a call raises; report each second block while they go out, and the end."""
    await accept(receive, send)
    sent = 0
    waiting = False
    try:
        while sent < MOST_BLOCKS:
            with anyio.move_on_after(0.3) as limit:
                await send({"type": "websocket.send", "bytes": bytes(BLOCK)})
                sent += 1
            if limit.cancelled_caught and not waiting:
                waiting = True
                report(scope, under="blocked", blocks=sent)
        report(scope, raised=[], blocks=sent)  # nothing stopped it
    except Exception as error:
        report(scope, raised=[ancestor.__name__ for ancestor in type(error).__mro__])


async def busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Do not receive for a second, then echo."""
    await accept(receive, send)
    await anyio.sleep(1.0)
    await send(text((await receive())["text"]))
    report(scope, event=await until_disconnect(receive))


async def send_together(scope: Scope, receive: Receive, send: Send) -> None:
    """Send from many tasks at once."""
    await accept(receive, send)
    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(_send, send, text(f"{number}," * 2000))
    await send({"type": "websocket.close"})


def text(data: str) -> Message:
    """Return the ASGI message that sends text."""
    return {"type": "websocket.send", "text": data}


async def _send(send: Send, message: Message) -> None:
    await send(message)


def _accept(**more: object) -> Message:
    return {"type": "websocket.accept", **more}


def _accept_header(name: bytes, value: bytes = b"v") -> Message:
    return _accept(headers=[(name, value)])


def _close(**more: object) -> Message:
    return {"type": "websocket.close", **more}


MESSAGES: dict[str, Message] = {
    # allowed after accepting
    "g5-text-alone": text("good"),
    "g5-bytes-None": {"type": "websocket.send", "text": "good", "bytes": None},
    "g5-text-None": {"type": "websocket.send", "text": None, "bytes": b"good"},
    "g5-empty": text(""),
    "g6-extra-key": {"type": "websocket.send", "text": "good", "extra": 1},
    # not allowed after accepting
    "g5-both": {"type": "websocket.send", "text": "a", "bytes": b"a"},
    "g5-neither": {"type": "websocket.send"},
    "g5-both-None": {"type": "websocket.send", "text": None, "bytes": None},
    "g6-text-of-bytes": {"type": "websocket.send", "text": b"a"},
    "g6-text-of-int": {"type": "websocket.send", "text": 5},
    "g6-bytes-of-str": {"type": "websocket.send", "bytes": "a"},
    "g6-text-surrogate": text("\ud800"),
    "g6-unknown-type": {"type": "websocket.nonsense"},
    "g6-no-type": {},
    "g6-accept-twice": _accept(),
    "g6-http-start": {"type": "http.response.start", "status": 200},
    "g6-denial-start": {"type": "websocket.http.response.start", "status": 403},
    "g6-code-999": _close(code=999),
    "g6-code-1005": _close(code=1005),
    "g6-code-1006": _close(code=1006),
    "g6-code-1015": _close(code=1015),
    "g6-code-1016": _close(code=1016),
    "g6-code-5000": _close(code=5000),
    "g6-code-text": _close(code="1000"),
    "g6-reason-int": _close(reason=5),
    "g6-reason-bytes": _close(reason=b"bye"),
    # not allowed in place of an accept
    "g6-send-first": text("a"),
    "g6-subprotocol-bytes": _accept(subprotocol=b"chat"),
    "g6-headers-dict": _accept(headers={b"x-a": b"b"}),
    "g6-headers-str": _accept(headers=[("x-a", "b")]),
    "r2-subprotocol-not-offered": _accept(subprotocol="other"),
    "u17-subprotocol-crlf": _accept(subprotocol="chat\r\nx-injected: yes"),
    "u17-subprotocol-nul": _accept(subprotocol="chat\0"),
    "u17-subprotocol-not-a-token": _accept(subprotocol="chat room"),
    "u17-header-name-crlf": _accept_header(b"x\r\nx-injected"),
    "u17-header-name-space": _accept_header(b"x injected"),
    "u17-header-name-empty": _accept_header(b""),
    "u17-header-value-crlf": _accept_header(b"x-a", b"b\r\nx-injected: yes"),
    "u17-header-value-nul": _accept_header(b"x-a", b"b\0"),
    "u17-sec-websocket-accept": _accept_header(b"sec-websocket-accept"),
    "u17-sec-websocket-protocol": _accept_header(b"Sec-WebSocket-Protocol"),
    "u17-sec-websocket-extensions": _accept_header(b"sec-websocket-extensions"),
    "u17-connection": _accept_header(b"connection", b"close"),
    "u17-upgrade": _accept_header(b"Upgrade", b"websocket"),
    "u17-content-length": _accept_header(b"content-length", b"0"),
    "u17-transfer-encoding": _accept_header(b"transfer-encoding", b"chunked"),
}

APPS: dict[str, App] = {
    "/echo": echo,
    "/show-scope": show_scope,
    "/try-message": try_message,
    "/try-acceptance": try_acceptance,
    "/connect-first": connect_first,
    "/wait-before-accept": wait_before_accept,
    "/return-before-accept": return_before_accept,
    "/raise-before-accept": raise_before_accept,
    "/return-after-accept": return_after_accept,
    "/raise-after-accept": raise_after_accept,
    "/deny": deny,
    "/deny-with-response": deny_with_response,
    "/close": close,
    "/accept-headers": accept_headers,
    "/large-then-close": large_then_close,
    "/send-for-ever": send_for_ever,
    "/busy": busy,
    "/send-together": send_together,
}
