"""Sessions in a signed cookie, in the format of Starlette's `SessionMiddleware`."""

import json
import logging
import re
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, Literal

from itsdangerous import BadSignature, TimestampSigner

from wsserve.asgi_bridge.connection_data import ConnectionData
from wsserve.asgi_bridge.types import ASGIApp, Message, Receive, Scope, Send
from wsserve.codec.header_fields import is_token

logger = logging.getLogger("wsserve.session")

MIN_KEY_SIZE: Final = 16
"""Bytes of a secret key; a shorter one could be guessed from a cookie."""

MAX_COOKIE_SIZE: Final = 4096
"""Bytes of a cookie with its attributes that every browser keeps (RFC 6265, section 6.1)."""

_HEAD: Final = frozenset({"websocket.accept", "websocket.http.response.start", "http.response.start"})
_FIRST: Final = _HEAD | {"websocket.close"}
_EXPIRED: Final = "expires=Thu, 01 Jan 1970 00:00:00 GMT"
_ATTRIBUTE: Final = re.compile(r"[\x20-\x3a\x3c-\x7e]*")  # RFC 6265, section 4.1.1


class Session(dict[str, Any]):
    """A session's values, which JSON can hold; it knows whether they were changed since they were loaded or saved."""

    __slots__ = ("_stored",)

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(values or {})
        self._stored = _encode(self)

    @property
    def changed(self) -> bool:
        """Whether there is something to save, within values such as lists too."""
        return self.differs(self)

    def differs(self, values: Mapping[str, Any] | None) -> bool:
        """Tell whether `values`, which may stand in this session's place, are others than those loaded or saved."""
        try:
            return _encode(values) != self._stored
        except ValueError:
            return True

    def stored(self, data: str) -> None:
        """Note that the values were saved, as this JSON text."""
        self._stored = data


