"""A certificate for the server under test, made for one run."""

from pathlib import Path

import trustme


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """Write a private key and a certificate for 127.0.0.1 and localhost as PEM files; return their paths."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    issued = trustme.CA().issue_cert("127.0.0.1", "localhost")
    issued.private_key_pem.write_to_path(str(key))
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    return key, certificate
