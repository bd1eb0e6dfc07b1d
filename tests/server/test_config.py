"""Settings together: defaults, combinations, and what is derived from them."""

import dataclasses
import importlib.util
import ssl
from pathlib import Path
from typing import Any

import pytest

from wsserve.asgi_bridge import backpressure, message_channel, receiver
from wsserve.asgi_bridge.http_session import HttpOptions
from wsserve.codec import deflate, request_body
from wsserve.codec.deflate import DeflateOptions
from wsserve.codec.frames import FrameLimits
from wsserve.codec.http1 import HeadLimits
from wsserve.server import connection
from wsserve.server.config import Config, config_of
from wsserve.server.errors import ConfigError
from wsserve.server.serve import LINGER_TIMEOUT
from wsserve.server.settings import settings_of


def test_defaults_are_those_of_the_layers_below() -> None:
    config = Config()
    assert config.frame_limits == FrameLimits()
    assert config.head_limits == HeadLimits()
    assert config.deflate_options == DeflateOptions()
    assert (config.host, config.port, config.backend, config.loop) == ("127.0.0.1", 8000, "asyncio", "auto")


def test_a_config_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(Config(), "port")


def test_limits_are_handed_on() -> None:
    config = Config(
        ws_max_size=7,
        ws_max_fragments=8,
        limit_request_target=300,
        limit_request_head=400,
        limit_request_headers=5,
        ws_deflate_window_bits=9,
        ws_deflate_memory_level=1,
        ws_deflate_level=6,
        ws_deflate_threshold=0,
        ws_deflate_no_context_takeover=True,
    )
    assert config.frame_limits == FrameLimits(max_message_size=7, max_fragments=8)
    assert config.head_limits == HeadLimits(max_target=300, max_head=400, max_headers=5)
    assert config.deflate_options == DeflateOptions(
        server_max_window_bits=9,
        client_max_window_bits=9,
        server_no_context_takeover=True,
        client_no_context_takeover=True,
        memory_level=1,
        level=6,
        threshold=0,
    )


def test_compression_can_be_switched_off() -> None:
    assert Config(ws_per_message_deflate=False).deflate_options is None


def test_zero_switches_keepalive_off() -> None:
    config = Config(ws_ping_interval=0, ws_ping_timeout=0)
    assert config.ws_ping_interval is None
    assert config.ws_ping_timeout is None
    assert Config(ws_ping_interval=None).ws_ping_interval is None


def test_headers_take_one_form() -> None:
    headers: Any = [("X-Frame-Options", "DENY")]
    assert Config(headers=headers).headers == ((b"x-frame-options", b"DENY"),)


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"port": 70000}, "port must be from 0 to 65535, not 70000"),
        ({"port": "80"}, "port must be a whole number, not '80'"),
        ({"ws_max_size": 0}, "ws_max_size must be from 1 to 1099511627776, not 0"),
        ({"ws_ping_interval": -1}, "ws_ping_interval must be at least 0, not -1"),
        ({"ws_deflate_window_bits": 8}, "from 9 to 15"),
        ({"lifespan": "maybe"}, "lifespan must be 'auto', 'on' or 'off', not 'maybe'"),
        ({"log_config": 5}, "log_config must be text, a mapping or None, not 5"),
        ({"headers": [("x", "\n")]}, "header x has the value"),
        ({"forwarded_allow_ips": "localhost"}, "forwarded_allow_ips has 'localhost', which is no address"),
        ({"uds": "/tmp/x", "fd": 3}, "uds and fd are both set"),
        ({"uds": ""}, "uds must be a path, not ''"),
        ({"uds": "a\0b"}, "uds must be a path"),
        ({"ssl_keyfile": "k"}, "ssl_keyfile is set without ssl_certfile"),
        ({"ssl_keyfile_password": "hidden"}, "ssl_keyfile_password is set without ssl_certfile"),
        ({"ssl_ca_certs": "k"}, "ssl_ca_certs is set without ssl_certfile"),
        ({"ssl_ciphers": "k"}, "ssl_ciphers is set without ssl_certfile"),
        ({"ssl_certfile": "c", "ssl_cert_reqs": 2}, "ssl_cert_reqs is 2 without ssl_ca_certs"),
        ({"limit_request_target": 20000}, "limit_request_target (20000) is above limit_request_head (16384)"),
        ({"loop": "uvloop", "backend": "trio"}, "loop is 'uvloop' but the trio backend has its own"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**settings)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_python_ssl_constants_are_taken() -> None:
    config = Config(ssl_certfile="c", ssl_ca_certs="a", ssl_cert_reqs=ssl.CERT_REQUIRED)
    assert config.ssl_cert_reqs == 2


