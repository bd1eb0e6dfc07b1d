"""Sockets, event loops, lifespan, the command line: what runs an ASGI application on a real network."""
