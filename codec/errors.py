"""Errors of the codec layer.

A peer's fault is never an exception: it is an event (`wsserve.codec.events.Fault` for frames,
`wsserve.codec.http1.Refusal` for a request) that carries its remedy. Only our own caller's fault raises:

    ValueError
    └── LocalProtocolError
"""


class LocalProtocolError(ValueError):
    """Our own side asked for something that the protocol does not allow; nothing was put on the wire."""
