"""The frames of a client's connection: wsproto's, with all close codes that there are."""

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection
from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

from wsserve.codec.close_codes import NO_STATUS_RECEIVED
from wsserve.codec.message import parse_close


class ClientConnection(Connection):
    """A client's open connection; `trailing_data` came behind the handshake's answer."""

    def __init__(self, trailing_data: bytes = b"") -> None:
        self._reader = _CloseReader()
        super().__init__(ConnectionType.CLIENT, [self._reader], trailing_data)

    def closing(self, event: CloseConnection) -> CloseConnection:
        """Return the Close that the server sent, or the fault that was found, with the code to answer with."""
        if self.state not in (ConnectionState.REMOTE_CLOSING, ConnectionState.CLOSED):
            return event  # wsproto found a fault
        found = parse_close(self._reader.payload)
        return close_event(None if found.code == NO_STATUS_RECEIVED else found.code, found.reason)


def close_event(code: int | None, reason: str = "") -> CloseConnection:
    """Return wsproto's event for a Close with this code, or with none."""
    if code is None:
        return CloseConnection(code=CloseReason.NO_STATUS_RCVD, reason=None)
    return CloseConnection(code=code, reason=reason)


class _CloseReader(Extension):
    """Takes the payload of a Close out of wsproto's hands: version 1.3.2 knows no code 1014."""

    name = "close-reader"

    def __init__(self) -> None:
        self.payload = b""
        self._is_close = False

    def enabled(self) -> bool:
        return True

    offer = Extension.enabled  # which says no: nothing is negotiated

    def frame_inbound_header(
        self, _proto: FrameDecoder | FrameProtocol, opcode: Opcode, _rsv: RsvBits, _payload_length: int
    ) -> RsvBits:
        self._is_close = opcode is Opcode.CLOSE
        return RsvBits(False, False, False)

    def frame_inbound_payload_data(self, _proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes:
        if not self._is_close:
            return data
        self.payload = bytes(data)  # wsproto waits for all of it
        return b""
