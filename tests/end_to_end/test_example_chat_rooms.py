"""The chat example's rooms, without a network."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import pytest

from examples import chat
from examples.chat_rooms import MAX_HISTORY, MAX_MEMBERS, MAX_ROOMS, OUTBOX, Member, Rename, Rooms, Say, Typing
from wsserve import HTTPException, WebSocketException
from wsserve.asgi_bridge.types import Message

LIMIT = 10.0  # seconds for anything


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


@pytest.mark.parametrize("other", ["Zoë", "zoë", "ZOË", "Zoe\u0308", "Zo\u200dë", "Zoë\u200c"])
def test_a_taken_name_is_refused(here: InRooms, other: str) -> None:
    here.join("Zoë")
    with pytest.raises(HTTPException, match="Somebody here is called Zoë already") as refusal:
        here.join(other)
    assert refusal.value.status_code == 409
    here.join(other, room="elsewhere")


@pytest.mark.parametrize("name", [" Ada", "Ada ", " ", "\u200d", "Ada \u200d", "A\u200bda", "A\nda", "A\u202eda"])
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
        self.to_app.send_nowait({"type": "websocket.connect"})

    def say(self, number: int) -> None:
        text = json.dumps({"type": "say", "text": "Hello", "id": str(number)})
        self.to_app.send_nowait({"type": "websocket.receive", "text": text})

    async def run(self) -> None:
        scope = {"type": "websocket", "path": "/chat/slow", "query_string": self.query, "headers": []}
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
