"""picows's own interface, a listener with callbacks, on uvloop."""

import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

members: set[WSTransport] = set()


class Echo(WSListener):
    """Sends each message back."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Answer one frame."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())


class Broadcast(WSListener):
    """Sends each message to all."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Join."""
        members.add(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Pass one frame on."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        for member in members:
            member.send(frame.msg_type, payload)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Leave."""
        members.discard(transport)


def listener(request: WSUpgradeRequest) -> WSListener:
    """Return what serves the request's path."""
    return Broadcast() if request.path == b"/broadcast" else Echo()


async def main() -> None:
    """Serve until killed."""
    server = await ws_create_server(listener, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


uvloop.run(main())
