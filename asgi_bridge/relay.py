"""Relaying WebSockets to another server."""

import ssl
from contextlib import AsyncExitStack

import anyio

from wsserve.asgi_bridge.client_handshake import WebSocketHandshakeError, check_url
from wsserve.asgi_bridge.exceptions import WebSocketDisconnect
from wsserve.asgi_bridge.forwarding import (
    close_for_client,
    close_for_target,
    request_headers,
    response_headers,
    target_url,
)
from wsserve.asgi_bridge.headers import HeaderPairs, encode_headers
from wsserve.asgi_bridge.types import Receive, Scope, Send
from wsserve.asgi_bridge.websocket import WebSocket
from wsserve.asgi_bridge.websocket_app import websocket_app
from wsserve.asgi_bridge.websocket_client import MAX_MESSAGE_SIZE, WebSocketClient, connect_websocket


class Relay:
    """An ASGI application that relays each WebSocket to the server at `target_url`, such as `ws://127.0.0.1:9000`.

    The path below the application's `root_path` is appended to the target's, the query goes along. Text and binary
    messages, close codes and reasons pass both ways, as fast as the slower side takes them: nothing is queued here. The
    handshake waits for the target, which chooses the subprotocol; when it denies, its status, headers and body go to
    the client. It is denied with 502 when the target cannot be reached or is no WebSocket server, and with 504 when it
    does not answer within `open_timeout` seconds. When the target is lost later, the client gets Close 1014.

    The client's headers go along but for those of one connection; X-Forwarded-For, -Proto and -Host say who the client
    is by the scope, and replace what it sent itself. `headers` are added, in place of those of the same name. `uds`,
    `ssl_context`, `max_size` and the timeouts are those of `connect_websocket`. Raises `ValueError` or `TypeError` for
    faulty arguments.
    """

    def __init__(
        self,
        target_url: str,
        *,
        headers: HeaderPairs = (),
        uds: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        max_size: int = MAX_MESSAGE_SIZE,
        open_timeout: float = 10.0,
        close_timeout: float = 10.0,
    ) -> None:
        self._target = check_url(target_url)
        if self._target.query:
            raise ValueError(f"the target {target_url!r} has a query: the client's takes its place")
        self._headers = encode_headers(headers)
        self._uds = uds
        self._ssl_context = ssl_context
        self._max_size = max_size
        self._open_timeout = open_timeout
        self._close_timeout = close_timeout
        self._app = websocket_app(self._relay)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Relay a WebSocket."""
        await self._app(scope, receive, send)

    async def _relay(self, websocket: WebSocket) -> None:
        async with AsyncExitStack() as stack:
            target = await self._connect(websocket, stack)
            if target is None:
                return
            try:
                await websocket.accept(target.subprotocol, response_headers(target.headers))
            except WebSocketDisconnect as left:
                await target.close(*close_for_target(left.code, left.reason))
                return
            async with anyio.create_task_group() as group:
                group.start_soon(_to_target, websocket, target, group.cancel_scope)
                group.start_soon(_to_client, websocket, target, group.cancel_scope)
            if target.close_code is not None:
                await websocket.close(*close_for_client(target.close_code, target.close_reason))
            else:
                await target.close(*close_for_target(websocket.close_code, websocket.close_reason))

    async def _connect(self, websocket: WebSocket, stack: AsyncExitStack) -> WebSocketClient | None:
        """Return the connection to the target, or None when there is none and the handshake was denied."""
        url = target_url(websocket, self._target)
        if url is None:
            await websocket.send_denial_response(400, "the path must not have '..' in it\n")
            return None
        try:
            return await stack.enter_async_context(
                connect_websocket(
                    url,
                    subprotocols=websocket.scope.get("subprotocols") or (),
                    headers=request_headers(websocket, self._headers),
                    uds=self._uds,
                    ssl_context=self._ssl_context,
                    max_size=self._max_size,
                    open_timeout=self._open_timeout,
                    close_timeout=self._close_timeout,
                )
            )
        except WebSocketHandshakeError as error:
            if error.status is not None and error.status >= 200:
                await websocket.send_denial_response(error.status, error.body, response_headers(error.headers))
            else:
                await websocket.send_denial_response(502, "the server behind this one gave no valid answer\n")
        except TimeoutError:
            await websocket.send_denial_response(504, "the server behind this one did not answer in time\n")
        except OSError:
            await websocket.send_denial_response(502, "the server behind this one cannot be reached\n")
        return None


async def _to_target(websocket: WebSocket, target: WebSocketClient, scope: anyio.CancelScope) -> None:
    try:
        while (message := await websocket.receive())["type"] == "websocket.receive":
            text: str | None = message.get("text")
            await target.send(message["bytes"] if text is None else text)
    except WebSocketDisconnect:
        return  # the target is lost: what it sent before is still on its way to the client
    scope.cancel()


async def _to_client(websocket: WebSocket, target: WebSocketClient, scope: anyio.CancelScope) -> None:
    async for data in target:
        try:
            if isinstance(data, str):
                await websocket.send_text(data)
            else:
                await websocket.send_bytes(data)
        except WebSocketDisconnect:
            pass  # the client has left, but what it sent before is still on its way to the target, which must not block
    scope.cancel()
