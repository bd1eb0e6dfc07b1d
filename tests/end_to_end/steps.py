"""What a client does on a connection, as a list of steps, and what it sees.

Steps are plain dictionaries, so that node and the page take them as JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

Step = dict[str, Any]


def send_text(data: str) -> Step:
    """Send one text message."""
    return {"do": "send_text", "data": data}


def send_bytes(data: bytes) -> Step:
    """Send one binary message."""
    return {"do": "send_bytes", "hex": data.hex()}


def send(data: str | bytes) -> Step:
    """Send one message, text for str."""
    return send_text(data) if isinstance(data, str) else send_bytes(data)


def receive() -> Step:
    """Wait for one message, or for the end of the connection."""
    return {"do": "receive"}


def close(code: int | None = None, reason: str = "") -> Step:
    """Close with this code and reason, with an empty Close when code is None, and wait for the end."""
    return {"do": "close", "code": code, "reason": reason}


def wait_closed() -> Step:
    """Wait until the server has closed the connection."""
    return {"do": "wait_closed"}


@dataclass(frozen=True)
class Observations:
    """What a client saw on one connection."""

    opened: bool
    subprotocol: str | None
    extensions: str
    """The value of Sec-WebSocket-Extensions in the response."""
    messages: list[str | bytes]
    """Every message that arrived, waited for or not."""
    close: tuple[int, str] | None
    """The close code and reason as the client reports them; None while open."""
    status: int | None
    """The status of the response to the handshake; None where the client does not tell."""
    headers: list[tuple[str, str]] | None
    """The headers of that response, names as sent; None where the client does not tell."""
    body: str | None
    """The body of a response that refuses; None where the client does not tell."""

    @classmethod
    def from_json(cls, seen: Mapping[str, Any]) -> Self:
        """Make the observations from what a JavaScript client gives."""
        messages = [
            bytes.fromhex(message["hex"]) if "hex" in message else message["text"] for message in seen["messages"]
        ]
        raw: list[str] | None = seen["headers"]
        headers = None if raw is None else list(zip(raw[::2], raw[1::2], strict=True))
        end = seen["close"]
        same = {name: seen[name] for name in ("opened", "subprotocol", "extensions", "status", "body")}
        return cls(messages=messages, headers=headers, close=None if end is None else (end[0], end[1]), **same)


class Client(Protocol):
    """A client that takes steps."""

    name: ClassVar[str]
    sees_response: ClassVar[bool]
    """True if it tells the status, headers and body of the response, and takes headers to send."""

    def run_steps(
        self,
        url: str,
        steps: Sequence[Step],
        *,
        subprotocols: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Observations:
        """Connect, take the steps, and return what was seen. Raises TimeoutError."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
