"""The compiled twins of the message path; everything else about the package is in pyproject.toml.

`SPEEDUPS` decides: `auto`, the default, builds them where a C compiler is and goes on without where none is; `yes`
fails without one; `no` leaves them out. Generated C goes into build/, never into the tree.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup


def extensions() -> list[Extension]:
    """Return what is to be compiled."""
    wanted = os.environ.get("SPEEDUPS", "auto")
    if wanted not in ("auto", "yes", "no"):
        sys.exit(f"SPEEDUPS must be auto, yes or no, not {wanted!r}")
    if wanted == "no":
        return []
    from Cython.Build import cythonize

    # Cython looks for the declarations of wsserve.codec under wsserve/codec: a link, which a source distribution lacks.
    for package in ("codec", "asgi_bridge", "server"):
        link = Path(__file__).parent / "wsserve" / package
        if not link.exists():
            link.symlink_to(Path("..") / package, target_is_directory=True)
    optional = wanted == "auto"
    modules = [
        Extension("wsserve.codec._masking_c", ["codec/_masking_c.pyx"], optional=optional),
        Extension("wsserve.codec._wire_c", ["codec/wire.py"], optional=optional),
        Extension("wsserve.asgi_bridge._message_channel_c", ["asgi_bridge/message_channel.py"], optional=optional),
        Extension("wsserve.server._signals_c", ["server/signals.py"], optional=optional),
        Extension("wsserve.server._asyncio_transport_c", ["server/asyncio_transport.py"], optional=optional),
    ]
    for module in modules:
        module.extra_compile_args = ["-O3"]
    compiled: list[Extension] = cythonize(modules, build_dir="build/cython", language_level=3)
    return compiled


setup(ext_modules=extensions())
