"""All plain ASGI apps in one, chosen by path."""

from tests.end_to_end.apps import http_apps, websocket_apps
from tests.end_to_end.apps.asgi import by_path, lifespan

app = by_path(websocket_apps.APPS | http_apps.APPS, lifespan)
