"""TLS contexts, looked at and used."""

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from wsserve.server.config import Config
from wsserve.server.errors import StartupError
from wsserve.server.tls import make_ssl_context


class Files:
    """A certificate authority's files in a directory."""

    def __init__(self, directory: Path) -> None:
        self.authority = trustme.CA()
        leaf = self.authority.issue_cert("localhost")
        self.ca = str(directory / "ca.pem")
        self.certificate = str(directory / "certificate.pem")
        self.key = str(directory / "key.pem")
        self.both = str(directory / "both.pem")
        self.encrypted_key = str(directory / "encrypted.pem")
        self.other_key = str(directory / "other.pem")
        self.garbage = str(directory / "garbage.pem")
        self.authority.cert_pem.write_to_path(self.ca)
        leaf.cert_chain_pems[0].write_to_path(self.certificate)
        leaf.private_key_pem.write_to_path(self.key)
        leaf.private_key_and_cert_chain_pem.write_to_path(self.both)
        self.authority.issue_cert("other").private_key_pem.write_to_path(self.other_key)
        key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        Path(self.encrypted_key).write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
        )
        Path(self.garbage).write_text("nothing of the kind")

    def client(self) -> ssl.SSLContext:
        """Return a client's context that trusts the authority."""
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("tls"))


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str | None, str | None]:
    """Shake hands over a socket pair and return the client's TLS version and ALPN protocol."""
    one, two = socket.socketpair()
    one.settimeout(10)
    two.settimeout(10)
    errors: list[Exception] = []

    def serve() -> None:
        try:
            with server.wrap_socket(one, server_side=True) as tls:
                tls.send(b"x")
        except (ssl.SSLError, OSError) as error:
            errors.append(error)
            one.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(two, server_hostname="localhost") as tls:
            assert tls.recv(1) == b"x"
            return tls.version(), tls.selected_alpn_protocol()
    finally:
        two.close()
        thread.join()


def context_of(config: Config) -> ssl.SSLContext:
    context = make_ssl_context(config)
    assert context is not None
    return context


def test_without_a_certificate_there_is_no_tls() -> None:
    assert make_ssl_context(Config()) is None


def test_a_client_gets_tls_and_http_1_1(files: Files) -> None:
    context = context_of(Config(ssl_certfile=files.certificate, ssl_keyfile=files.key))
    assert handshake(context, files.client()) == ("TLSv1.3", "http/1.1")


def test_the_key_may_be_in_the_certificate_file(files: Files) -> None:
    context_of(Config(ssl_certfile=files.both))


def test_an_encrypted_key_is_opened_with_its_password(files: Files) -> None:
    context_of(Config(ssl_certfile=files.certificate, ssl_keyfile=files.encrypted_key, ssl_keyfile_password="secret"))


def test_a17_renegotiation_and_compression_are_refused(files: Files) -> None:
    options = context_of(Config(ssl_certfile=files.both)).options
    assert options & ssl.OP_NO_RENEGOTIATION
    assert options & ssl.OP_NO_COMPRESSION


def test_the_lowest_version_can_be_raised(files: Files) -> None:
    assert context_of(Config(ssl_certfile=files.both)).minimum_version == ssl.TLSVersion.TLSv1_2
    context = context_of(Config(ssl_certfile=files.both, ssl_version="1.3"))
    client = files.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        handshake(context, client)


def test_ciphers_can_be_chosen(files: Files) -> None:
    context = context_of(Config(ssl_certfile=files.both, ssl_ciphers="ECDHE+AESGCM"))
    names = {cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] == "TLSv1.2"}
    assert names
    assert all("GCM" in name for name in names)


def test_a_client_certificate_can_be_required(files: Files) -> None:
    context = context_of(Config(ssl_certfile=files.both, ssl_ca_certs=files.ca, ssl_cert_reqs=ssl.CERT_REQUIRED))
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(context, files.client())
    client = files.client()
    files.authority.issue_cert("client").configure_cert(client)
    assert handshake(context, client)[0] == "TLSv1.3"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ssl_certfile": "absent"}, "ssl_certfile 'absent' cannot be read: No such file or directory"),
        ({"ssl_certfile": "a\0b"}, "ssl_certfile 'a\\x00b' cannot be read: embedded null byte"),
        (
            {"ssl_certfile": "certificate", "ssl_keyfile": "absent"},
            "ssl_keyfile 'absent' cannot be read: No such file or directory",
        ),
        (
            {"ssl_certfile": "certificate", "ssl_keyfile": "."},
            "ssl_keyfile '.' cannot be read: Is a directory",
        ),
        (
            {"ssl_certfile": "garbage", "ssl_keyfile": "key"},
            "ssl_certfile {garbage!r} holds no certificate in PEM format: check the file",
        ),
        (
            {"ssl_certfile": "certificate"},
            "no private key in PEM format can be read from {certificate!r}: check ssl_keyfile",
        ),
        (
            {"ssl_certfile": "certificate", "ssl_keyfile": "garbage"},
            "no private key in PEM format can be read from {garbage!r}: check ssl_keyfile",
        ),
        (
            {"ssl_certfile": "certificate", "ssl_keyfile": "other_key"},
            "the private key in {other_key!r} does not belong to the certificate in {certificate!r}:"
            " name the two that match",
        ),
        (
            {"ssl_certfile": "certificate", "ssl_keyfile": "encrypted_key"},
            "the private key in {encrypted_key!r} is encrypted: give its password as ssl_keyfile_password",
        ),
        (
            {"ssl_certfile": "certificate", "ssl_keyfile": "encrypted_key", "ssl_keyfile_password": "wrong"},
            "no private key in PEM format can be read from {encrypted_key!r} with this password:"
            " check ssl_keyfile and ssl_keyfile_password",
        ),
        (
            {"ssl_certfile": "certificate", "ssl_keyfile": "encrypted_key", "ssl_keyfile_password": "x" * 2000},
            "ssl_keyfile_password is too long: OpenSSL takes at most 1,023 bytes",
        ),
        (
            {"ssl_certfile": "both", "ssl_ca_certs": "absent"},
            "ssl_ca_certs 'absent' cannot be read: No such file or directory",
        ),
        (
            {"ssl_certfile": "both", "ssl_ca_certs": "garbage"},
            "ssl_ca_certs {garbage!r} holds no certificate in PEM format: check the file",
        ),
        (
            {"ssl_certfile": "both", "ssl_ciphers": "NONSENSE"},
            "ssl_ciphers 'NONSENSE' selects nothing: `openssl ciphers` lists what there is",
        ),
    ],
)
def test_a_mistake_is_one_sentence(files: Files, settings: dict[str, str], message: str) -> None:
    values: dict[str, Any] = {name: getattr(files, value, value) for name, value in settings.items()}
    config = Config(**values)
    with pytest.raises(StartupError) as caught:
        make_ssl_context(config)
    assert str(caught.value) == message.format_map(vars(files))
