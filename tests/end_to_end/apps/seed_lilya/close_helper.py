"""The page's WebSocketClose helper."""

from wsserve import WebSocketClose

close_app = WebSocketClose(code=1000, reason="done")
