"""Routing: from a path to the handler, with what stands around it."""
