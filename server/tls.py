"""TLS for a server's sockets."""

import ssl
from typing import Final, NoReturn

from wsserve.server.config import Config
from wsserve.server.errors import StartupError

_MINIMUM: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def make_ssl_context(config: Config) -> ssl.SSLContext | None:
    """Return the context for server-side TLS, or None when `config` names no certificate.

    TLS 1.2 is the least; renegotiation and compression are refused; ALPN offers HTTP/1.1 (RFC 7301). Raises
    `StartupError` for files that cannot be read or do not fit each other.
    """
    if config.ssl_certfile is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _MINIMUM[config.ssl_version]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    _load_certificate(context, config.ssl_certfile, config.ssl_keyfile, config.ssl_keyfile_password)
    if config.ssl_ca_certs is not None:
        _load_authorities(context, config.ssl_ca_certs)
    context.verify_mode = ssl.VerifyMode(config.ssl_cert_reqs)
    if config.ssl_ciphers is not None:
        try:
            context.set_ciphers(config.ssl_ciphers)
        except ssl.SSLError:
            raise StartupError(
                f"ssl_ciphers {config.ssl_ciphers!r} selects nothing: `openssl ciphers` lists what there is"
            ) from None
    return context


def _load_certificate(context: ssl.SSLContext, certfile: str, keyfile: str | None, password: str | None) -> None:
    _check_readable("ssl_certfile", certfile)
    if keyfile is not None:
        _check_readable("ssl_keyfile", keyfile)
    key = keyfile or certfile

    def give_password() -> str:
        # Without this OpenSSL would ask on the terminal.
        if password is None:
            raise StartupError(f"the private key in {key!r} is encrypted: give its password as ssl_keyfile_password")
        return password

    try:
        context.load_cert_chain(certfile, keyfile, give_password)
    except ssl.SSLError as error:
        _refuse_certificate(error, certfile, key, password)
    except ValueError:
        raise StartupError("ssl_keyfile_password is too long: OpenSSL takes at most 1,023 bytes") from None


def _refuse_certificate(error: ssl.SSLError, certfile: str, key: str, password: str | None) -> NoReturn:
    """Raise what OpenSSL's `error` means."""
    if error.reason == "KEY_VALUES_MISMATCH":
        raise StartupError(
            f"the private key in {key!r} does not belong to the certificate in {certfile!r}: name the two that match"
        ) from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(certfile)
    except ssl.SSLError:
        raise StartupError(f"ssl_certfile {certfile!r} holds no certificate in PEM format: check the file") from None
    wrong_password = " with this password" if password is not None else ""
    raise StartupError(
        f"no private key in PEM format can be read from {key!r}{wrong_password}: check ssl_keyfile"
        f"{' and ssl_keyfile_password' if password is not None else ''}"
    ) from None


def _load_authorities(context: ssl.SSLContext, path: str) -> None:
    _check_readable("ssl_ca_certs", path)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise StartupError(f"ssl_ca_certs {path!r} holds no certificate in PEM format: check the file") from None


def _check_readable(name: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StartupError(f"{name} {path!r} cannot be read: {reason}") from None
