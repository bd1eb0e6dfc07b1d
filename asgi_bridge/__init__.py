"""From events to ASGI and back: scopes, one connection's sessions, the `WebSocket` class."""
