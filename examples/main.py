"""All examples on one server: the chat, the playground and the echo endpoint, with a page that leads to them.

    wsserve examples.main:app

then open http://127.0.0.1:8000 in a browser.
"""

from pathlib import Path

from examples import chat, echo, playground
from examples.playground.page_files import RESPONSES
from wsserve import Include, Response, Route, Router

INDEX = Response(
    Path(__file__).with_name("main.html").read_bytes(),
    headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'"},
    media_type="text/html",
)

app = Router(
    [
        Route("/", INDEX),
        Route("/favicon.ico", RESPONSES["icon.svg"]),
        Include("/chat", routes=chat.routes),
        Include("/playground", routes=playground.routes),
        Route("/echo", echo.PAGE),
        echo.route,
    ]
)
