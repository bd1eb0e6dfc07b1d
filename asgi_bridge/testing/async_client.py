"""A client for tests that run in an event loop of their own: many peers in one test, on asyncio and trio."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from wsserve.asgi_bridge.headers import HeaderPairs, encode_headers
from wsserve.asgi_bridge.json_messages import encode_json
from wsserve.asgi_bridge.messages import HeaderList
from wsserve.asgi_bridge.scopes import ConnectionInfo
from wsserve.asgi_bridge.testing.async_websocket import AsyncTestWebSocket
from wsserve.asgi_bridge.testing.cookie_jar import Cookies
from wsserve.asgi_bridge.testing.failures import add_note
from wsserve.asgi_bridge.testing.http_exchange import HttpExchange
from wsserve.asgi_bridge.testing.lifespan import Lifespan, LifespanMode
from wsserve.asgi_bridge.testing.requests import Target, opening_request, opening_scope, plain_scope, request_headers
from wsserve.asgi_bridge.testing.response import TestResponse
from wsserve.asgi_bridge.types import ASGIApp


class AsyncTestClient:
    """A client of an ASGI application, in process and without sockets.

    `async with AsyncTestClient(app) as client:` runs the application's lifespan around the block, and puts its state
    into every scope. Without the block there is no lifespan; connections and requests work all the same. Each
    connection runs the application in a task of the test's own event loop, and holds it to the ASGI rules that wsserve
    holds it to.

    - `base_url`: scheme, host and port that requests go to, and a path that is put in front of theirs.
    - `root_path`: the path below which the application is mounted; it goes in front of the request's path.
    - `client`: host and port that requests come from.
    - `headers`, `cookies`: go with every request. Cookies that the application sets are kept in `cookies` and go with
      later requests.
    - `timeout`: how long anything is waited for, in seconds; then there is a `TimeoutError`. Code that blocks the event
      loop, and code that the application shields from cancellation, can take longer.
    - `raise_app_exceptions`: whether what the application raises is raised in the test; otherwise the test sees what
      the client would: a close with 1011, a response with status 500.
    - `extensions`: those that the scope offers, of which there is one: `websocket.http.response`.
    - `lifespan`: "auto" goes on when the application does not support lifespan events, "on" makes that an error, "off"
      runs none.
    - `max_queue`: how many messages may wait, in each direction; beyond them `send` waits for a receive.
    """

    __test__ = False

    def __init__(
        self,
        app: ASGIApp,
        *,
        base_url: str = "http://testserver",
        root_path: str = "",
        client: tuple[str, int] | None = ("testclient", 50000),
        headers: HeaderPairs | None = None,
        cookies: Mapping[str, str] | None = None,
        timeout: float = 5.0,
        raise_app_exceptions: bool = True,
        extensions: Iterable[str] = ("websocket.http.response",),
        lifespan: LifespanMode = "auto",
        max_queue: int = 1000,
    ) -> None:
        if not callable(app):
            raise TypeError(f"the application is called with scope, receive and send; {app!r} cannot be called")
        if lifespan not in ("auto", "on", "off"):
            raise ValueError(f'lifespan is "auto", "on" or "off", not {lifespan!r}')
        if max_queue < 1:
            raise ValueError(f"max_queue must be at least 1, not {max_queue}")
        Target.of("/", base_url)  # raises for one that is none
        self.app = app
        self.base_url = base_url
        self.cookies = Cookies(cookies)
        self._root_path = root_path
        self._client = client
        self._headers = encode_headers(headers)
        self._timeout = timeout
        self._raise_app_exceptions = raise_app_exceptions
        self._extensions = tuple(extensions)
        self._lifespan_mode: LifespanMode = lifespan
        self._max_queue = max_queue
        self._lifespan: Lifespan | None = None
        self._state: dict[str, Any] = {}

    # The lifespan

    async def __aenter__(self) -> Self:
        if self._lifespan is not None:
            raise RuntimeError("the client's block has begun already: make another client")
        if self._lifespan_mode != "off":
            lifespan = Lifespan(self.app, self._lifespan_mode, self._timeout)
            await lifespan.startup()
            self._lifespan, self._state = lifespan, lifespan.state
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        lifespan, self._lifespan, self._state = self._lifespan, None, {}
        problem = None if lifespan is None else await lifespan.shutdown()
        if problem is not None:
            if error is None:
                raise problem
            add_note(error, problem)

    # WebSockets

    def websocket_connect(
        self,
        url: str,
        subprotocols: Iterable[str] | None = None,
        headers: HeaderPairs | None = None,
        cookies: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> AsyncTestWebSocket:
        """Return a WebSocket to the application, which is open within `async with`.

        `url` is a path with a query, or a whole URL with the scheme ws or wss. `headers` and `cookies` go with the
        client's own, `timeout` is this connection's time limit in seconds. Raises `ValueError` and `TypeError` for what
        no client can send, and for a handshake that a server refuses by itself.
        """
        target = Target.of(url, self.base_url)
        fields = request_headers(target, self._headers, headers, self.cookies.header(target.url, cookies))
        request, handshake = opening_request(target, fields, subprotocols or ())

        def keep_cookies(received: HeaderList) -> None:
            self.cookies.keep(target.url, received)

        return AsyncTestWebSocket(
            self.app,
            opening_scope(request, self._connection(target), self._extensions),
            handshake,
            timeout=self._timeout if timeout is None else timeout,
            max_queue=self._max_queue,
            raise_app_exceptions=self._raise_app_exceptions,
            keep_cookies=keep_cookies,
        )

    # HTTP

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: HeaderPairs | None = None,
        cookies: Mapping[str, str] | None = None,
        content: bytes | str = b"",
        json: Any = None,
        timeout: float | None = None,
    ) -> TestResponse:
        """Make a plain HTTP request; follow no redirect. Return the response when the application has ended.

        `content` is the body, `json` a value that is sent as JSON instead. Raises what the application raises,
        `wsserve.asgi_bridge.testing.exceptions.ApplicationEndedError` when it returns without a whole response,
        `TimeoutError`, and `ValueError` for what no client can send.
        """
        target = Target.of(url, self.base_url)
        body = content.encode() if isinstance(content, str) else content
        about: list[tuple[bytes, bytes]] = []
        if json is not None:
            body = encode_json(json)
            about.append((b"content-type", b"application/json"))
        if body or method in ("POST", "PUT", "PATCH"):
            about.append((b"content-length", b"%d" % len(body)))
        given = encode_headers(headers)
        names = {name for name, _ in given}
        given = [field for field in about if field[0] not in names] + given
        fields = request_headers(target, self._headers, given, self.cookies.header(target.url, cookies))
        exchange = HttpExchange(plain_scope(method.upper(), target, fields, self._connection(target)), body)
        limit = self._timeout if timeout is None else timeout
        response = await exchange.perform(self.app, limit, self._raise_app_exceptions)
        self.cookies.keep(target.url, exchange.headers)
        return response

    async def get(self, url: str, **options: Any) -> TestResponse:
        """Make a GET request; see `request`."""
        return await self.request("GET", url, **options)

    async def post(self, url: str, **options: Any) -> TestResponse:
        """Make a POST request; see `request`."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> TestResponse:
        """Make a PUT request; see `request`."""
        return await self.request("PUT", url, **options)

    async def delete(self, url: str, **options: Any) -> TestResponse:
        """Make a DELETE request; see `request`."""
        return await self.request("DELETE", url, **options)

    def _connection(self, target: Target) -> ConnectionInfo:
        return target.connection(self._client, self._root_path, self._state)
