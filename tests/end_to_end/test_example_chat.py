"""The chat example: its rooms by themselves, then over sockets."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from examples import chat
from examples.chat_rooms import MAX_HISTORY, MAX_MEMBERS, MAX_ROOMS, OUTBOX, Member, Rename, Rooms, Say, Typing
from tests.end_to_end.server_process import WSSERVE, ServerProcess
from wsserve import HTTPException, WebSocketException
from wsserve.asgi_bridge.types import Message

LIMIT = 10.0  # seconds for anything


# The rooms


class InRooms:
    """Members of rooms without any network, who leave at the end."""

    def __init__(self, stack: ExitStack) -> None:
        self.rooms = Rooms()
        self._stack = stack

    def join(self, name: str, room: str = "lobby", key: str = "") -> Member:
        member = self.rooms.join(room, name, key)
        self._stack.callback(self.rooms.leave, member)
        return member


@pytest.fixture
def here() -> Iterator[InRooms]:
    with ExitStack() as stack:
        here = InRooms(stack)
        yield here
    assert len(here.rooms) == 0


def told(member: Member) -> list[Any]:
    """Return what waits in a member's outbox."""
    messages = []
    while member.outgoing.statistics().current_buffer_used:
        messages.append(json.loads(member.outgoing.receive_nowait()))
    return messages


def test_a_room_tells_who_comes_and_what_is_said(here: InRooms) -> None:
    ada = here.join("Ada")
    bob = here.join("Bob")
    assert told(ada) == [
        {"type": "welcome", "room": "lobby", "name": "Ada", "members": ["Ada"], "history": []},
        {"type": "joined", "name": "Bob"},
    ]
    assert told(bob) == [{"type": "welcome", "room": "lobby", "name": "Bob", "members": ["Ada", "Bob"], "history": []}]
    bob.say(Typing())
    bob.say(Say("Hello", "1"))
    assert told(ada)[0] == {"type": "is_typing", "name": "Bob"}
    (said,) = told(bob)
    assert said.items() >= {"type": "said", "id": "1", "name": "Bob", "text": "Hello"}.items()
    here.rooms.leave(bob)
    here.rooms.leave(bob)
    assert told(ada)[-1] == {"type": "left", "name": "Bob"}


def test_a_resent_message_is_said_once(here: InRooms) -> None:
    ada = here.join("Ada")
    ada.say(Say("Hello", "1"))
    ada.say(Say("Hello", "1"))
    assert [message["type"] for message in told(ada)] == ["welcome", "said"]


def test_the_history_is_bounded(here: InRooms) -> None:
    ada = here.join("Ada")
    for number in range(MAX_HISTORY + 1):
        ada.say(Say("Hello", str(number)))
    history = told(here.join("Bob"))[0]["history"]
    assert [said["id"] for said in history] == [str(number) for number in range(1, MAX_HISTORY + 1)]


@pytest.mark.parametrize("other", ["Zoë", "zoë", "ZOË", "Zoe\u0308"])
def test_a_taken_name_is_refused(here: InRooms, other: str) -> None:
    here.join("Zoë")
    with pytest.raises(HTTPException, match="Somebody here is called Zoë already") as refusal:
        here.join(other)
    assert refusal.value.status_code == 409
    here.join(other, room="elsewhere")


@pytest.mark.parametrize("name", [" Ada", "Ada ", " ", "A\u200bda", "A\nda", "A\u202eda"])
def test_a_name_that_is_not_what_it_looks_like_is_refused(here: InRooms, name: str) -> None:
    with pytest.raises(HTTPException) as refusal:
        here.join(name)
    assert refusal.value.status_code == 422


def test_rooms_and_their_members_are_bounded(here: InRooms) -> None:
    for number in range(MAX_MEMBERS):
        here.join(f"member {number}", key=str(number))
    with pytest.raises(HTTPException, match=r"429 This room is full: 50 people are here\."):
        here.join("one more")
    here.join("member 0", key="0")  # its own place
    for number in range(MAX_ROOMS - 1):
        here.join("Ada", room=f"room{number}")
    with pytest.raises(HTTPException, match=r"429 There are 100 rooms already"):
        here.join("Ada", room="another")
    assert len(here.rooms) == MAX_ROOMS


