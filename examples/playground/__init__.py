"""A page to try WebSockets by hand: text, binary, JSON, subprotocols, pings, close codes, compression.

    wsserve examples.playground:app

then open http://127.0.0.1:8000 in a browser. The page connects in two ways. "Browser" is the browser's own WebSocket,
which shows messages. "Wire" is a raw connection that the server opens to itself, and shows every frame.

- `endpoints` is what it connects to, the part to read first;
- `page_files` serves the page and its files;
- `control_session` and `protocol` are the conversation between the page and the server about a wire connection;
- `wire`, `frames` and `deflate` are the raw client.
"""

from examples.playground.control_session import control
from examples.playground.endpoints import close_with, echo, json_echo, many, slow
from examples.playground.page_files import file, page
from wsserve import Middleware, OriginMiddleware, Route, Router, WebSocketRoute

# Another site's page may not have the server connect to itself: only this one may use the control connection.
same_site = Middleware(OriginMiddleware)

routes = [
    Route("", page),
    Route("files/{name}", file),
    WebSocketRoute("echo", echo),
    WebSocketRoute("json/{mode}", json_echo),
    WebSocketRoute("close/{code:int}", close_with),
    WebSocketRoute("many", many),
    WebSocketRoute("slow", slow),
    WebSocketRoute("control", control, middleware=[same_site]),
]

app = Router(routes)
