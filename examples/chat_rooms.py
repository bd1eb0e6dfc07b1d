"""The chat's messages, rooms and members, without any network: `examples.chat` connects them to WebSockets.

Nothing here waits. Whoever says something puts it into the outbox of each member, and a task of each member sends what
is in there, so that a slow member slows nobody else. An outbox is bounded: notices of typing are dropped while it is
half full; a member whose outbox is full is disconnected with 1013, "try again later" (the page does, and then gets
the history).
"""

import unicodedata
from collections import deque
from datetime import UTC, datetime
from typing import Annotated, Final

import anyio
import msgspec

from wsserve import HTTPException, WebSocketException

MAX_ROOMS: Final = 100
MAX_MEMBERS: Final = 50  # of one room
MAX_HISTORY: Final = 50  # messages that a room remembers
OUTBOX: Final = 64  # messages that may wait for one member
JOINERS: Final = str.maketrans("", "", "\u200c\u200d")  # invisible, but parts of Persian words and of emoji
TAKEN_OVER: Final = 4001  # the close code for a member that has joined again from elsewhere

RoomName = Annotated[str, msgspec.Meta(pattern=r"^[\w-]{1,30}\Z")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
Key = Annotated[str, msgspec.Meta(max_length=64)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class Message(msgspec.Struct, frozen=True, tag=str.lower):
    """A message is a JSON object; its `type` is the name of its class in lower case."""


# From a client


class Say(Message, frozen=True):
    """Something to be said to the room; `id` is the client's choice, and said once even when it comes again."""

    text: Text
    id: Key


class Typing(Message, frozen=True):
    """The member is about to say something."""


class Rename(Message, frozen=True):
    """The member wants another name."""

    name: Name


FromClient = Say | Typing | Rename


# To a client


class Said(Message, frozen=True):
    """Somebody said something."""

    id: str
    name: str
    text: str
    at: datetime


class Welcome(Message, frozen=True):
    """The first message to a new member: who is in the room, the new one included, and what was said lately."""

    room: str
    name: str
    members: list[str]
    history: list[Said]


class Joined(Message, frozen=True):
    """Somebody has joined the room."""

    name: str


class Left(Message, frozen=True):
    """Somebody has left the room."""

    name: str


class Renamed(Message, frozen=True):
    """Somebody has another name now."""

    name: str
    new_name: str


class IsTyping(Message, frozen=True, tag="is_typing"):
    """Somebody is about to say something."""

    name: str


class Error(Message, frozen=True):
    """What the member asked for cannot be done."""

    reason: str


class Member:
    """Somebody in a room. `key` is a secret of the client, by which it may take its own place again."""

    def __init__(self, room: "Room", name: str, key: str) -> None:
        self.room = room
        self.name = name
        self.key = key
        self._outbox, self.outgoing = anyio.create_memory_object_stream[str](OUTBOX)
        self._dropped = anyio.Event()
        self._farewell = WebSocketException(1013, "too many messages are waiting for you")

    def tell(self, message: Message) -> None:
        """Put a message into the outbox."""
        self.tell_encoded(encode(message))

    def tell_encoded(self, message: str, *, optional: bool = False) -> None:
        """Put an encoded message into the outbox; one that is `optional` only while that is at most half full."""
        if optional and self.outgoing.statistics().current_buffer_used > OUTBOX // 2:
            return
        try:
            self._outbox.send_nowait(message)
        except anyio.WouldBlock:
            self._dropped.set()

    def drop(self, code: int, reason: str) -> None:
        """Have the member's connection closed."""
        self._farewell = WebSocketException(code, reason)
        self._dropped.set()

    async def until_dropped(self) -> None:
        """Wait until the member is to be disconnected, and raise the `WebSocketException` that does it."""
        await self._dropped.wait()
        raise self._farewell

    def say(self, message: FromClient) -> None:
        """Do what the member's client asks for, unless the member is on its way out."""
        if self._dropped.is_set():
            return
        match message:
            case Say():
                self.room.say(self, message)
            case Typing():
                self.room.broadcast(IsTyping(self.name), but=self, optional=True)
            case Rename(name):
                try:
                    self.room.rename(self, name)
                except HTTPException as refusal:
                    self.tell(Error(refusal.detail))

    def close(self) -> None:
        """Let go of the outbox."""
        self._outbox.close()
        self.outgoing.close()


class Room:
    """The members of a room, by what makes a name distinct, and what they said lately."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[str, Member] = {}
        self.history: deque[Said] = deque(maxlen=MAX_HISTORY)

    def admit(self, name: str, key: str) -> None:
        """Raise `HTTPException` when nobody can join by this name: 409 for one that is taken, 429 for a full room."""
        check(name)
        holder = self.members.get(identity(name))
        if holder is None and len(self.members) >= MAX_MEMBERS:
            raise HTTPException(429, f"This room is full: {MAX_MEMBERS} people are here.")
        if holder is not None and (not key or holder.key != key):
            raise HTTPException(409, f"Somebody here is called {holder.name} already: choose another name.")

    def join(self, name: str, key: str) -> Member:
        """Return the new member; a holder of the same name and key makes way for it. Raises what `admit` does."""
        self.admit(name, key)
        member = Member(self, name, key)
        before = self.members.get(identity(name))
        if before is None:
            self.broadcast(Joined(name))
        else:
            before.drop(TAKEN_OVER, "you have joined again from elsewhere")
        self.members[identity(name)] = member
        names = [other.name for other in self.members.values()]
        member.tell(Welcome(self.name, name, names, list(self.history)))
        return member

    def leave(self, member: Member) -> None:
        """Take a member out of the room, unless another connection has taken its place."""
        member.close()
        if self.members.get(identity(member.name)) is member:
            del self.members[identity(member.name)]
            self.broadcast(Left(member.name))

    def say(self, member: Member, message: Say) -> None:
        """Tell everybody, the member too, what it says, unless it was said before: a resent message."""
        if not any(said.id == message.id for said in self.history):
            said = Said(message.id, member.name, message.text, datetime.now(UTC))
            self.history.append(said)
            self.broadcast(said)

    def rename(self, member: Member, name: str) -> None:
        """Give a member another name. Raises `HTTPException` for one that cannot be had."""
        check(name)
        if self.members.get(identity(name), member) is not member:
            raise HTTPException(409, f"Somebody here is called {name} already.")
        del self.members[identity(member.name)]
        self.members[identity(name)] = member
        self.broadcast(Renamed(member.name, name))
        member.name = name

    def broadcast(self, message: Message, *, but: Member | None = None, optional: bool = False) -> None:
        """Put a message, encoded once, into the outbox of each member `but` one."""
        encoded = encode(message)
        for member in self.members.values():
            if member is not but:
                member.tell_encoded(encoded, optional=optional)


class Rooms:
    """All rooms of this process. A room is made for its first member and forgotten with its last."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    def find(self, name: str) -> Room:
        """Return the room of this name, perhaps a new one. Raises `HTTPException` 429 when there are too many."""
        if name not in self._rooms and len(self._rooms) >= MAX_ROOMS:
            raise HTTPException(429, f"There are {MAX_ROOMS} rooms already: join one of them, or come back later.")
        return self._rooms.get(name) or Room(name)

    def join(self, room_name: str, name: str, key: str) -> Member:
        """Return a new member of a room. Raises `HTTPException` when it cannot join."""
        room = self.find(room_name)
        member = room.join(name, key)
        self._rooms[room_name] = room
        return member

    def leave(self, member: Member) -> None:
        """Take a member out of its room."""
        room = member.room
        room.leave(member)
        if not room.members and self._rooms.get(room.name) is room:
            del self._rooms[room.name]


def identity(name: str) -> str:
    """Return what makes a name distinct: letter case and the like do not."""
    return unicodedata.normalize("NFKC", name.translate(JOINERS)).casefold()


def check(name: str) -> None:
    """Raise `HTTPException` for a name that cannot be seen as it is: it begins with a space, or has a control in it."""
    visible = name.translate(JOINERS)
    if not visible or visible != visible.strip() or not visible.isprintable():
        raise HTTPException(422, "A name has no spaces around it, and no invisible characters.")


def encode(message: Message) -> str:
    """Return a message as the JSON text that a client gets."""
    return msgspec.json.encode(message).decode()