def test_a_member_can_have_another_name(here: InRooms) -> None:
    ada, bob = here.join("Ada"), here.join("Bob")
    ada.say(Rename("Bob"))
    ada.say(Rename("Ada "))
    ada.say(Rename("ada"))
    ada.say(Say("Hello", "1"))
    assert [(message["type"], message.get("new_name")) for message in told(ada)[2:]] == [
        ("error", None),
        ("error", None),
        ("renamed", "ada"),
        ("said", None),
    ]
    assert told(bob)[1]["name"] == "Ada"
    here.rooms.leave(ada)
    assert told(bob)[-1] == {"type": "left", "name": "ada"}
    here.join("Ada")


@pytest.mark.anyio
async def test_a_member_takes_its_own_place_again(here: InRooms) -> None:
    bob = here.join("Bob")
    before = here.join("Ada", key="secret")
    with pytest.raises(HTTPException):
        here.join("Ada", key="guess")
    with pytest.raises(HTTPException):
        here.join("Bob")  # who gave no key
    after = here.join("Ada", key="secret")
    with pytest.raises(WebSocketException) as dropped:
        await before.until_dropped()
    assert dropped.value.code == 4001
    before.say(Rename("Eve"))  # comes too late
    here.rooms.leave(before)
    assert [message["type"] for message in told(bob)] == ["welcome", "joined"]
    after.say(Say("Here again", "1"))
    assert told(bob)[0]["name"] == "Ada"


@pytest.mark.anyio
async def test_a_place_left_late_is_not_that_of_others(here: InRooms) -> None:
    before, after = here.join("Ada", key="secret"), here.join("Ada", key="secret")
    here.rooms.leave(after)
    cleo = here.join("Cleo")
    here.rooms.leave(before)
    here.join("Dan")
    assert [message["type"] for message in told(cleo)] == ["welcome", "joined"]


@pytest.mark.anyio
async def test_a_member_with_a_full_outbox_is_dropped_and_the_others_are_not(here: InRooms) -> None:
    slow, ada = here.join("Slow"), here.join("Ada")
    told(slow)
    for _ in range(OUTBOX // 2 + 5):
        ada.say(Typing())
    assert len(told(slow)) == OUTBOX // 2 + 1  # more of these are not worth their place
    for number in range(OUTBOX):
        ada.say(Say("Hello", str(number)))
        told(ada)
    with anyio.move_on_after(0):
        await slow.until_dropped()
        pytest.fail("the outbox is just full")
    ada.say(Say("Hello", "one more"))
    with pytest.raises(WebSocketException) as dropped:
        await slow.until_dropped()
    assert dropped.value.code == 1013
    assert told(ada)[-1]["id"] == "one more"


class AppPeer:
    """A member without a network, whose connection, a slow one, takes nothing after the handshake."""

    def __init__(self, name: str, *, slow: bool) -> None:
        self.query = f"name={name}".encode()
        self.slow = slow
        self.sent: list[Message] = []
        self.to_app, self._received = anyio.create_memory_object_stream[Message](100)

    def say(self, number: int) -> None:
        text = json.dumps({"type": "say", "text": "Hello", "id": str(number)})
        self.to_app.send_nowait({"type": "websocket.receive", "text": text})

    async def run(self) -> None:
        scope = {
            "type": "websocket",
            "path": "/chat/slow",
            "query_string": self.query,
            "headers": [],
            "subprotocols": [],
        }
        self.to_app.send_nowait({"type": "websocket.connect"})
        with self.to_app, self._received:
            await chat.app(scope, self._received.receive, self.send)

    async def send(self, message: Message) -> None:
        if self.slow and message["type"] == "websocket.send":
            await anyio.sleep_forever()
        self.sent.append(message)


@pytest.mark.anyio
async def test_a_slow_connection_does_not_slow_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "PAUSE", 0)
    slow, ada = AppPeer("Slow", slow=True), AppPeer("Ada", slow=False)
    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow.run)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(ada.run)
            for number in range(OUTBOX + 5):
                ada.say(number)
            await anyio.wait_all_tasks_blocked()
            ada.to_app.send_nowait({"type": "websocket.disconnect", "code": 1000})
    assert [message["type"] for message in slow.sent] == ["websocket.accept", "websocket.close"]
    assert slow.sent[-1]["code"] == 1013
    got = [json.loads(message["text"]) for message in ada.sent if message["type"] == "websocket.send"]
    assert [message["id"] for message in got if message["type"] == "said"] == [str(each) for each in range(OUTBOX + 5)]
    assert {"type": "left", "name": "Slow"} in got
    assert len(chat.rooms) == 0


# The server


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
