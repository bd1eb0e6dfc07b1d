"""The states of a WebSocket session, seen from the application's `send`."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal

ClosedBy = Literal["client", "application", "server", "nobody"]
"""Who began the end of a connection; nobody when it was lost."""


class State(Enum):
    """Where the session is, seen from the application's `send`."""

    CONNECTING = auto()
    """The application has not answered the handshake."""
    DENYING = auto()
    """The application is sending an HTTP response instead."""
    OPEN = auto()
    """Accepted; messages go both ways."""
    CLOSING = auto()
    """Our Close is out and the peer's is awaited."""
    CLOSED = auto()
    """Nothing more can be sent."""


EXPECTED: Final = {
    State.CONNECTING: "'websocket.accept', 'websocket.close' or 'websocket.http.response.start'",
    State.DENYING: "'websocket.http.response.body'",
    State.OPEN: "'websocket.send' or 'websocket.close'",
    State.CLOSING: "nothing",
    State.CLOSED: "nothing",
}
"""What the application may send in each state, in words."""


@dataclass(slots=True)
class SessionRecord:
    """What there is to tell of a session, for the access log."""

    accepted: bool = False
    subprotocol: str | None = None
    disconnect: tuple[int, str] | None = None
    """Close code and reason, once the connection has ended for the application."""
    closed_by: ClosedBy = "nobody"
    """Who began the end; nobody when the connection was lost."""


DENIAL_START: Final = "websocket.http.response.start"
DENIAL_BODY: Final = "websocket.http.response.body"

ANSWERS: Final = frozenset({"websocket.accept", DENIAL_START, DENIAL_BODY})
"""What the application may still send in good faith when the client leaves before the handshake is answered."""
