"""One plain HTTP request in process."""

import anyio.lowlevel

from wsserve.asgi_bridge import messages
from wsserve.asgi_bridge.exceptions import ClientDisconnected
from wsserve.asgi_bridge.headers import Headers
from wsserve.asgi_bridge.testing.application_task import ApplicationTask
from wsserve.asgi_bridge.testing.changes import Changes
from wsserve.asgi_bridge.testing.exceptions import ApplicationEndedError
from wsserve.asgi_bridge.testing.failures import presentable
from wsserve.asgi_bridge.testing.response import MAX_BODY_BYTES, TestResponse
from wsserve.asgi_bridge.types import ASGIApp, Message, Scope
from wsserve.codec.header_fields import check_headers


class HttpExchange:
    """The application's `receive` and `send` for one request whose body is `content`."""

    def __init__(self, scope: Scope, content: bytes) -> None:
        self.status: int | None = None
        self.headers: messages.HeaderList = []
        self.complete = False
        self._scope = scope
        self._content = content
        self._requested = False
        self._body = bytearray()
        self._changes = Changes()
        self._gone = False

    async def perform(self, app: ASGIApp, timeout: float, raise_app_exceptions: bool) -> TestResponse:
        """Call the application; return its response when it has ended.

        Raises what the application raised, or else its response is a 500; `ApplicationEndedError` when it returned
        before its response was complete; `TimeoutError` when it takes longer than `timeout` seconds.
        """
        task = ApplicationTask(lambda: app(self._scope, self._receive, self._send), self._changes)
        await task.start()
        try:
            in_time = await self._changes.until(lambda: self.complete or task.over, timeout)
            doing = task.doing()
        finally:
            self._gone = True
            self._changes.announce()
            late = await task.finish(timeout)
        problem = self._problem(task.error)
        if not in_time:
            what = f"the response to {self._scope['method']} {self._scope['path']!r}"
            problem = TimeoutError(f"{what} was not complete within {timeout:g} s: {doing}")
        problem = problem or late
        if isinstance(problem, TimeoutError) or (problem is not None and raise_app_exceptions):
            raise problem
        if problem is not None and not self.complete:
            return TestResponse(500, Headers(), b"")
        return TestResponse(self.status or 500, Headers(self.headers), bytes(self._body))

    def _problem(self, error: BaseException | None) -> Exception | None:
        if error is not None:
            return presentable(error)
        if not self.complete:
            return ApplicationEndedError(
                f"the application returned before its response to {self._scope['path']!r} was complete: "
                f"a server answers status 500 then"
            )
        return None

    async def _receive(self) -> Message:
        await anyio.lowlevel.checkpoint()  # or an application that receives for ever lets nobody else run
        if not self._requested:
            self._requested = True
            return {"type": "http.request", "body": self._content, "more_body": False}
        await self._changes.until(lambda: self.complete or self._gone)
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "http.response.start":
            if self.status is not None:
                raise messages.unexpected(kind, "a response body message")
            status, headers = messages.response_start(message)
            self.headers = [(name.lower(), value) for name, value in check_headers(headers)]
            self.status = status
        elif kind == "http.response.body":
            await self._add_to_body(message)
        else:
            raise messages.unexpected(kind, "'http.response.start' or 'http.response.body'")

    async def _add_to_body(self, message: Message) -> None:
        await anyio.lowlevel.checkpoint()
        await self._changes.until(lambda: len(self._body) < MAX_BODY_BYTES or self._gone)
        if self.status is None or self.complete:
            raise messages.unexpected(message["type"], "a response start message" if self.status is None else "nothing")
        if self._gone:
            raise ClientDisconnected("the client has closed the connection")
        body, more = messages.response_body(message)
        if self._scope["method"] != "HEAD" and self.status not in (204, 304):
            self._body += body
        self.complete = not more
        self._changes.announce()
