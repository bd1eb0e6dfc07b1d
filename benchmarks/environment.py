"""The environment of the benchmarks in .cache/bench: the peers, and wsserve as its users install it."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import commands

REPOSITORY = Path(__file__).parents[1]
CACHE = REPOSITORY / ".cache" / "bench"
BIN = CACHE / "venv" / "bin"
PYTHON = BIN / "python"
NODE_FOLDER = CACHE / "node"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
NODE_SOURCES = Path(__file__).with_name("node")
INSTALL_TIMEOUT = 600.0

WSSERVE_SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
WSSERVE_PACKAGES = ("wsserve", "server", "asgi_bridge", "codec", "autobahn")

VERSIONED = (
    "aiohttp", "anycorn", "daphne", "fastapi", "granian", "h11", "hypercorn", "isal", "lihil", "picows", "starlette",
    "Twisted", "uvicorn", "uvloop", "websockets", "wsproto", "wsserve",
)  # fmt: skip
"""The packages whose versions a result names."""


class SetupError(Exception):
    """The environment could not be made; the message says why and what to do."""


def prepare() -> None:
    """Install what is not installed yet. Raises SetupError."""
    CACHE.mkdir(parents=True, exist_ok=True)
    python = f"{sys.version}\n".encode()
    requirements = REQUIREMENTS.read_bytes()
    if not _stamped("peers", python + requirements):
        print("Installing the peers into .cache/bench", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(CACHE / "venv")])
        _pip("--requirement", str(REQUIREMENTS))
        _stamp("wsserve").unlink(missing_ok=True)
        _write_stamp("peers", python + requirements)
    _install_wsserve()


def prepare_node() -> str | None:
    """Install node's ws where node is; return None, or a sentence that says why it cannot be had."""
    npm = shutil.which("npm")
    if shutil.which("node") is None or npm is None:
        return "node and npm were not found on PATH: install Node.js 18 or later"
    lock = (NODE_SOURCES / "package-lock.json").read_bytes()
    if _stamped("node", lock):
        return None
    print("Installing node's ws into .cache/bench", flush=True)
    NODE_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NODE_SOURCES / name, NODE_FOLDER)
    try:
        _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder=NODE_FOLDER)
    except SetupError as error:
        return str(error)
    _write_stamp("node", lock)
    return None


def versions() -> dict[str, str]:
    """Return the versions of wsserve and of all that is compared with it, by name. Raises SetupError."""
    code = f"import importlib.metadata as m; [print(name, m.version(name)) for name in {VERSIONED!r}]"
    found = dict(line.split() for line in _output([str(PYTHON), "-c", code]).splitlines())
    if shutil.which("node"):
        found["node"] = _output(["node", "--version"]).removeprefix("v")
        package = NODE_SOURCES / "package.json"
        found["ws"] = package.read_text().partition('"ws": "')[2].partition('"')[0]
    return found


def server_environment() -> dict[str, str]:
    """Return the variables that servers are started with: node finds ws, and Python nothing that is not installed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "WSSERVE_"))}
    environment["NODE_PATH"] = str(NODE_FOLDER / "node_modules")
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return environment


def _install_wsserve() -> None:
    """Install wsserve from a copy of its sources, compiled: not in place, and without what earlier builds left."""
    digest = b"".join(path.read_bytes() for path in _sources())
    if _stamped("wsserve", digest):
        return
    print("Installing wsserve into .cache/bench", flush=True)
    copy = CACHE / "source"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for name in WSSERVE_SOURCES:
        shutil.copy(REPOSITORY / name, copy)
    for name in WSSERVE_PACKAGES:
        ignore = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(REPOSITORY / name, copy / name, symlinks=True, ignore=ignore)
    _pip(str(copy), environment={"SPEEDUPS": "yes"})
    _write_stamp("wsserve", digest)


def _sources() -> list[Path]:
    packages = (REPOSITORY / name for name in WSSERVE_PACKAGES)
    files = (path for package in packages for path in package.iterdir() if path.suffix in (".py", ".pyx", ".pxd"))
    return [REPOSITORY / name for name in WSSERVE_SOURCES] + sorted(files)


def _pip(*arguments: str, environment: dict[str, str] | None = None) -> None:
    _run([str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments], environment)


def _run(command: list[str], environment: dict[str, str] | None = None, folder: Path = CACHE) -> None:
    """Run one step of the installation. Raises SetupError with the end of its output."""
    try:
        done = commands.run(command, folder=folder, timeout=INSTALL_TIMEOUT, environment=environment)
    except subprocess.TimeoutExpired:
        raise SetupError(f"`{' '.join(command)}` took more than {INSTALL_TIMEOUT:.0f} seconds") from None
    if done.returncode != 0:
        raise SetupError(
            f"{done.stdout[-2000:]}{done.stderr[-2000:]}\n`{' '.join(command)}` failed with status {done.returncode}"
        )


def _output(command: list[str]) -> str:
    """Return what a program prints. Raises SetupError."""
    done = commands.run(command, folder=CACHE, timeout=INSTALL_TIMEOUT)
    if done.returncode != 0:
        raise SetupError(f"`{' '.join(command)}` failed: {done.stderr[-2000:]}")
    return done.stdout.strip()


def _stamp(name: str) -> Path:
    return CACHE / f"{name}.installed"


def _stamped(name: str, content: bytes) -> bool:
    stamp = _stamp(name)
    return stamp.exists() and stamp.read_text() == hashlib.sha256(content).hexdigest()


def _write_stamp(name: str, content: bytes) -> None:
    _stamp(name).write_text(hashlib.sha256(content).hexdigest())
