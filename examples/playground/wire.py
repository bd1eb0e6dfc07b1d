"""A WebSocket connection of the server to itself, which tells of every frame in both directions.

A browser shows a page neither frames nor pings nor compression. So the page has the server open a connection to its own
address, send what the page says, and report what goes over the wire.
"""

import base64
import hashlib
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSStream

from examples.playground import deflate
from examples.playground.deflate import Compressor, Inflater, Parameters
from examples.playground.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, TEXT, Frame, FrameReader
from examples.playground.protocol import Connect, FrameReport, HandshakeReport, Report, SendMessage

CONNECT_TIMEOUT = 5.0  # seconds until the server has answered the handshake
WRITE_TIMEOUT = 5.0
MAX_RESPONSE = 16 * 1024  # bytes of the response to the handshake
MAX_PAYLOAD = 1024 * 1024  # bytes of a frame from the server, inflated as well
MAX_FRAMES = 5000  # in both directions together
MAX_FRAGMENTS = 256  # of a message that is sent
PREVIEW = 2048  # bytes of each payload that are reported

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # of RFC 6455, section 4.2.2


class WireError(Exception):
    """The connection cannot do or bear this; the text says why."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the connection goes: the server's own address, what was asked for there, and the Host header to send."""

    server: tuple[str, int | None]
    tls: bool
    path: str
    host: str


async def open_stream(endpoint: Endpoint) -> ByteStream:
    """Connect to the server's own address, TCP or a unix socket, with TLS when it is served so.

    Its certificate is not verified: it names the server's domain, and here the server talks to itself.
    """
    stream = await open_transport(endpoint)
    if not endpoint.tls:
        return stream
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return await TLSStream.wrap(stream, server_side=False, ssl_context=context, standard_compatible=False)
    except (ssl.SSLError, anyio.EndOfStream, anyio.BrokenResourceError):
        await anyio.aclose_forcefully(stream)
        return await open_transport(endpoint)  # the TLS of the page's connection is that of a proxy in front


async def open_transport(endpoint: Endpoint) -> ByteStream:
    """Connect to the server's own address. Raises `OSError`."""
    host, port = endpoint.server
    return await (anyio.connect_unix(host) if port is None else anyio.connect_tcp(host, port))


