"""Ending our side of TLS while the peer's goes on, which Python's `ssl` knows only as a whole."""

import ssl
from contextlib import suppress


def end_output(tls: ssl.SSLObject) -> None:
    """Put a close_notify into the outgoing buffer of `tls` (RFC 8446, section 6.1); it can only be read from then.

    What has arrived and was not read is dropped: OpenSSL would take it for a fault of the peer's, and read no more.
    """
    with suppress(ssl.SSLError):  # there is no more
        while tls.read(65536):
            pass
    with suppress(ssl.SSLError):  # the peer has not ended its side
        tls.unwrap()
