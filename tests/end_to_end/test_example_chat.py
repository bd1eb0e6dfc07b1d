"""The chat example over sockets."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from examples.chat_rooms import MAX_MEMBERS
from tests.end_to_end.server_process import WSSERVE, ServerProcess

LIMIT = 10.0  # seconds for anything


@pytest.fixture(scope="module", params=WSSERVE, ids=lambda configuration: configuration.name)
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    with ServerProcess(request.param, "examples.chat:app") as server:
        yield server
        server.assert_log_clean()


class Peer:
    """A member over a socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, message: object) -> None:
        self.connection.send(json.dumps(message))

    def receive(self, kind: str, **content: object) -> Any:
        """Return the next message, which must be of this type and have this content."""
        message = json.loads(self.connection.recv(timeout=LIMIT))
        assert message["type"] == kind, message
        assert message.items() >= content.items()
        return message

    def close_code(self) -> int | None:
        """Return the close code, when the server has closed."""
        try:
            while True:
                self.connection.recv(timeout=LIMIT)
        except ConnectionClosed:
            return self.connection.close_code


@contextmanager
def joined(server: ServerProcess, room: str, name: str, **parameters: str) -> Iterator[Peer]:
    url = server.ws(f"/chat/{quote(room)}", name=name, **parameters)
    with connect(url, proxy=None, open_timeout=LIMIT, close_timeout=LIMIT, max_queue=None) as connection:
        yield Peer(connection)


def refusal(server: ServerProcess, room: str, **parameters: str) -> tuple[int, str]:
    """Return status and body of a refused handshake, after a look that HTTP answers the same."""
    path = f"/chat/{quote(room)}"
    with pytest.raises(InvalidStatus) as refused:
        connect(server.ws(path, **parameters), proxy=None, open_timeout=LIMIT).close()
    response = refused.value.response
    over_http = httpx.get(server.http(path, **parameters), trust_env=False, timeout=LIMIT)
    assert (over_http.status_code, over_http.text) == (response.status_code, response.body.decode())
    return over_http.status_code, over_http.text


def test_two_talk_and_one_leaves(server: ServerProcess) -> None:
    with joined(server, "talk", "Ada") as ada:
        ada.receive("welcome", room="talk", name="Ada", members=["Ada"], history=[])
        ada.send({"type": "say", "text": "Is anybody here?", "id": "1"})
        first = ada.receive("said", id="1", name="Ada", text="Is anybody here?")
        with joined(server, "talk", "Zoë 🦊") as zoe:
            assert zoe.receive("welcome", members=["Ada", "Zoë 🦊"])["history"] == [first]
            ada.receive("joined", name="Zoë 🦊")
            zoe.send({"type": "typing"})
            ada.receive("is_typing", name="Zoë 🦊")
            zoe.send({"type": "say", "text": "<b>I</b> am", "id": "2"})
            for peer in (ada, zoe):
                peer.receive("said", name="Zoë 🦊", text="<b>I</b> am")
            zoe.send({"type": "rename", "name": "Ada"})
            assert "Ada" in zoe.receive("error")["reason"]
            zoe.send({"type": "rename", "name": "Zoë"})
            ada.receive("renamed", name="Zoë 🦊", new_name="Zoë")
        ada.receive("left", name="Zoë")
    with joined(server, "talk", "Ada") as ada:
        ada.receive("welcome", members=["Ada"], history=[])  # all was gone with the last one


def test_rooms_are_apart(server: ServerProcess) -> None:
    with joined(server, "one", "Ada") as ada, joined(server, "日本語-2", "Ada") as other:
        ada.receive("welcome", room="one")
        other.receive("welcome", room="日本語-2", members=["Ada"])
        ada.send({"type": "say", "text": "one", "id": "1"})
        other.send({"type": "say", "text": "two", "id": "1"})
        ada.receive("said", text="one")
        other.receive("said", text="two")


def test_a_lost_connection_is_a_leave(server: ServerProcess) -> None:
    with joined(server, "lost", "Ada") as ada, joined(server, "lost", "Bob") as bob:
        ada.receive("welcome")
        ada.receive("joined")
        bob.connection.socket.shutdown(socket.SHUT_RDWR)
        ada.receive("left", name="Bob")
        assert bob.close_code() == 1006


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        ("{", 1007, "no well-formed JSON"),
        ("[]", 1007, "not what was expected"),
        ('{"type":"shout"}', 1007, "shout"),
        ('{"type":"say","text":"","id":"1"}', 1007, "$.text"),
        (json.dumps({"type": "say", "text": "a" * 1001, "id": "1"}), 1007, "$.text"),
        (json.dumps({"type": "say", "text": "a", "id": "1" * 65}), 1007, "$.id"),
        ('{"type":"rename","name":""}', 1007, "$.name"),
        (b"{}", 1003, "expected a text message"),
    ],
)
def test_a_bad_message_ends_its_sender_only(
    server: ServerProcess, message: str | bytes, code: int, reason: str
) -> None:
    with joined(server, "bad", "Ada") as ada, joined(server, "bad", "Bob") as bob:
        ada.receive("welcome")
        ada.receive("joined")
        bob.connection.send(message)
        assert bob.close_code() == code
        assert reason in (bob.connection.close_reason or "")
        ada.receive("left", name="Bob")
        ada.send({"type": "say", "text": "a" * 1000, "id": "1" * 64})
        ada.receive("said", text="a" * 1000)


def test_refusals(server: ServerProcess) -> None:
    with joined(server, "taken", "Ada", key="secret") as ada:
        ada.receive("welcome")
        assert refusal(server, "taken", name="ada") == (
            409,
            "Somebody here is called Ada already: choose another name.\n",
        )
        assert refusal(server, "taken", name="Bo\nb")[0] == 422
        assert refusal(server, "taken", name="b" * 21)[0] == 422
        assert refusal(server, "taken")[0] == 422
        assert refusal(server, "a room", name="Bob")[0] == 422
        assert refusal(server, "r" * 31, name="Bob")[0] == 422
        assert refusal(server, "a/b", name="Bob")[0] == 404
        with joined(server, "taken", "Ada", key="secret") as again:
            again.receive("welcome", members=["Ada"])
            assert ada.close_code() == 4001


def test_a_full_room_refuses(server: ServerProcess) -> None:
    with ExitStack() as stack:
        peers = [stack.enter_context(joined(server, "full", f"member {number}")) for number in range(MAX_MEMBERS)]
        assert refusal(server, "full", name="one more") == (429, "This room is full: 50 people are here.\n")
        peers.pop().connection.close()
        for number in range(MAX_MEMBERS - 2):
            peers[0].receive("welcome" if number == 0 else "joined")
        while json.loads(peers[0].connection.recv(timeout=LIMIT))["type"] != "left":
            pass
        stack.enter_context(joined(server, "full", "one more"))


def test_the_page_and_its_files(server: ServerProcess) -> None:
    with httpx.Client(base_url=server.http(""), trust_env=False, timeout=LIMIT) as client:
        page = client.get("/")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "<title>Chat</title>" in page.text
        for name in ("chat.css", "chat.js", "connection.js", "icon.svg"):
            assert client.get(f"/{name}").status_code == 200
        assert client.get("/chat.html").status_code == 404
        assert client.get("/chat/room", params={"name": "Ada"}).status_code == 204
