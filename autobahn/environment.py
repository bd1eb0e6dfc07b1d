"""Where the Autobahn test suite runs: a Python 2.7 environment of its own, or else its Docker image."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wsserve.autobahn import commands

REQUIREMENTS = Path(__file__).with_name("requirements-py27.txt")
IMAGE = "crossbario/autobahn-testsuite"

# The last versions of virtualenv that can make an environment for Python 2.7 are below 20.22.
VIRTUALENV = "virtualenv==20.21.1"

SPEC_NAME = "fuzzingclient.json"

ADVICE = f"""\
The Autobahn test suite needs Python 2.7 or Docker. No Python 2.7 that works was found, and no Docker that runs.
Do one of these, then try again:
  - install Python 2.7, for instance with `pyenv install 2.7.18`, or with your system's package python2.7;
  - if there is one somewhere else, name it: AUTOBAHN_PYTHON=/path/to/python2.7;
  - start Docker: the image {IMAGE} is then used."""


class SetupError(Exception):
    """The suite cannot be had here; the message says why and what to do."""


class Suite(Protocol):
    """A suite that is ready to run."""

    def command(self, directory: Path) -> list[str]:
        """Return the command that runs the fuzzing client on the spec in `directory`, where the reports go as well."""

    def report_directory(self, directory: Path) -> str:
        """Return the name that `directory` has for the suite."""


@dataclass(frozen=True)
class NativeSuite:
    """The suite in a Python 2.7 environment on this machine."""

    python: Path

    def command(self, directory: Path) -> list[str]:
        """Run the suite's module, without buffering (-u) and without what PYTHONPATH may add for Python 3 (-E)."""
        module = [str(self.python), "-E", "-u", "-m", "autobahntestsuite.wstest"]
        return [*module, "-m", "fuzzingclient", "-s", str(directory / SPEC_NAME)]

    def report_directory(self, directory: Path) -> str:
        """Return the directory itself."""
        return str(directory)


@dataclass(frozen=True)
class DockerSuite:
    """The suite in its Docker image, on the host's network so that it reaches a server on 127.0.0.1."""

    image: str = IMAGE

    def command(self, directory: Path) -> list[str]:
        """Mount the directory as /reports, for spec and reports alike; --init passes SIGTERM on to the suite."""
        container = ["docker", "run", "--rm", "--init", "--network=host", "--env=PYTHONUNBUFFERED=1"]
        mount = f"--volume={directory}:/reports"
        return [*container, mount, self.image, "wstest", "-m", "fuzzingclient", "-s", f"/reports/{SPEC_NAME}"]

    def report_directory(self, directory: Path) -> str:  # noqa: ARG002 - it is mounted under one name
        """Return the place where the directory is mounted."""
        return "/reports"


def prepare(cache: Path, environ: Mapping[str, str] = os.environ) -> Suite:
    """Return a suite that is ready to run, after making its environment in `cache` where there is none yet.

    Raises SetupError when there is neither a Python 2.7 nor Docker, or when the installation fails.
    """
    installed = cache / "py27"
    if _is_complete(installed):
        return NativeSuite(_python_of(installed))
    if python := find_python27(environ):
        print(f"Installing the Autobahn test suite for {python} in {installed} (once; about half a minute)", flush=True)
        install(python, cache)
        return NativeSuite(_python_of(installed))
    if shutil.which("docker", path=environ.get("PATH")) and commands.succeeds(["docker", "info"]):
        return DockerSuite()
    raise SetupError(ADVICE)


def find_python27(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the first Python 2.7 that works, or None.

    The order: AUTOBAHN_PYTHON, python2.7 and python2 on PATH, pyenv's versions. Each candidate is run: pyenv puts
    programs on PATH that exist and yet fail. Raises SetupError when AUTOBAHN_PYTHON is set to anything else.
    """
    if named := environ.get("AUTOBAHN_PYTHON"):
        path = shutil.which(os.path.expanduser(named), path=environ.get("PATH"))
        if path is None or not _is_python27(path):
            raise SetupError(f"AUTOBAHN_PYTHON is {named!r}, which is no working Python 2.7; correct or unset it")
        return path
    return next((path for path in _candidates(environ) if _is_python27(path)), None)


def install(python: str, cache: Path) -> None:
    """Make an environment for the given Python 2.7 in `cache` and install the suite there, at the pinned versions.

    Raises SetupError when a step fails; the whole output is in setup.log in `cache`.
    """
    target = cache / "py27"
    cache.mkdir(parents=True, exist_ok=True)
    log = cache / "setup.log"
    log.write_text("")
    shutil.rmtree(target, ignore_errors=True)
    _make_environment(python, cache, log)
    pip = [str(_python_of(target)), "-E", "-m", "pip", "install", "--requirement", str(REQUIREMENTS)]
    if not _step(pip, log):
        tail = "\n".join(log.read_text().splitlines()[-15:])
        raise SetupError(
            f"{tail}\nThe Autobahn test suite could not be installed for {python}. It takes access to a package index"
            f" and, for wsaccel, a C compiler and the headers of Python 2.7. The whole output is in {log}"
        )
    _stamp(target).write_text(_fingerprint())


def _make_environment(python: str, cache: Path, log: Path) -> None:
    """Use a virtualenv that this Python can run; failing that, the one that the Python 2.7 may have."""
    tool = cache / "tool"
    arguments = ["-m", "virtualenv", "--python", python, "--app-data", str(cache / "app-data")]
    arguments += ["--no-periodic-update", str(cache / "py27")]
    own = str(_python_of(tool))
    for steps in (
        [
            [sys.executable, "-m", "venv", "--clear", str(tool)],
            [own, "-m", "pip", "install", VIRTUALENV],
            [own, *arguments],
        ],
        [[python, "-m", "virtualenv", str(cache / "py27")]],
    ):
        if all(_step(step, log) for step in steps):
            return
    raise SetupError(
        f"No environment could be made for {python}: {VIRTUALENV} could be neither installed nor used for this Python,"
        f" and `{python} -m virtualenv` failed as well. The whole output is in {log}"
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    folders = environ.get("PATH", "").split(os.pathsep)
    for name in ("python2.7", "python2"):
        for folder in folders:
            if path := shutil.which(name, path=folder):
                yield path
    root = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "~")).expanduser() / ".pyenv")
    yield from map(str, sorted(root.glob("versions/2.7*/bin/python2.7"), reverse=True))


def _is_python27(path: str) -> bool:
    return commands.succeeds([path, "-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))"])


def _python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def _is_complete(environment: Path) -> bool:
    stamp = _stamp(environment)
    return stamp.is_file() and stamp.read_text() == _fingerprint() and _python_of(environment).exists()


def _stamp(environment: Path) -> Path:
    return environment / "wsserve-complete"


def _fingerprint() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def _step(command: list[str], log: Path) -> bool:
    """Run one step of the installation, with its output in the log; say whether it succeeded."""
    try:
        status, output = commands.run(command, timeout=900, environment={"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    except (OSError, subprocess.TimeoutExpired) as error:
        status, output = 1, f"{error}\n"
    with log.open("a") as file:
        file.write(f"$ {' '.join(command)}\n{output}")
    return status == 0
