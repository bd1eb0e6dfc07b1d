"""What both test clients can be told."""

from collections.abc import Iterable, Mapping
from typing import TypedDict

from wsserve.asgi_bridge.headers import HeaderPairs
from wsserve.asgi_bridge.testing.lifespan import LifespanMode


class ClientOptions(TypedDict, total=False):
    """The options of `AsyncTestClient`, which explains them; `TestClient` has them too."""

    base_url: str
    root_path: str
    client: tuple[str, int] | None
    headers: HeaderPairs | None
    cookies: Mapping[str, str] | None
    timeout: float
    raise_app_exceptions: bool
    extensions: Iterable[str]
    lifespan: LifespanMode
    max_queue: int
