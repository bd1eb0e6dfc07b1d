"""The types of an ASGI application and of what it is called with (ASGI specification 3.0)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
"""What is known of a connection; middleware may pass on a changed copy."""

Message: TypeAlias = MutableMapping[str, Any]
"""One event, in either direction; its `type` says which."""

Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
