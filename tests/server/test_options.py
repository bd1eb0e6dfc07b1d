"""Options made from the fields of `Config`."""

import dataclasses

import click
import pytest
from click.testing import CliRunner

from wsserve.server.config import Config
from wsserve.server.options import GroupedCommand, GroupedOption, HeaderType, config_options, option_name

OPTIONS = {option.name: option for option in config_options()}


def test_every_field_is_an_option_with_a_group_and_help() -> None:
    assert list(OPTIONS) == [field.name for field in dataclasses.fields(Config)]
    for option in OPTIONS.values():
        assert isinstance(option, GroupedOption)
        assert option.group
        assert option.help
        assert option.help.endswith((".", "]"))


def test_option_names_have_hyphens() -> None:
    assert option_name("ws_max_size") == "--ws-max-size"
    assert OPTIONS["ws_max_size"].opts == ["--ws-max-size"]
    assert OPTIONS["headers"].opts == ["--header"]


@pytest.mark.parametrize(
    ("name", "on", "off"),
    [
        ("access_log", "--access-log", ["--no-access-log"]),
        ("ws_per_message_deflate", "--ws-per-message-deflate", []),
        ("ws_deflate_no_context_takeover", "--ws-deflate-no-context-takeover", ["--ws-deflate-context-takeover"]),
    ],
)
def test_true_or_false_is_a_pair_of_flags_or_a_value(name: str, on: str, off: list[str]) -> None:
    assert OPTIONS[name].opts == [on]
    assert OPTIONS[name].secondary_opts == off


@pytest.mark.parametrize(
    "option",
    [
        "host port uds fd lifespan log-level log-config root-path ssl-keyfile ssl-certfile ssl-keyfile-password"
        " ssl-ca-certs ssl-cert-reqs ssl-ciphers ssl-version access-log backlog limit-concurrency timeout-keep-alive"
        " timeout-graceful-shutdown ws-max-size ws-max-queue ws-ping-interval ws-ping-timeout ws-per-message-deflate"
        " proxy-headers forwarded-allow-ips header server-header date-header use-colors loop"
    ],
)
def test_options_that_uvicorn_has_too_have_its_names(option: str) -> None:
    names = {name for one in OPTIONS.values() for name in one.opts}
    assert {f"--{one}" for one in option.split()} <= names


@pytest.mark.parametrize(
    ("value", "expected"), [("X-One: 1", ("X-One", "1")), ("a:b:c", ("a", "b:c")), ("empty:", ("empty", ""))]
)
def test_a_header_is_split_at_its_colon(value: str, expected: tuple[str, str]) -> None:
    assert HeaderType().convert(value, None, None) == expected


def test_a_header_without_a_colon_is_said() -> None:
    with pytest.raises(click.BadParameter) as caught:
        HeaderType().convert("no colon", None, None)
    assert caught.value.format_message() == "Invalid value: 'no colon' has no colon: write it as \"Name: value\""


def test_help_is_grouped_and_leaves_hidden_options_out() -> None:
    command = GroupedCommand(
        "tool",
        params=[
            click.Argument(["target"]),
            GroupedOption(["--one"], group="First", help="One."),
            GroupedOption(["--two"], group="Second", help="Two."),
            GroupedOption(["--three"], group="First", help="Three."),
            GroupedOption(["--secret"], group="Third", help="Hidden.", hidden=True),
        ],
    )
    text = CliRunner().invoke(command, ["--help"]).output
    headings = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["First:", "Second:", "Other:"]
    assert text.index("--one") < text.index("--three") < text.index("--two") < text.index("--help")
    assert "--secret" not in text
