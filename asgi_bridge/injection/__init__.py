"""Injection: what a handler asks for in its signature, and how it gets it."""
