"""The app in Django with Channels."""

# mypy: disable-error-code="import-untyped, misc"
# Neither package has types.

from typing import Any

import django
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.end_to_end.apps.asgi import report

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY="only for tests")
django.setup()


class Echo(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept(next(iter(self.scope["subprotocols"]), None), [(b"x-framework", b"yes")])

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data, bytes_data)

    async def disconnect(self, code: int) -> None:
        report(self.scope, code=code)


class Close(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        await self.close(3001, "done")


class Deny(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        raise DenyConnection("who are you?")


class Item(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        await self.send_json({"number": self.scope["url_route"]["kwargs"]["number"]})
        await self.close()


class Crash(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        raise LookupError("a crash of the handler")


async def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


urlpatterns: list[Any] = [path("hello", hello)]
sockets = [
    path("echo", Echo.as_asgi()),
    path("close", Close.as_asgi()),
    path("deny", Deny.as_asgi()),
    path("items/<int:number>", Item.as_asgi()),
    path("crash", Crash.as_asgi()),
]
app = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": URLRouter(sockets)})
