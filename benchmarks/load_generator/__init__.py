"""The load generator: a process of its own, pinned to a core that the server does not have."""
