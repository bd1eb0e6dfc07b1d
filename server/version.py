"""What is running: versions for `wsserve --version` and for bug reports."""

import platform
from importlib.metadata import version

from wsserve import __version__
from wsserve.codec.deflate_engine import describe_deflate
from wsserve.codec.engines import describe_codec
from wsserve.server.config import Config


def describe_version(config: Config) -> str:
    """Return one line with the versions of wsserve and of what it runs on under `config`."""
    if config.backend == "trio":
        loop = f"trio {version('trio')}"
    elif config.use_uvloop:
        loop = f"uvloop {version('uvloop')}"
    else:
        loop = "asyncio"
    return (
        f"wsserve {__version__} (codec {describe_codec(config.codec)}, deflate {describe_deflate()}, loop {loop}, "
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()})"
    )
