"""N22: the close codes that a client's connection reads."""

import pytest
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection

from tests.end_to_end.raw_client import CLOSE, TEXT, frame
from wsserve.asgi_bridge.client_frames import ClientConnection, close_event


def closing(data: bytes, closed: bool = False) -> tuple[CloseConnection, ConnectionState]:
    connection = ClientConnection()
    if closed:
        connection.send(close_event(1000))
    connection.receive_data(data)
    (event,) = connection.events()
    assert isinstance(event, CloseConnection)
    return connection.closing(event), connection.state


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (b"", 1005, None),
        (b"\x03\xf6", 1014, ""),
        (b"\x0f\xa0" + "w\u00e9".encode(), 4000, "w\u00e9"),
    ],
)
def test_n22_a_close_is_read(payload: bytes, code: int, reason: str | None, closed: bool) -> None:
    event, state = closing(frame(CLOSE, payload, masking_key=None), closed)
    assert (event.code, event.reason) == (code, reason)
    assert state is (ConnectionState.CLOSED if closed else ConnectionState.REMOTE_CLOSING)


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xed", b"\x03\xe7", b"\x03\xe8\xff"])
def test_n22_a_faulty_close_is_answered_with_its_fault(payload: bytes) -> None:
    event, _ = closing(frame(CLOSE, payload, masking_key=None))
    assert event.code == (1007 if payload[-1] == 0xFF else 1002)


def test_n22_another_fault_is_wsprotos() -> None:
    event, state = closing(frame(TEXT, b"\xff", masking_key=None))
    assert (event.code, state) == (1007, ConnectionState.OPEN)


def test_n22_a_close_may_have_no_code() -> None:
    assert len(ClientConnection().send(close_event(None))) == 6  # a header and a masking key
    assert len(ClientConnection().send(close_event(1000, "why"))) == 11
