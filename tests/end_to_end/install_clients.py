"""Install the clients that are not Python packages: node's ws, and Chromium.

`make test` runs this before pytest. It does nothing when all is there, so that tests run offline afterwards.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

NODE_SOURCES = Path(__file__).parent / "node"
NODE_FOLDER = Path(__file__).parents[2] / ".cache" / "end_to_end" / "node"
NODE_MODULES = NODE_FOLDER / "node_modules"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class ClientMissingError(RuntimeError):
    """A client that the tests need is neither here nor could it be installed."""


def find_node() -> str:
    """Return the path of node. Raises ClientMissingError."""
    if node := shutil.which("node") or shutil.which("nodejs"):
        return node
    raise ClientMissingError(
        "node was not found on PATH: install Node.js 18 or later with npm, then run `make test` again."
    )


def find_chromium() -> str:
    """Return the path of a Chromium: CHROMIUM_PATH, or one on PATH, or Playwright's own. Raises ClientMissingError."""
    if named := os.environ.get("CHROMIUM_PATH"):
        if not os.access(named, os.X_OK):
            raise ClientMissingError(
                f"CHROMIUM_PATH is {named!r}, which cannot be executed: set it to a Chromium program."
            )
        return named
    for name in CHROMIUM_NAMES:
        if found := shutil.which(name):
            return found
    if own := playwright_chromium():
        return own
    raise ClientMissingError(
        "Chromium was not found: install it and put it on PATH, or set CHROMIUM_PATH, then run `make test` again."
    )


def playwright_chromium() -> str | None:
    """Return the path of the Chromium that `playwright install chromium` downloaded, if it did."""
    from playwright.sync_api import sync_playwright  # takes a second, and is seldom needed

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.access(path, os.X_OK) else None


def main() -> int:
    """Install what is missing. Returns the exit status."""
    try:
        install_node_client()
        install_chromium()
    except ClientMissingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def install_node_client() -> None:
    """Install ws by `npm ci` into the cache folder, unless this very lock file is installed there."""
    lock = (NODE_SOURCES / "package-lock.json").read_bytes()
    stamp = NODE_MODULES / f".installed-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not (shutil.which("npm") and (shutil.which("node") or shutil.which("nodejs"))):
        apt_get_install("nodejs", "npm")
    find_node()
    if stamp.exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise ClientMissingError("npm was not found on PATH: install npm, then run `make test` again.")
    NODE_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NODE_SOURCES / name, NODE_FOLDER)
    print("Installing node's ws", flush=True)
    arguments = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(arguments, cwd=NODE_FOLDER).returncode != 0:
        raise ClientMissingError("`npm ci` could not install node's ws: see the lines above.")
    stamp.touch()


def install_chromium() -> None:
    """Install Chromium by apt-get where that can be done, else by Playwright, unless there is one."""
    try:
        find_chromium()
    except ClientMissingError:
        if os.environ.get("CHROMIUM_PATH"):
            raise
        apt_get_install("chromium")
        if not any(map(shutil.which, CHROMIUM_NAMES)):
            print("Installing Chromium through Playwright", flush=True)
            subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
        find_chromium()


def apt_get_install(*packages: str) -> None:
    """Install Debian packages where this user may; the caller sees what is missing then."""
    apt_get = shutil.which("apt-get")
    if apt_get is None or os.geteuid() != 0:
        return
    print(f"Installing {' and '.join(packages)} through apt-get", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt_get, "update", "-qq"], env=environment)
    install = [apt_get, "install", "-y", "-qq", "--no-install-recommends", *packages]
    subprocess.run(install, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
