"""websockets' own asyncio server on uvloop."""

import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

members: set[ServerConnection] = set()


async def handle(connection: ServerConnection) -> None:
    """Serve an echo, or at /broadcast send each message to every connection there."""
    if connection.request is not None and connection.request.path == "/broadcast":
        members.add(connection)
        try:
            async for message in connection:
                broadcast(members, message)
        finally:
            members.discard(connection)
    else:
        async for message in connection:
            await connection.send(message)


async def main() -> None:
    """Serve until killed."""
    async with serve(handle, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()


uvloop.run(main())
