"""A WebSocket's opening handshake, from the request until the application has answered it."""

from collections.abc import Callable

from wsserve.asgi_bridge import messages
from wsserve.asgi_bridge.response import HeaderSource, Response, with_defaults
from wsserve.asgi_bridge.transport import Transport
from wsserve.asgi_bridge.types import Message
from wsserve.codec.deflate import DeflateOptions, DeflateParameters, negotiate
from wsserve.codec.http1 import Http1Codec, Refusal, Request


class Opening:
    """The application's answer to a handshake: accepted, refused, or denied with a response of its own.

    A session has it only until then, so that an open connection does not keep what only its handshake needed.
    """

    __slots__ = ("_default_headers", "_denial", "_http", "_request", "_transport", "early", "on_status")

    def __init__(
        self,
        request: Request,
        http: Http1Codec,
        transport: Transport,
        default_headers: HeaderSource,
        on_status: Callable[[int], None],
    ) -> None:
        self._request = request
        self._http = http
        self._transport = transport
        self._default_headers = default_headers
        self._denial: Response | None = None
        self.on_status = on_status
        """Is told the status of the answer."""
        self.early = bytearray()
        """What came from the client behind its request, before the answer."""

    @property
    def denial(self) -> Response:
        """The application's own response, which is no acceptance."""
        if self._denial is None:
            self._denial = Response(self._http, self._transport, self._default_headers, self.on_status)
        return self._denial

    def accept(
        self, message: Message, options: DeflateOptions | None
    ) -> tuple[str | None, DeflateParameters | None, bytes]:
        """Answer with a 101; return the subprotocol, what was agreed on for compression, and the bytes behind the head.

        `message` is a `websocket.accept`. Raises `InvalidMessageError` and `LocalProtocolError` for one that is faulty,
        with nothing sent.
        """
        subprotocol, headers = messages.acceptance(message)
        assert self._request.handshake is not None  # noqa: S101  # a session is made for upgrades only
        parameters, extensions = negotiate(self._request.headers, options) or (None, None)
        head = self._http.switch_protocols(
            self._request.handshake, subprotocol, extensions, with_defaults(self._default_headers, headers)
        )
        self._transport.write(head)
        return subprotocol, parameters, self._http.take_trailing_data()

    def refuse(self, status: int, reason: str) -> None:
        """Answer with an error, and end the connection."""
        headers: list[tuple[bytes, bytes]] = [*self._default_headers()]
        if status == 503:
            headers.append((b"retry-after", b"1"))
        self._transport.write(self._http.refuse(Refusal(status, reason, headers)))
        self.on_status(status)
        self._transport.close()
