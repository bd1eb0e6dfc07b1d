"""wsserve: a WebSocket server for ASGI applications whose behaviour on the wire is proven."""

__version__ = "0.1.0"
