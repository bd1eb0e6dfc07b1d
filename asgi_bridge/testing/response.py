"""An HTTP response as a test sees it."""

from typing import Any, Final

import msgspec

from wsserve.asgi_bridge.headers import Headers

MAX_BODY_BYTES: Final = 2**26
"""How much of a response's body is kept: an application that goes on without end is made to wait."""


class TestResponse:
    """A whole HTTP response: `status_code`, `headers`, which have several values per name, and the body."""

    __test__ = False  # pytest takes classes of this name for tests

    def __init__(self, status_code: int, headers: Headers, content: bytes) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content

    def __repr__(self) -> str:
        return f"<TestResponse {self.status_code}>"

    @property
    def text(self) -> str:
        """The body as text in the charset that the Content-Type names, else UTF-8; faulty bytes are replaced."""
        for parameter in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                try:
                    return self.content.decode(value.strip(" \t\"'"), errors="replace")
                except LookupError:
                    break
        return self.content.decode(errors="replace")

    def json(self, *, type: Any = Any) -> Any:  # noqa: A002  # as msgspec and `receive_json` call it
        """Return the value of a body in JSON, as a `type` when one is given. Raises `ValueError` when it is none."""
        return msgspec.json.decode(self.content, type=type)
