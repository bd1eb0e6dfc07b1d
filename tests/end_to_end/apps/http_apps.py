"""Plain ASGI apps for HTTP; each reports what it saw."""

import json

from tests.end_to_end.apps.asgi import App, Receive, Scope, Send, jsonable, outcome, report

PARTS = 64
PART = b"0123456789abcdef" * 4096  # 64 KiB


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without looking at the request's body."""
    await start(send, headers=[(b"content-type", b"text/plain"), (b"content-length", b"5")])
    await send({"type": "http.response.body", "body": b"hello"})


async def no_length(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in two parts, without a Content-Length."""
    await start(send)
    await send({"type": "http.response.body", "body": b"hel", "more_body": True})
    await send({"type": "http.response.body", "body": b"lo"})


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the request's body back, part by part."""
    await start(send)
    more = True
    while more:
        event = await receive()
        assert event["type"] == "http.request", event
        more = event.get("more_body", False)
        await send({"type": "http.response.body", "body": event.get("body", b""), "more_body": more})


async def collect(scope: Scope, receive: Receive, send: Send) -> None:
    """Take the whole request's body, then send it back."""
    body = b""
    more = True
    while more:
        event = await receive()
        assert event["type"] == "http.request", event
        body += event.get("body", b"")
        more = event.get("more_body", False)
    await start(send, headers=[(b"content-length", b"%d" % len(body))])
    await send({"type": "http.response.body", "body": body})


async def show_scope(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the scope as JSON, then change all that is in it."""
    body = json.dumps(dict(scope), default=jsonable).encode()
    await start(send, headers=[(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))])
    scope["headers"].append((b"x-left", b"behind"))
    scope["asgi"]["left"] = "behind"
    scope["state"]["left"] = "behind"
    await send({"type": "http.response.body", "body": body})


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a large body."""
    await start(send, headers=[(b"content-length", b"%d" % (PARTS * len(PART)))])
    for _ in range(PARTS):
        await send({"type": "http.response.body", "body": PART, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def wait_for_end(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin to answer, and report the event that comes when the client leaves, and what sending does then."""
    assert (await receive())["type"] == "http.request"
    await start(send)
    await send({"type": "http.response.body", "body": b"so far", "more_body": True})
    event = await receive()
    late = await outcome(send({"type": "http.response.body", "body": b"late"}))
    report(scope, event=event, again=await outcome(receive()), send=late)


async def raise_before_start(scope: Scope, receive: Receive, send: Send) -> None:
    """Crash before the response."""
    raise LookupError("a crash before the response")


async def raise_after_start(scope: Scope, receive: Receive, send: Send) -> None:
    """Crash in the middle of the response."""
    await start(send)
    await send({"type": "http.response.body", "body": b"some", "more_body": True})
    raise LookupError("a crash in the response")


async def no_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Return without a response."""


async def two_cookies(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a header twice, and status 201."""
    headers = [(b"set-cookie", b"a=1"), (b"content-length", b"0"), (b"set-cookie", b"b=2")]
    await start(send, 201, headers)
    await send({"type": "http.response.body"})


async def empty(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 204."""
    await start(send, 204)
    await send({"type": "http.response.body"})


async def crlf_header(scope: Scope, receive: Receive, send: Send) -> None:
    """Try to answer with a header that would be two, report what that did, and let the error go on."""
    try:
        await start(send, headers=[(b"x-a", b"b\r\nx-injected: yes")])
        await send({"type": "http.response.body"})  # a server may wait for this to write the head
    except Exception as error:
        report(scope, error=str(error))
        raise


async def start(send: Send, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    """Begin a response."""
    await send({"type": "http.response.start", "status": status, "headers": headers or []})


APPS: dict[str, App] = {
    "/http/hello": hello,
    "/http/no-length": no_length,
    "/http/mirror": mirror,
    "/http/collect": collect,
    "/http/show-scope": show_scope,
    "/http/stream": stream,
    "/http/wait-for-end": wait_for_end,
    "/http/raise-before-start": raise_before_start,
    "/http/raise-after-start": raise_after_start,
    "/http/no-response": no_response,
    "/http/two-cookies": two_cookies,
    "/http/empty": empty,
    "/http/crlf-header": crlf_header,
}
