"""The version line."""

import re

import pytest

from wsserve.server.config import Config
from wsserve.server.version import describe_version


@pytest.mark.parametrize(
    ("config", "loop"),
    [
        (Config(loop="uvloop"), r"uvloop \d+[.\d]+"),
        (Config(loop="asyncio"), "asyncio"),
        (Config(backend="trio"), r"trio \d+[.\d]+"),
    ],
)
def test_the_version_line_names_codec_loop_and_python(config: Config, loop: str) -> None:
    line = describe_version(config)
    assert re.fullmatch(
        rf"wsserve \d+[.\d]+ \(codec wire, [a-zA-Z ]+, deflate \w+ \d+[.\d]+, loop {loop}, \w+ 3[.\d\w]+ on \w+\)", line
    )