class SessionMiddleware:
    """Loads `scope["session"]` from a signed cookie, and saves it when it was changed.

    The cookie goes out with the head of an HTTP response, of a denial response, and, for a WebSocket, with `accept()`;
    an emptied session deletes it. A change after that cannot reach the client: it is lost, and a warning logged, once
    for a connection. So change the session before `accept()`, and keep what changes later in a store of your own, with
    its key in the session.

    - `secret_key`: str or bytes of at least 16 bytes, the same on all servers; or a list of them, of which the first
      signs and all are accepted, so that keys can be replaced.
    - `session_cookie`: the cookie's name. `path` and `domain`: where browsers send it.
    - `max_age`: seconds until a session ends that is not changed; None: when the browser is closed.
    - `same_site`: `lax`, `strict` or `none`. `https_only`: whether browsers send the cookie over TLS only.

    The values are signed, not encrypted: users can read them. What is no valid cookie is an empty session. HTTP
    responses get `Vary: Cookie`, so that no cache gives one user's to another. When the session is no JSON, or its
    cookie over 4,096 bytes, which browsers drop, the application's `send` raises `ValueError`. Raises `TypeError` or
    `ValueError` for options that cannot be. Works in front of any ASGI application; other scopes pass.
    """

    def __init__(
        self,
        app: ASGIApp,
        secret_key: str | bytes | Sequence[str | bytes],
        session_cookie: str = "session",
        max_age: int | None = 14 * 24 * 3600,
        path: str = "/",
        same_site: Literal["lax", "strict", "none"] = "lax",
        https_only: bool = False,
        domain: str | None = None,
    ) -> None:
        self._app = app
        # itsdangerous signs with the last one.
        self._signer = TimestampSigner([_key(key) for key in reversed(_keys(secret_key))])
        if not isinstance(session_cookie, str) or not is_token(session_cookie.encode("latin-1", "replace")):
            raise ValueError(f"session_cookie {session_cookie!r} is no name of a cookie: use letters, digits, - and _")
        self._cookie = session_cookie
        if max_age is not None and (not isinstance(max_age, int) or isinstance(max_age, bool) or max_age <= 0):
            raise ValueError(f"max_age is a number of seconds above 0, or None, not {max_age!r}")
        self._max_age = max_age
        if same_site not in ("lax", "strict", "none"):
            raise ValueError(f"same_site is 'lax', 'strict' or 'none', not {same_site!r}")
        if same_site == "none" and not https_only:
            raise ValueError("same_site='none' needs https_only=True: browsers drop the cookie otherwise")
        for name, value in (("path", path), ("domain", domain or "")):
            if not isinstance(value, str) or not _ATTRIBUTE.fullmatch(value):
                raise ValueError(f"{name} {value!r} cannot be in a cookie: use printable ASCII without ';'")
        self._path = path
        self._flags = f"httponly; samesite={same_site}"
        if https_only:
            self._flags += "; secure"
        if domain is not None:
            self._flags += f"; domain={domain}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with a session in its scope."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        session = self._load(scope)
        scope = {**scope, "session": session}
        begun = saved = False

        # No coroutine of its own: after the first message it costs no more than a call.
        def saving_send(message: Message) -> Awaitable[None]:
            nonlocal begun, saved
            if begun or message["type"] not in _FIRST:
                return send(message)
            begun = True
            if message["type"] in _HEAD:
                message = self._save(message, scope.get("session"), session)
            saved = True
            return send(message)

        try:
            await self._app(scope, receive, saving_send)
        finally:
            if saved and session.differs(scope.get("session")):
                logger.warning(
                    "The session of %s was changed when it could not be saved any more: change it before accept(), or"
                    " before the response begins; a close() in its place saves nothing",
                    scope["path"],
                )

    def _load(self, scope: Scope) -> Session:
        cookie = ConnectionData(scope).cookies.get(self._cookie)
        if cookie is None:
            return Session()
        try:
            data = self._signer.unsign(cookie.encode("latin-1"), max_age=self._max_age)
            values = json.loads(b64decode(data))
            return Session(values if isinstance(values, dict) else None)
        except (BadSignature, ValueError, OverflowError, RecursionError):
            return Session()

    def _save(self, message: Message, values: Mapping[str, Any] | None, session: Session) -> Message:
        """Return the message with what has to be among its headers."""
        headers = list(message.get("headers") or ())
        if message["type"] == "http.response.start" and not _varies_by_cookie(headers):
            headers.append((b"vary", b"Cookie"))
        own = f"{self._cookie}=".encode()
        placed = any(name.lower() == b"set-cookie" and value.startswith(own) for name, value in headers)
        data = _encode(values)
        if session.differs(values) and not placed:
            headers.append((b"set-cookie", self._set_cookie(data if values else None)))
        session.stored(data)
        return {**message, "headers": headers}

    def _set_cookie(self, data: str | None) -> bytes:
        """Return the header's value that sets the cookie to this JSON text, or, with None, deletes it."""
        value, lifetime = "null", _EXPIRED
        if data is not None:
            value = self._signer.sign(b64encode(data.encode())).decode()
            lifetime = "" if self._max_age is None else f"Max-Age={self._max_age}"
        parts = [f"{self._cookie}={value}", f"path={self._path}", lifetime, self._flags]
        cookie = "; ".join(filter(None, parts)).encode()
        if len(cookie) > MAX_COOKIE_SIZE:
            raise ValueError(
                f"the session cannot be saved: its cookie would have {len(cookie)} bytes, and browsers keep"
                f" {MAX_COOKIE_SIZE}; keep large values in a store of your own, with their key in the session"
            )
        return cookie


def _encode(values: object) -> str:
    """Return a session's values as JSON text; None is an empty session. Raises `ValueError` for what is no JSON."""
    if values is not None and not isinstance(values, dict):
        raise ValueError(f"the session cannot be saved: it is a dict, not {type(values).__name__}")
    try:
        return json.dumps(values or {}, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the session cannot be saved, since JSON cannot hold it: {error}") from error


def _keys(secret_key: object) -> list[object]:
    keys = list(secret_key) if isinstance(secret_key, (list, tuple)) else [secret_key]
    if not keys:
        raise ValueError("secret_key is an empty list: give at least one key")
    return keys


def _key(key: object) -> bytes:
    if isinstance(key, str):
        key = key.encode()
    if not isinstance(key, bytes):
        raise TypeError(f"a secret key is str or bytes, not {type(key).__name__}")
    if len(key) < MIN_KEY_SIZE:
        raise ValueError(
            f"a secret key has at least {MIN_KEY_SIZE} bytes, this one has {len(key)}: make one with"
            " secrets.token_urlsafe(32)"
        )
    return key


def _varies_by_cookie(headers: list[tuple[bytes, bytes]]) -> bool:
    varies = b",".join(value for name, value in headers if name.lower() == b"vary")
    return not {b"cookie", b"*"}.isdisjoint(field.strip().lower() for field in varies.split(b","))
