"""What the client did wrong: values of its request that are missing or that cannot be what they should."""

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

import msgspec

from wsserve.asgi_bridge.exceptions import HTTPException

TITLE: Final = "Unprocessable Content"  # RFC 9110, section 15.5.21; Python 3.11 has an older name for 422


class Fault(NamedTuple):
    """One value of a request that is missing or wrong. Nothing in it comes from the client."""

    part: str
    """`path`, `query`, `header` or `cookie`."""
    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.part} {self.name!r}: {self.message}"


class InvalidRequestError(HTTPException):
    """Values of the request are missing or wrong: 422 with a body of problem details (RFC 9457) that names each.

    `faults` are all of them. The values themselves are nowhere in it.
    """

    media_type: ClassVar[str] = "application/problem+json"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = list(dict.fromkeys(faults))
        super().__init__(422, "; ".join(map(str, self.faults)))
        self.body = msgspec.json.encode(
            {
                "type": "about:blank",
                "title": TITLE,
                "status": 422,
                "detail": self.detail,
                "errors": [{"in": fault.part, "name": fault.name, "message": fault.message} for fault in self.faults],
            }
        )
