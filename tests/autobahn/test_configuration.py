"""The configurations that can be judged, and the options that they stand for."""

import pytest

from wsserve.autobahn.configuration import Configuration, every_configuration


@pytest.mark.parametrize(
    ("configuration", "name"),
    [
        (Configuration(), "wire-asyncio-auto"),
        (Configuration(loop="uvloop", tls=True), "wire-asyncio-uvloop-tls"),
        (Configuration(backend="trio"), "wire-trio"),
    ],
)
def test_names(configuration: Configuration, name: str) -> None:
    assert configuration.name == name


def test_server_options_name_codec_backend_and_loop_and_raise_the_limits() -> None:
    line = " ".join(Configuration(loop="uvloop").server_options())
    assert "--codec wire --backend asyncio --loop uvloop" in line
    assert "--ws-max-size 67108864 --ws-max-fragments 131072" in line


def test_trio_gets_no_event_loop_of_asyncio() -> None:
    assert "--loop" not in Configuration(backend="trio").server_options()


def test_every_configuration_has_a_name_of_its_own_and_each_is_there_with_and_without_tls() -> None:
    assert [configuration.name for configuration in every_configuration()] == [
        f"{codec}-{rest}"
        for codec in ("wire", "wire-pure", "wsproto")
        for rest in (
            "asyncio-uvloop",
            "asyncio-asyncio",
            "trio",
            "asyncio-uvloop-tls",
            "asyncio-asyncio-tls",
            "trio-tls",
        )
    ]


def test_plain_python_is_chosen_by_the_environment() -> None:
    pure = Configuration("wire-pure")
    assert "--codec wire " in " ".join(pure.server_options())
    assert pure.environment() == {"WSSERVE_NO_EXTENSIONS": "1"}
    assert Configuration("wire").environment() == {"WSSERVE_NO_EXTENSIONS": ""}