class WireConnection:
    """One connection, from its handshake to its end. `report` is called with everything that passes."""

    def __init__(self, endpoint: Endpoint, options: Connect, report: Callable[[Report], Awaitable[None]]) -> None:
        self._endpoint = endpoint
        self._options = options
        self._report = report
        self._start = time.perf_counter_ns()
        self._stream: ByteStream | None = None
        self._frames = 0
        self._close_sent = False
        self._sending = anyio.Lock()
        self._set_compression("")

    def now(self) -> int:
        """Return the microseconds since the connection was begun."""
        return (time.perf_counter_ns() - self._start) // 1000

    async def run(self) -> str:
        """Connect, and read until the connection ends; then say why it did. Raises `WireError`, `OSError`."""
        with anyio.fail_after(CONNECT_TIMEOUT):
            stream = await open_stream(self._endpoint)
        async with stream:
            with anyio.fail_after(CONNECT_TIMEOUT):
                unread = await self._handshake(stream)
            if unread is None:
                return "The server did not accept the handshake."
            self._stream = stream
            reader = FrameReader(MAX_PAYLOAD)
            while True:
                time_us = self.now()
                for frame in reader.receive(unread):
                    await self._received(frame, time_us)
                try:
                    unread = await stream.receive()
                except anyio.EndOfStream:
                    return "The server ended the TCP connection."

    async def send_message(self, message: SendMessage) -> None:
        """Send a message, in fragments and compressed as it says. Raises `WireError`."""
        payload, rsv = message.payload(), 0
        if message.compress:
            if self._compressor is None:
                raise WireError("Compression was not agreed on in this connection's handshake.")
            payload, rsv = self._compressor.compress(payload), RSV1
        size = message.fragment_size or max(1, len(payload))
        fragments = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
        if len(fragments) > MAX_FRAGMENTS:
            raise WireError(f"That makes {len(fragments)} fragments; the playground sends up to {MAX_FRAGMENTS}.")
        opcode = BINARY if message.binary else TEXT
        for number, fragment in enumerate(fragments, 1):
            # The bit for compression is in a message's first frame only (RFC 7692, section 6.1).
            await self.send(Frame(opcode, fragment, number == len(fragments), rsv, os.urandom(4)))
            if message.ping_between and number == 1:
                await self.send(Frame(PING, b"in between", masking_key=os.urandom(4)))
            opcode, rsv = CONTINUATION, 0

    async def send(self, frame: Frame) -> None:
        """Send one frame as it is. Raises `WireError`."""
        if self._stream is None:
            raise WireError("There is no open connection: connect first.")
        if frame.opcode == CLOSE:
            self._close_sent = True
        try:
            with anyio.fail_after(WRITE_TIMEOUT):
                async with self._sending:
                    await self._report_frame("sent", frame, self._sent_inflater.inflate(frame), self.now())
                    await self._stream.send(bytes(frame))
        except TimeoutError:
            raise WireError("The server takes no more data.") from None
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise WireError("The server has ended the connection.") from None

    async def _received(self, frame: Frame, time_us: int) -> None:
        await self._report_frame("received", frame, self._received_inflater.inflate(frame), time_us)
        if not self._options.answer or self._close_sent:
            return
        if frame.opcode == PING:
            await self.send(Frame(PONG, frame.payload, masking_key=os.urandom(4)))
        elif frame.opcode == CLOSE:  # echo the code (section 5.5.1); then the server ends the TCP connection
            await self.send(Frame(CLOSE, frame.payload[:2], masking_key=os.urandom(4)))

    async def _report_frame(self, direction: str, frame: Frame, content: bytes | None, time_us: int) -> None:
        self._frames += 1
        if self._frames > MAX_FRAMES:
            raise WireError(f"This connection has had {MAX_FRAMES} frames, as many as the playground allows.")
        shown = frame.payload if content is None else content
        has_code = frame.opcode == CLOSE and len(shown) >= 2
        await self._report(
            FrameReport(
                number=self._frames,
                time_us=time_us,
                direction=direction,
                opcode=frame.opcode,
                fin=frame.fin,
                rsv=frame.rsv,
                masked=frame.masking_key is not None,
                header=frame.header().hex(),
                wire=frame.payload_on_wire()[:64].hex(),
                wire_length=len(frame.payload),
                length=None if content is None else len(content),
                text=shown[2 if has_code else 0 :][:PREVIEW].decode(errors="replace"),
                hex=shown[:PREVIEW].hex(),
                close_code=int.from_bytes(shown[:2], "big") if has_code else None,
            )
        )

    async def _handshake(self, stream: ByteStream) -> bytes | None:
        """Send the request, read and report the response; return what follows it, None when it is not 101."""
        key = base64.b64encode(os.urandom(16)).decode()
        request = "\r\n".join([*self._request_lines(key), "", ""])
        sent_us = self.now()
        await stream.send(request.encode("latin-1"))
        response = await read_until(stream, b"\r\n\r\n")
        time_us = self.now()
        head, _, rest = response.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        digits = status_line.partition(" ")[2][:3]
        status = int(digits) if digits.isdecimal() else 0
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        accept = base64.b64encode(hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()).decode()
        self._set_compression(headers.get("sec-websocket-extensions", ""))
        body = b"" if status == 101 else await read_body(stream, rest, headers.get("content-length", "0"))
        await self._report(
            HandshakeReport(
                sent_us=sent_us,
                time_us=time_us,
                transport=describe(stream, self._endpoint),
                request=request,
                response=(head + b"\r\n\r\n" + body).decode("utf-8", "replace"),
                status=status,
                key_accepted=headers.get("sec-websocket-accept") == accept,
                subprotocol=headers.get("sec-websocket-protocol", ""),
                extensions=headers.get("sec-websocket-extensions", ""),
            )
        )
        return rest if status == 101 else None

    def _request_lines(self, key: str) -> Iterator[str]:
        yield f"GET {self._endpoint.path} HTTP/1.1"
        yield f"Host: {self._endpoint.host}"
        yield "Connection: Upgrade"
        yield "Upgrade: websocket"
        yield "Sec-WebSocket-Version: 13"
        yield f"Sec-WebSocket-Key: {key}"
        if self._options.subprotocols:
            yield f"Sec-WebSocket-Protocol: {', '.join(self._options.subprotocols)}"
        if self._options.compression:
            offer = deflate.OFFER if self._options.context_takeover else deflate.OFFER_WITHOUT_TAKEOVER
            yield f"Sec-WebSocket-Extensions: {offer}"

    def _set_compression(self, extensions: str) -> None:
        client, server = (Parameters.agreed(extensions, side) for side in ("client", "server"))
        self._compressor = None if client is None else Compressor(client)
        self._sent_inflater = Inflater(client, MAX_PAYLOAD)
        self._received_inflater = Inflater(server, MAX_PAYLOAD)


async def read_until(stream: ByteStream, end: bytes) -> bytes:
    """Return what comes up to `end` and perhaps beyond. Raises `WireError`."""
    data = b""
    while end not in data:
        if len(data) > MAX_RESPONSE:
            raise WireError(f"The response's head is over {MAX_RESPONSE} bytes.")
        try:
            data += await stream.receive()
        except anyio.EndOfStream:
            raise WireError("The server ended the connection without a whole response.") from None
    return data


async def read_body(stream: ByteStream, body: bytes, content_length: str) -> bytes:
    """Return the body of a denial, of which a beginning is there, as far as it may be shown."""
    wanted = min(int(content_length), MAX_RESPONSE) if content_length.isdecimal() else 0
    with suppress(anyio.EndOfStream):
        while len(body) < wanted:
            body += await stream.receive()
    return body[:MAX_RESPONSE]


def describe(stream: ByteStream, endpoint: Endpoint) -> str:
    """Say in a few words what the connection runs over."""
    family = stream.extra(SocketAttribute.family)
    host, port = endpoint.server
    if family == getattr(socket, "AF_UNIX", None):
        words = f"unix socket {host}"
    else:
        words = f"TCP to [{host}]:{port}" if ":" in host else f"TCP to {host}:{port}"
    tls_version = stream.extra(TLSAttribute.tls_version, None)
    return words if tls_version is None else f"{tls_version} over {words}"
