"""Ending one side of TLS, in memory."""

import ssl

import pytest
import trustme

from wsserve.server import tls_closing

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class Pair:
    """A client and a server that have shaken hands."""

    def __init__(self, version: ssl.TLSVersion) -> None:
        authority = trustme.CA()
        theirs, ours = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        theirs.maximum_version = version
        authority.configure_trust(theirs)
        authority.issue_cert("localhost").configure_cert(ours)
        self._to_server, self._to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = theirs.wrap_bio(self._to_client, self._to_server, server_hostname="localhost")
        self.server = ours.wrap_bio(self._to_server, self._to_client, server_side=True)
        for _ in range(3):
            for side in (self.client, self.server):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("unread", [0, 1, 100])
def test_the_peer_reads_to_the_end_and_what_it_sends_can_still_be_read(version: ssl.TLSVersion, unread: int) -> None:
    pair = Pair(version)
    pair.server.write(b"last")
    for _ in range(unread):
        pair.client.write(b"x" * 1000)
    tls_closing.end_output(pair.server)
    assert pair.client.read(100) == b"last"
    assert pair.client.read(100) == b"", "the end"
    pair.client.write(b"more")
    assert pair.server.read(100) == b"more"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_peer_that_has_ended_its_side_reads_the_end_too(version: ssl.TLSVersion) -> None:
    pair = Pair(version)
    tls_closing.end_output(pair.client)
    assert pair.server.read(100) == b""
    pair.server.write(b"last")
    tls_closing.end_output(pair.server)
    assert pair.client.read(100) == b"last"
    with pytest.raises(ssl.SSLZeroReturnError):
        pair.client.read(100)
