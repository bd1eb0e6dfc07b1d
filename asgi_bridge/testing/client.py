"""A client for tests that are plain functions."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self, Unpack

from anyio.from_thread import BlockingPortalProvider

from wsserve.asgi_bridge.headers import HeaderPairs
from wsserve.asgi_bridge.testing.async_client import AsyncTestClient
from wsserve.asgi_bridge.testing.cookie_jar import Cookies
from wsserve.asgi_bridge.testing.options import ClientOptions
from wsserve.asgi_bridge.testing.response import TestResponse
from wsserve.asgi_bridge.testing.websocket import TestWebSocket
from wsserve.asgi_bridge.types import ASGIApp


class TestClient:
    """A client of an ASGI application, in process and without sockets, for tests that are plain functions.

    `with TestClient(app) as client:` runs the application's lifespan around the block, and puts its state into every
    scope. Without the block there is no lifespan; connections and requests work all the same.

    It is `AsyncTestClient` with the same options, run in an event loop in a thread of its own, which lasts as long as
    the block: `backend` is "asyncio" or "trio", `backend_options` are those of `anyio.run`.
    """

    __test__ = False  # pytest takes classes of this name for tests

    def __init__(
        self,
        app: ASGIApp,
        *,
        backend: str = "asyncio",
        backend_options: Mapping[str, Any] | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        self._client = AsyncTestClient(app, **options)
        self._loop = BlockingPortalProvider(backend, dict(backend_options or {}))
        self._stack = ExitStack()

    @property
    def app(self) -> ASGIApp:
        """The application."""
        return self._client.app

    @property
    def cookies(self) -> Cookies:
        """The cookies that go with each request."""
        return self._client.cookies

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            portal = stack.enter_context(self._loop)
            stack.enter_context(portal.wrap_async_context_manager(self._client))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def websocket_connect(
        self,
        url: str,
        subprotocols: Iterable[str] | None = None,
        headers: HeaderPairs | None = None,
        cookies: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> TestWebSocket:
        """Return a WebSocket to the application, which is open within `with`.

        See `AsyncTestClient.websocket_connect`.
        """
        websocket = self._client.websocket_connect(url, subprotocols, headers, cookies, timeout=timeout)
        return TestWebSocket(websocket, self._loop)

    def request(self, method: str, url: str, **options: Any) -> TestResponse:
        """Make a plain HTTP request; see `AsyncTestClient.request`."""
        with self._loop as portal:
            return portal.call(partial(self._client.request, method, url, **options))

    def get(self, url: str, **options: Any) -> TestResponse:
        """Make a GET request; see `AsyncTestClient.request`."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> TestResponse:
        """Make a POST request; see `AsyncTestClient.request`."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> TestResponse:
        """Make a PUT request; see `AsyncTestClient.request`."""
        return self.request("PUT", url, **options)

    def delete(self, url: str, **options: Any) -> TestResponse:
        """Make a DELETE request; see `AsyncTestClient.request`."""
        return self.request("DELETE", url, **options)
