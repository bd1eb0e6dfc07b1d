"""The client's half of the opening handshake (RFC 6455, section 4.1), on wsproto."""

import ssl
from collections.abc import Sequence
from typing import Final, cast

import anyio
import h11
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, RejectConnection, RejectData, Request
from wsproto.handshake import H11Handshake
from wsproto.utilities import ProtocolError

from wsserve.asgi_bridge.client_frames import ClientConnection
from wsserve.asgi_bridge.headers import HeaderPairs, encode_headers
from wsserve.asgi_bridge.url import URL
from wsserve.codec.handshake import SERVER_HEADERS
from wsserve.codec.header_fields import is_token

READ_SIZE: Final = 1 << 16
MAX_DENIAL_BODY: Final = 1 << 16
"""How many bytes of the body of a denial response are read."""

_DEFAULT_PORTS: Final = {"ws": 80, "wss": 443}
_OWN_HEADERS: Final = SERVER_HEADERS | {b"host", b"sec-websocket-key"}


class WebSocketHandshakeError(Exception):
    """The server's answer to a handshake opens no WebSocket.

    `status`, `headers` and `body` (at most 64 KiB of it) are its response's; the status is None when what it sent is no
    valid response at all.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
    ) -> None:
        self.status = status
        self.headers = list(headers)
        self.body = body
        super().__init__(message)


def check_url(url: str) -> URL:
    """Return the URL of a WebSocket. Raises `ValueError` when it is none, or has a fragment or a password."""
    parsed = URL(url)
    if parsed.scheme not in _DEFAULT_PORTS or not parsed.hostname:
        raise ValueError(f"{url!r} is no WebSocket's URL: write 'ws://host/path' or 'wss://host/path'")
    if parsed.fragment or parsed.username is not None:
        raise ValueError(f"{parsed!r} has a fragment or a user name, which no WebSocket's URL may have")
    return parsed.replace(path=parsed.path or "/", query=parsed.query)  # with all of it percent-encoded


def handshake_request(url: URL, subprotocols: Sequence[str], headers: HeaderPairs) -> Request:
    """Return the request that asks for a WebSocket.

    Raises `TypeError` and `ValueError` for subprotocols that are no tokens, and for headers as `encode_headers` does
    and for those that the handshake sets by itself.
    """
    if isinstance(subprotocols, str) or not all(is_token(name.encode("latin-1", "replace")) for name in subprotocols):
        raise ValueError(f"subprotocols are a list of tokens (RFC 9110, section 5.6.2), not {subprotocols!r}")
    encoded = encode_headers(headers)
    for name, _ in encoded:
        if name in _OWN_HEADERS:
            raise ValueError(f"header {name.decode()!r} is set by the handshake itself")
    target = url.path + (f"?{url.query}" if url.query else "")
    return Request(host=url.netloc, target=target, subprotocols=list(subprotocols), extra_headers=encoded)


async def open_websocket(
    url: URL, request: Request, uds: str | None, ssl_context: ssl.SSLContext | None, timeout: float
) -> tuple[ByteStream, ClientConnection, AcceptConnection]:
    """Connect and shake hands, all of it within `timeout` seconds.

    Raises `OSError` when the server cannot be reached, `TimeoutError`, which is one, when it takes too long, and
    `WebSocketHandshakeError` when it does not accept.
    """
    with anyio.move_on_after(timeout):
        stream = await _connect(url, uds, ssl_context)
        try:
            return stream, *await _shake_hands(stream, request)
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
    raise TimeoutError(f"{url.netloc} has opened no WebSocket within {timeout} seconds")


async def _connect(url: URL, uds: str | None, ssl_context: ssl.SSLContext | None) -> ByteStream:
    """Connect to the URL's host, or to the unix socket `uds`, with TLS for wss."""
    host = url.hostname or ""
    if uds is not None:
        stream: ByteStream = await anyio.connect_unix(uds)
    else:
        stream = await anyio.connect_tcp(host, url.port or _DEFAULT_PORTS[url.scheme])
    if url.scheme == "ws":
        return stream
    context = ssl_context or ssl.create_default_context()
    try:
        # The end of a WebSocket is secured by its Close frames, not by that of TLS.
        return await TLSStream.wrap(stream, hostname=host, ssl_context=context, standard_compatible=False)
    except BaseException as error:
        await anyio.aclose_forcefully(stream)
        # Which of them it is depends on the version of OpenSSL.
        if isinstance(error, (anyio.EndOfStream, anyio.BrokenResourceError, ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            raise ConnectionResetError(f"{url.netloc} ended the connection during the TLS handshake") from error
        raise


async def _shake_hands(stream: ByteStream, request: Request) -> tuple[ClientConnection, AcceptConnection]:
    """Send the request and return the open connection, with what the server said."""
    handshake = H11Handshake(ConnectionType.CLIENT)
    refused: RejectConnection | None = None
    body = b""
    complete = False
    try:
        await stream.send(handshake.send(request))
        while refused is None or (refused.has_body and not complete and len(body) < MAX_DENIAL_BODY):
            handshake.receive_data(await _receive(stream))
            for event in handshake.events():
                if isinstance(event, AcceptConnection):
                    trailing_data, _ = handshake._h11_connection.trailing_data
                    return ClientConnection(trailing_data), event
                if isinstance(event, RejectData):
                    body += event.data
                    complete = event.body_finished
                else:
                    refused = cast(RejectConnection, event)  # there is nothing else
    except (ProtocolError, h11.ProtocolError, UnicodeError, anyio.BrokenResourceError) as error:
        if refused is None:
            detail = str(error) or "the connection was lost"
            raise WebSocketHandshakeError(f"the server gave no valid answer to the handshake: {detail}") from error
    raise WebSocketHandshakeError(
        f"the server answered the handshake with status {refused.status_code}",
        refused.status_code,
        [(name.lower(), value) for name, value in refused.headers],
        body[:MAX_DENIAL_BODY],
    )


async def _receive(stream: ByteStream) -> bytes | None:
    try:
        return await stream.receive(READ_SIZE)
    except anyio.EndOfStream:
        return None