@pytest.mark.parametrize(
    ("settings", "missing", "uses_uvloop"),
    [
        ({}, (), True),
        ({}, ("uvloop",), False),
        ({"loop": "uvloop"}, (), True),
        ({"loop": "asyncio"}, (), False),
        ({"backend": "trio"}, (), False),
    ],
)
def test_the_loop_is_chosen(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], missing: tuple[str, ...], uses_uvloop: bool
) -> None:
    _hide(monkeypatch, *missing)
    assert Config(**settings).use_uvloop is uses_uvloop


@pytest.mark.parametrize(
    ("settings", "missing", "part"),
    [
        ({"loop": "uvloop"}, "uvloop", "which is not installed: install it or choose 'asyncio'"),
        ({"backend": "trio"}, "trio", "pip install 'wsserve[trio]'"),
    ],
)
def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], missing: str, part: str
) -> None:
    _hide(monkeypatch, missing)
    with pytest.raises(ConfigError) as caught:
        Config(**settings)
    assert part in str(caught.value)


def test_trusted_proxies_come_from_the_setting_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    assert Config().trusted_proxies == "127.0.0.1,::1"
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.0/8")
    assert Config().trusted_proxies == "10.0.0.0/8"
    assert Config(forwarded_allow_ips="").trusted_proxies == ""


def _hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("wsserve.server.config.find_spec", lambda name: None if name in modules else real(name))


def test_a_config_comes_from_options_or_whole() -> None:
    assert config_of(None, {"port": 5}) == Config(port=5)
    config = Config(port=6)
    assert config_of(config, {}) is config


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (None, {"prot": 1}, "there is no option 'prot': did you mean 'port'?"),
        (None, {"zzzzzz": 1}, "there is no option 'zzzzzz'"),
        (Config(), {"prot": 1}, "there is no option 'prot': did you mean 'port'?"),
        (Config(), {"port": 1}, "port is given beside config: set it in the Config"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(config: Config | None, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(config, options)
    assert str(caught.value) == message


# docs/limits.md


def test_every_bound_has_a_row_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "limits.md").read_text()
    for name, _, _, details in settings_of(Config):
        if name.startswith(("limit_", "timeout_", "ws_")):
            assert f"| `{name}` |" in page, details.summary


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (connection.MAX_PIPELINED_BYTES, "64 KiB"),
        (connection.MAX_DROPPED_BYTES, "64 KiB"),
        (HttpOptions().max_queue_bytes, "64 KiB"),
        (request_body._MAX_FRAMING, "16 KiB"),
        (receiver.MAX_WAITING_SIZE, "64 KiB"),
        (backpressure.OUTPUT_TURN, "64 KiB"),
        (message_channel.INPUT_TURN * 1000, "5 ms"),
        (deflate._MAX_FINAL_BLOCKS, "64"),
        (receiver.MAX_WAITING_MESSAGES, "16 messages"),
        (LINGER_TIMEOUT, "1 s"),
    ],
)
def test_the_documented_fixed_bounds_are_the_codes(value: float, shown: str) -> None:
    number, _, unit = shown.partition(" ")
    assert value == int(number) * (1024 if unit == "KiB" else 1)
    fixed = (Path(__file__).parents[2] / "docs" / "limits.md").read_text().partition("## Fixed bounds")[2]
    assert shown in fixed
