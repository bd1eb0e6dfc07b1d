"""A chat in rooms: who is there, who is typing, what was said; with a page that comes back after a lost connection.

    wsserve examples.chat:app

then open http://127.0.0.1:8000 in two windows. A program talks to ws://127.0.0.1:8000/chat/{room}?name=Ada instead:
it sends and gets the messages in `examples.chat_rooms` as JSON.

The rooms are in the memory of one process: with more workers each would have its own.
"""

from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import anyio

from examples.chat_rooms import FromClient, Key, Member, Name, RoomName, Rooms
from wsserve import AsyncResource, Request, Response, Route, Router, WebSocket, WebSocketRoute, use

PAUSE: Final = 0.05  # seconds between two messages of one member: who floods is read slowly, and the others are not
PAGE: Final = Path(__file__).with_name("chat")
MEDIA_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}

rooms = Rooms()
room_route = WebSocketRoute("chat/{room}")


async def join(room: RoomName, name: Name, key: Key = "") -> AsyncResource[Member]:
    """Join before the handshake is accepted, so that a refusal is an HTTP response; leave however the handler ends."""
    member = rooms.join(room, name, key)
    try:
        yield member
    finally:
        rooms.leave(member)


@room_route.ws_handler
async def talk(websocket: WebSocket, member: Annotated[Member, use(join, reuse=True)]) -> None:
    """Serve a member; a message that is none of `FromClient` ends the connection with 1007, a binary one with 1003."""
    await websocket.accept()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(deliver, websocket, member)
        tasks.start_soon(member.until_dropped)
        async for message in websocket.iter_json(type=FromClient):
            member.say(message)
            await anyio.sleep(PAUSE)
        tasks.cancel_scope.cancel()


async def deliver(websocket: WebSocket, member: Member) -> None:
    """Send what is in the member's outbox, as fast as its connection takes it."""
    async for message in member.outgoing:
        await websocket.send_text(message)


async def may_join(room: RoomName, name: Name, key: Key = "") -> None:
    """Answer what a handshake would be refused with: a browser does not tell its page, so that asks here."""
    rooms.find(room).admit(name, key)


async def page(request: Request) -> Response:
    """Answer with the page, whose URLs are relative: below a prefix it needs the slash at the end of its own."""
    folder = request["path"].rpartition("/")[2]
    if folder:
        return Response(status_code=307, headers={"location": f"{quote(folder)}/"})
    return file("chat.html")


def file(name: str) -> Response:
    """Return the response for a file of the page."""
    path = PAGE / name
    return Response(path.read_bytes(), headers=HEADERS, media_type=MEDIA_TYPES[path.suffix])


routes = [
    Route("/", page),
    *(Route(name, file(name)) for name in ("chat.css", "chat.js", "connection.js", "icon.svg")),
    Route("chat/{room}", may_join),
    room_route,
]
app = Router()
app.include_routes(*routes)
