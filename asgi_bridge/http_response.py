"""The HTTP response that a `Route`'s handler gives."""

from typing import Any

from wsserve.asgi_bridge.headers import HeaderPairs, encode_headers
from wsserve.asgi_bridge.json_messages import encode_json
from wsserve.asgi_bridge.types import ASGIApp, Receive, Scope, Send


class Response:
    """A whole response: `content` as bytes, or str that goes out as UTF-8.

    The type of str is `text/plain` when nothing says otherwise, and any `text/` has its charset. It is an ASGI
    application too, so that a route may be a constant. Raises `TypeError` and `ValueError` for faulty content, headers
    or a status that is none from 200 to 599.
    """

    def __init__(
        self,
        content: str | bytes = b"",
        status_code: int = 200,
        headers: HeaderPairs | None = None,
        media_type: str | None = None,
    ) -> None:
        if not isinstance(status_code, int) or not 200 <= status_code <= 599:
            raise ValueError(f"a response needs a final status from 200 to 599, not {status_code!r}")
        if not isinstance(content, (str, bytes)):
            raise TypeError(f"the content of a response is bytes or str, not {type(content).__name__}")
        if isinstance(content, str):
            content = content.encode()
            media_type = media_type or "text/plain"
        if media_type is not None and media_type.startswith("text/") and "charset=" not in media_type:
            media_type += "; charset=utf-8"
        self.content = content
        self.status_code = int(status_code)
        self.headers = encode_headers(headers)
        names = {name for name, _ in self.headers}
        if media_type is not None and b"content-type" not in names:
            self.headers.append((b"content-type", media_type.encode()))
        if b"content-length" not in names and self.status_code not in (204, 304):
            self.headers.append((b"content-length", str(len(content)).encode()))

    @classmethod
    def of(cls, result: Any) -> ASGIApp:
        """Return what sends the response for what a handler returned.

        That is a `Response` itself, another framework's or any ASGI application, str or bytes, None for 204, or
        anything else that goes out as JSON.
        """
        if callable(result):
            app: ASGIApp = result
            return app
        if result is None:
            return cls(status_code=204)
        if isinstance(result, (str, bytes)):
            return cls(result)
        return cls(encode_json(result), media_type="application/json")

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the response."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.headers})
        body = b"" if scope.get("method") == "HEAD" else self.content
        await send({"type": "http.response.body", "body": body})
