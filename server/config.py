"""Everything that can be set about a server, with its defaults and the checks that values pass."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import Any, Final, Literal

from wsserve.codec.deflate import DeflateOptions
from wsserve.codec.frames import FrameLimits
from wsserve.codec.http1 import HeadLimits
from wsserve.server.custom_headers import check_headers
from wsserve.server.errors import ConfigError, suggest
from wsserve.server.proxy_headers import TrustedHosts
from wsserve.server.settings import check, setting, settings_of

_LISTEN: Final = "Listening"
_APP: Final = "Application"
_MOST: Final = 2**40  # for what has no bound of its own: the compiled codec counts in 64 bits
_RUN: Final = "Event loop and codec"
_TLS: Final = "TLS"
_LOGS: Final = "Logs"
_HTTP: Final = "HTTP"
_LIMITS: Final = "Limits and timeouts"
_WS: Final = "WebSocket"
_DEFLATE: Final = "WebSocket compression (permessage-deflate, RFC 7692)"
_PROXY: Final = "Behind a proxy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """A server's settings; each is also an option of the command, `ws_max_size` as `--ws-max-size`.

    Times are in seconds, sizes in bytes. Raises `ConfigError`, a `ValueError`, for a value that cannot be.
    """

    host: str = setting("127.0.0.1", _LISTEN, "Name or address to listen on, IPv4 or IPv6; all that it resolves to.")
    port: int = setting(8000, _LISTEN, "Port to listen on; 0 picks a free one.", at_most=65535)
    uds: str | None = setting(None, _LISTEN, "Unix socket to listen on, instead of host and port.", metavar="PATH")
    fd: int | None = setting(None, _LISTEN, "Descriptor of an inherited socket to listen on.")
    backlog: int = setting(2048, _LISTEN, "Connections that may wait to be accepted.", at_least=1)

    lifespan: Literal["auto", "on", "off"] = setting(
        "auto", _APP, "Lifespan events: on demands that the application handles them, auto does not."
    )
    root_path: str = setting("", _APP, "Path prefix under which the application is mounted (ASGI root_path).")

    backend: Literal["asyncio", "trio"] = setting("asyncio", _RUN, "Concurrency library of the application.")
    loop: Literal["auto", "uvloop", "asyncio"] = setting(
        "auto", _RUN, "Event loop of the asyncio backend; auto is uvloop where it is installed."
    )
    codec: Literal["wire", "wsproto"] = setting("wire", _RUN, "What reads and writes WebSocket frames.")

    ssl_keyfile: str | None = setting(None, _TLS, "Private key, when not in the certificate file.", metavar="PATH")
    ssl_certfile: str | None = setting(None, _TLS, "Certificate chain; turns TLS on.", metavar="PATH")
    ssl_keyfile_password: str | None = setting(None, _TLS, "Password of the private key.", secret=True)
    ssl_ca_certs: str | None = setting(None, _TLS, "Authorities that sign client certificates.", metavar="PATH")
    ssl_cert_reqs: int = setting(
        int(ssl.CERT_NONE), _TLS, "Client certificates: 0 none, 1 optional, 2 required.", at_most=2
    )
    ssl_ciphers: str | None = setting(None, _TLS, "Ciphers for TLS 1.2, in OpenSSL's notation.")
    ssl_version: Literal["1.2", "1.3"] = setting("1.2", _TLS, "Lowest version of TLS to accept.")

    log_level: Literal["critical", "error", "warning", "info", "debug", "trace"] = setting(
        "info", _LOGS, "Least important messages to log; trace, which uvicorn has, shows the same as debug."
    )
    log_config: str | Mapping[str, Any] | None = setting(
        None, _LOGS, "Logging configuration file, .json or .ini, in place of the level and the colours.", metavar="PATH"
    )
    access_log: bool = setting(True, _LOGS, "Log each request, and each WebSocket as it opens and closes.")
    use_colors: bool | None = setting(None, _LOGS, "Colour the log; by default on a terminal, unless NO_COLOR is set.")

    headers: tuple[tuple[bytes, bytes], ...] = setting(
        (), _HTTP, 'Header for every response, 101 included, as "Name: value"; may be repeated.'
    )
    server_header: bool = setting(True, _HTTP, "Send a Server header.")
    date_header: bool = setting(True, _HTTP, "Send a Date header.")

    proxy_headers: bool = setting(
        True, _PROXY, "Take the client's address and scheme from X-Forwarded-For and X-Forwarded-Proto."
    )
    forwarded_allow_ips: str | None = setting(
        None,
        _PROXY,
        "Proxies to believe: addresses, networks and unix (peers on a unix socket), between commas, or * for all."
        " [default: $FORWARDED_ALLOW_IPS, or 127.0.0.1,::1]",
    )

    limit_concurrency: int | None = setting(None, _LIMITS, "Connections at one time; further ones get 503.", at_least=1)
    limit_request_head: int = setting(16384, _LIMITS, "Bytes of a request's line and headers.", at_least=256)
    limit_request_target: int = setting(8192, _LIMITS, "Bytes of a request's target.", at_least=1)
    limit_request_headers: int = setting(128, _LIMITS, "Headers of a request.", at_least=1)
    timeout_handshake: float = setting(10.0, _LIMITS, "Seconds for TLS and for each request's head.", at_least=0.001)
    timeout_keep_alive: float = setting(5.0, _LIMITS, "Seconds that an idle HTTP connection is kept.")
    timeout_graceful_shutdown: float = setting(30.0, _LIMITS, "Seconds that connections get to end at shutdown.")

    ws_max_size: int = setting(1024 * 1024, _WS, "Bytes of a message, after inflation.", at_least=1, at_most=_MOST)
    ws_max_fragments: int = setting(1024, _WS, "Fragments of a message.", at_least=1, at_most=_MOST)
    ws_max_queue: int = setting(
        16, _WS, "Received messages that may wait for the application.", at_least=1, at_most=_MOST
    )
    ws_max_queue_bytes: int = setting(
        65536, _WS, "Bytes of received messages that may wait.", at_least=1, at_most=_MOST
    )
    ws_write_limit: int = setting(
        65536, _WS, "Bytes of unsent output at which sending waits, HTTP responses too.", at_least=1
    )
    ws_write_timeout: float = setting(
        20.0,
        _WS,
        "Seconds without progress after which a blocked write ends the connection, HTTP responses too.",
        at_least=0.001,
    )
    ws_ping_interval: float | None = setting(20.0, _WS, "Seconds from one Ping to the next; 0 is never.")
    ws_ping_timeout: float | None = setting(20.0, _WS, "Seconds to wait for any byte after a Ping; 0 is for ever.")
    ws_close_timeout: float = setting(
        10.0,
        _WS,
        "Seconds to wait for the peer's Close, and on any connection for the last bytes to go out and for TLS to end.",
        at_least=0.001,
    )
    ws_fail_timeout: float = setting(
        1.0, _WS, "Seconds that earlier messages get to be answered after the peer broke the protocol."
    )

    ws_per_message_deflate: bool = setting(True, _DEFLATE, "Compress for clients that offer it.", takes_value=True)
    ws_deflate_window_bits: int = setting(
        12, _DEFLATE, "Size of the window, as a power of two.", at_least=9, at_most=15
    )
    ws_deflate_memory_level: int = setting(5, _DEFLATE, "Memory for compression.", at_least=1, at_most=9)
    ws_deflate_level: int = setting(3, _DEFLATE, "Effort, from fast to small.", at_least=0, at_most=9)
    ws_deflate_threshold: int = setting(128, _DEFLATE, "Bytes of a message from which it is worth compressing.")
    ws_deflate_no_context_takeover: bool = setting(
        False,
        _DEFLATE,
        "Forget the window after each message: less memory, larger messages.",
        off_flag="--ws-deflate-context-takeover",
    )

    def __post_init__(self) -> None:
        for name, annotation, _, details in settings_of(type(self)):
            check(name, getattr(self, name), annotation, details)
        # Frozen is for users: here values take the one form that the server reads.
        object.__setattr__(self, "headers", check_headers(self.headers))
        object.__setattr__(self, "ws_ping_interval", self.ws_ping_interval or None)
        object.__setattr__(self, "ws_ping_timeout", self.ws_ping_timeout or None)
        TrustedHosts(self.trusted_proxies)
        self._check_combinations()

    def _check_combinations(self) -> None:
        if self.uds is not None and self.fd is not None:
            raise ConfigError("uds and fd are both set: choose one socket to listen on")
        if self.uds is not None and (not self.uds or "\0" in self.uds):
            raise ConfigError(f"uds must be a path, not {self.uds!r}")
        if self.ssl_certfile is None:
            for name in ("ssl_keyfile", "ssl_keyfile_password", "ssl_ca_certs", "ssl_ciphers"):
                if getattr(self, name) is not None:
                    raise ConfigError(f"{name} is set without ssl_certfile: name the certificate file too")
        if self.ssl_cert_reqs and self.ssl_ca_certs is None:
            raise ConfigError(f"ssl_cert_reqs is {self.ssl_cert_reqs} without ssl_ca_certs: name the authorities' file")
        if self.limit_request_target > self.limit_request_head:
            raise ConfigError(
                f"limit_request_target ({self.limit_request_target}) is above limit_request_head"
                f" ({self.limit_request_head}), which holds it: raise the latter"
            )
        if self.loop == "uvloop" and self.backend == "trio":
            raise ConfigError("loop is 'uvloop' but the trio backend has its own: leave one of the two out")
        if self.loop == "uvloop" and find_spec("uvloop") is None:
            raise ConfigError("loop is 'uvloop', which is not installed: install it or choose 'asyncio'")
        if self.backend == "trio" and find_spec("trio") is None:
            raise ConfigError("backend is 'trio', which is not installed: pip install 'wsserve[trio]'")

    @property
    def use_uvloop(self) -> bool:
        """Whether uvloop runs the asyncio backend."""
        return self.backend == "asyncio" and self.loop != "asyncio" and find_spec("uvloop") is not None

    @property
    def trusted_proxies(self) -> str:
        """The proxies whose headers are believed: the setting, else $FORWARDED_ALLOW_IPS, else 127.0.0.1 and ::1."""
        if self.forwarded_allow_ips is not None:
            return self.forwarded_allow_ips
        return os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")

    @property
    def frame_limits(self) -> FrameLimits:
        """What a frame codec accepts from a peer."""
        return FrameLimits(max_message_size=self.ws_max_size, max_fragments=self.ws_max_fragments)

    @property
    def head_limits(self) -> HeadLimits:
        """What a request's head may measure."""
        return HeadLimits(
            max_target=self.limit_request_target,
            max_head=self.limit_request_head,
            max_headers=self.limit_request_headers,
        )

    @property
    def deflate_options(self) -> DeflateOptions | None:
        """What to agree to when a client offers compression; None refuses every offer."""
        if not self.ws_per_message_deflate:
            return None
        return DeflateOptions(
            server_max_window_bits=self.ws_deflate_window_bits,
            client_max_window_bits=self.ws_deflate_window_bits,
            server_no_context_takeover=self.ws_deflate_no_context_takeover,
            client_no_context_takeover=self.ws_deflate_no_context_takeover,
            memory_level=self.ws_deflate_memory_level,
            level=self.ws_deflate_level,
            threshold=self.ws_deflate_threshold,
        )


def config_of(config: Config | None, options: Mapping[str, Any]) -> Config:
    """Return `config`, or a new one with `options` when it is None.

    Raises `ConfigError` for an option that does not exist, and for options beside a `config`.
    """
    known = [field.name for field in fields(Config)]
    for name in options:
        if name not in known:
            raise ConfigError(f"there is no option {name!r}{suggest(name, known)}")
    if config is None:
        return Config(**options)
    if options:
        raise ConfigError(f"{next(iter(options))} is given beside config: set it in the Config")
    return config
