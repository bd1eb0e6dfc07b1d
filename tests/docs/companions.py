"""What shows that programs of a page do what the page says, where it would disturb the reader there."""

from collections.abc import Callable
from typing import Any, Final

import anyio
import anyio.lowlevel

from wsserve import TestClient

Names = dict[str, Any]

COMPANIONS: Final[dict[tuple[str, str], Callable[[Names], None]]] = {}


def companion(page: str, *programs: str) -> Callable[[Callable[[Names], None]], Callable[[Names], None]]:
    """Register what is called with the names of each of these programs of a page after it has run."""

    def register(check: Callable[[Names], None]) -> Callable[[Names], None]:
        for program in programs:
            COMPANIONS[page, program] = check
        return check

    return register


@companion("README.md", "")
def the_readme(names: Names) -> None:
    with TestClient(names["app"]) as client, client.websocket_connect("/") as websocket:
        websocket.send_json([1])
        assert websocket.receive_json() == {"you said": [1]}
    anyio.run(names["main"])


@companion("from-uvicorn.md", "uvicorn in a loop", "wsserve in a loop")
def main_in_a_loop(names: Names) -> None:
    names["do_something_else"] = anyio.lowlevel.checkpoint
    names["print"] = lambda urls: None
    anyio.run(names["main"])
