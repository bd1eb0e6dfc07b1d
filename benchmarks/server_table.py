"""The servers that are compared, and how each is started."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.loads import Kind, Load

BASELINE = "uvicorn"
"""The peer that ratios are taken to by default: the fastest of uvicorn's implementations under each load."""


UNROUTED = "wsserve-class"
"""What the routed handlers' costs are compared with: the same echo without a router."""

ROUTED = (UNROUTED, "wsserve-routed", "uvicorn-starlette", "uvicorn-fastapi", "uvicorn-lihil")
"""The servers that the loads for routed handlers are for."""


class Family(StrEnum):
    """What a server is, which decides which targets it counts for."""

    WSSERVE = "wsserve"
    ASGI = "ASGI server"
    OTHER = "other library"
    FRAMEWORK = "framework"
    FLOOR = "floor"


@dataclass(frozen=True)
class Server:
    """A server: its command, in which a word {port} stands for the port, run in benchmarks/servers.

    A first word that is no path is a program of the environment that `make bench` makes.
    """

    name: str
    title: str
    family: Family
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def needs_node(self) -> bool:
        """Whether it runs on node, which the environment cannot install."""
        return self.command[0] == "node"

    def runs(self, load: Load) -> bool:
        """Whether the load is for this server."""
        if load.codecs_only:
            return self.name in ("wsserve", "wsserve-pure", "wsserve-wsproto")
        return self.name in ROUTED if load.routed else self.name not in ROUTED or self.name == UNROUTED

    def command_for(self, load: Load, port: int) -> list[str]:
        """Return the command line for a load: the defaults, but for messages of more fragments than any should have."""
        command = [word.format(port=port) for word in self.command]
        if self.family is Family.WSSERVE and load.kind is Kind.LINEARITY:
            command += ["--ws-max-fragments", "1000000"]
        return command


def _wsserve(name: str, title: str, codec: str, app: str = "asgi_app:app", **environment: str) -> Server:
    command = ("wsserve", app, "--port", "{port}", "--codec", codec)
    return Server(name, title, Family.WSSERVE, command, tuple(environment.items()))


def _routed_on_uvicorn(framework: str) -> Server:
    command = ("uvicorn", f"{framework.lower()}_app:app", "--port", "{port}")
    return Server(f"{BASELINE}-{framework.lower()}", f"{framework} on uvicorn", Family.FRAMEWORK, command)


def _uvicorn(implementation: str) -> Server:
    command = ("uvicorn", "asgi_app:app", "--port", "{port}", "--ws", implementation)
    return Server(f"{BASELINE}-{implementation}", f"uvicorn, {implementation}", Family.ASGI, command)


def _asgi(name: str, *arguments: str) -> Server:
    return Server(name, name, Family.ASGI, (name, *arguments))


def _library(name: str, program: str) -> Server:
    return Server(name, name, Family.OTHER, ("python", program, "{port}"))


SERVERS = (
    _wsserve("wsserve", "wsserve, wire codec", "wire"),
    _wsserve("wsserve-class", "wsserve, wire codec, WebSocket class", "wire", "websocket_class_app:app"),
    _wsserve("wsserve-routed", "wsserve, wire codec, Router with injection", "wire", "routed_app:app"),
    _wsserve("wsserve-pure", "wsserve, wire codec in pure Python", "wire", WSSERVE_NO_EXTENSIONS="1"),
    _wsserve("wsserve-wsproto", "wsserve, wsproto codec", "wsproto"),
    _uvicorn("websockets"),
    _uvicorn("websockets-sansio"),
    _uvicorn("wsproto"),
    _routed_on_uvicorn("Starlette"),
    _routed_on_uvicorn("FastAPI"),
    _routed_on_uvicorn("lihil"),
    _asgi("hypercorn", "asgi_app:app", "--bind", "127.0.0.1:{port}", "--worker-class", "uvloop"),
    _asgi("granian", "asgi_app:app", "--interface", "asgi", "--port", "{port}", "--loop", "uvloop"),
    _asgi("daphne", "asgi_app:app", "--port", "{port}"),
    _asgi("anycorn", "asgi_app:app", "--bind", "127.0.0.1:{port}"),
    _library("aiohttp", "aiohttp_server.py"),
    _library("picows", "picows_server.py"),
    _library("websockets", "websockets_server.py"),
    Server("node-ws", "node, ws", Family.OTHER, ("node", "ws_server.cjs", "{port}")),
    Server("raw", "uvloop Protocol that only answers", Family.FLOOR, ("python", "raw_protocol.py", "{port}")),
)


def select_servers(names: Sequence[str]) -> list[Server]:
    """Return the servers of these names, in the order of the table; all when there is none. Raises ValueError."""
    known = [server.name for server in SERVERS]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"there is no server {unknown[0]!r}; the servers are {', '.join(known)}")
    return [server for server in SERVERS if not names or server.name in names]
