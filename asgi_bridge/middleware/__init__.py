"""Middleware: pure ASGI, in front of any application."""
