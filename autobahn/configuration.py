"""The ways of running the server that the suite can judge."""

from dataclasses import dataclass

# The suite sends messages of 16 MiB, and 4 MiB in fragments of 64 bytes (9.3.1): more than a server takes by default.
MAX_MESSAGE_SIZE = 64 * 1024 * 1024
MAX_FRAGMENTS = 128 * 1024

PURE = "-pure"
CODECS = ("wire", "wire-pure", "wsproto")
"""Frame codecs; wire-pure is the wire codec, and all that has a compiled twin, in plain Python."""

BACKENDS = ("asyncio", "trio")
LOOPS = ("auto", "uvloop", "asyncio")


@dataclass(frozen=True)
class Configuration:
    """One way of running the server: its codec, backend, event loop, and whether it speaks TLS."""

    codec: str = "wire"
    backend: str = "asyncio"
    loop: str = "auto"
    tls: bool = False

    @property
    def name(self) -> str:
        """A name for files and reports, such as wire-asyncio-uvloop-tls or wsproto-trio."""
        parts = [self.codec, self.backend]
        if self.backend == "asyncio":
            parts.append(self.loop)
        if self.tls:
            parts.append("tls")
        return "-".join(parts)

    def server_options(self) -> list[str]:
        """Return the options of the `wsserve` command for this configuration, the certificate's aside."""
        options = ["--codec", self.codec.removesuffix(PURE), "--backend", self.backend]
        if self.backend == "asyncio":  # trio brings its own event loop
            options += ["--loop", self.loop]
        options += ["--ws-max-size", str(MAX_MESSAGE_SIZE), "--ws-max-fragments", str(MAX_FRAGMENTS)]
        return [*options, "--lifespan", "off", "--log-level", "warning"]

    def environment(self) -> dict[str, str]:
        """Return what the `wsserve` command needs in its environment for this configuration."""
        return {"WSSERVE_NO_EXTENSIONS": "1" if self.codec.endswith(PURE) else ""}


def every_configuration() -> list[Configuration]:
    """Return every configuration that differs from the others on the wire or below: codec, backend, loop, TLS."""
    loops = [("asyncio", "uvloop"), ("asyncio", "asyncio"), ("trio", "auto")]
    return [
        Configuration(codec, backend, loop, tls) for codec in CODECS for tls in (False, True) for backend, loop in loops
    ]
