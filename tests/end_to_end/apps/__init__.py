"""ASGI apps under test, each run in a server's process."""
