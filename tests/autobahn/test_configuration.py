"""The configurations that can be judged, and the options that they stand for."""

import pytest

from wsserve.autobahn.configuration import Configuration, every_configuration


@pytest.mark.parametrize(
    ("configuration", "name"),
    [
        (Configuration(), "wsproto-asyncio-auto"),
        (Configuration(loop="uvloop", tls=True), "wsproto-asyncio-uvloop-tls"),
        (Configuration(backend="trio"), "wsproto-trio"),
    ],
)
def test_names(configuration: Configuration, name: str) -> None:
    assert configuration.name == name


def test_server_options_name_codec_backend_and_loop_and_raise_the_limits() -> None:
    line = " ".join(Configuration(loop="uvloop").server_options())
    assert "--codec wsproto --backend asyncio --loop uvloop" in line
    assert "--ws-max-size 67108864 --ws-max-fragments 131072" in line


def test_trio_gets_no_event_loop_of_asyncio() -> None:
    assert "--loop" not in Configuration(backend="trio").server_options()


def test_every_configuration_has_a_name_of_its_own_and_each_is_there_with_and_without_tls() -> None:
    assert [configuration.name for configuration in every_configuration()] == [
        f"{codec}-{rest}"
        for codec in ("wsproto", "wire")
        for rest in (
            "asyncio-uvloop",
            "asyncio-asyncio",
            "trio",
            "asyncio-uvloop-tls",
            "asyncio-asyncio-tls",
            "trio-tls",
        )
    ]
