"""Three WebSocket clients that are not ours, driven alike: the websockets package, node's ws, and a page in Chromium.

A test says what a client does as a list of steps, has a client take them on a new connection by `run_steps`, and looks
at the observations.
"""

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import anyio.from_thread
from playwright.async_api import Browser, Page, Playwright, async_playwright
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.end_to_end.install_clients import NODE_MODULES, find_chromium, find_node
from tests.end_to_end.steps import Client, Observations, Step

HERE = Path(__file__).parent
RUN_TIMEOUT = 15.0  # seconds for all steps of one run


class WebsocketsClient:
    """The websockets package, its threading API."""

    name: ClassVar[str] = "websockets"
    sees_response: ClassVar[bool] = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held between runs."""

    def run_steps(
        self,
        url: str,
        steps: Sequence[Step],
        *,
        subprotocols: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Observations:
        try:
            connection = connect(
                url,
                subprotocols=[Subprotocol(offer) for offer in subprotocols] or None,
                additional_headers=headers,
                max_size=None,
                close_timeout=RUN_TIMEOUT,
                proxy=None,
            )
        except InvalidStatus as refusal:
            response = refusal.response
            return Observations(
                opened=False,
                subprotocol=None,
                extensions="",
                messages=[],
                close=(1006, ""),
                status=response.status_code,
                headers=list(response.headers.raw_items()),
                body=bytes(response.body).decode(),
            )
        with connection:
            messages = self._take(connection, steps)
            response_headers = connection.response.headers if connection.response else {}
            return Observations(
                opened=True,
                subprotocol=connection.subprotocol,
                extensions=response_headers.get("Sec-WebSocket-Extensions", ""),
                messages=messages,
                close=None if connection.close_code is None else (connection.close_code, connection.close_reason or ""),
                status=101,
                headers=list(connection.response.headers.raw_items()) if connection.response else None,
                body=None,
            )

    def _take(self, connection: ClientConnection, steps: Sequence[Step]) -> list[str | bytes]:
        messages: list[str | bytes] = []
        for step in steps:
            with suppress(ConnectionClosed):
                match step["do"]:
                    case "send_text":
                        connection.send(step["data"])
                    case "send_bytes":
                        connection.send(bytes.fromhex(step["hex"]))
                    case "receive":
                        messages.append(connection.recv(timeout=RUN_TIMEOUT))
                    case "close" if step["code"] is None:  # close() has no way to send an empty Close
                        with connection.send_context():
                            connection.protocol.send_close()
                    case "close":
                        connection.close(step["code"], step["reason"])
                    case "wait_closed":
                        while True:
                            messages.append(connection.recv(timeout=RUN_TIMEOUT))
                    case unknown:
                        raise ValueError(f"unknown step {unknown}")
        return messages


class NodeClient:
    """Node's ws package, in a process that lives as long as this object."""

    name: ClassVar[str] = "node-ws"
    sees_response: ClassVar[bool] = True

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        command = [find_node(), str(HERE / "node" / "driver.cjs")]
        environment = os.environ | {"NODE_PATH": str(NODE_MODULES)}
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def _stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def run_steps(
        self,
        url: str,
        steps: Sequence[Step],
        *,
        subprotocols: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Observations:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        run = {"url": url, "subprotocols": list(subprotocols), "headers": dict(headers or {}), "steps": list(steps)}
        deadline = threading.Timer(RUN_TIMEOUT, self._process.kill)
        deadline.start()
        self._process.stdin.write(json.dumps(run) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        deadline.cancel()
        if not answer:
            self._stop()
            self._start()
            raise TimeoutError(f"node's ws did not finish {steps} in {RUN_TIMEOUT} s")
        return Observations.from_json(json.loads(answer))


class EmptyPage(BaseHTTPRequestHandler):
    """Serves an empty page, whose script will be the client."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


class ChromiumClient:
    """A page in headless Chromium, driven by Playwright in a thread, as its event loop would disturb tests."""

    name: ClassVar[str] = "chromium"
    sees_response: ClassVar[bool] = False

    # No sandbox: Chromium refuses to run as root with one. The rest keeps it from calling home.
    FLAGS = (
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    )

    def __enter__(self) -> Self:
        self._script = (HERE / "browser" / "page_client.js").read_text()
        # Chromium lets a page connect to this machine only when the page came from it.
        self._page_server = HTTPServer(("127.0.0.1", 0), EmptyPage)
        threading.Thread(target=self._page_server.serve_forever, daemon=True).start()
        self._portal_manager = anyio.from_thread.start_blocking_portal("asyncio")
        self._portal = self._portal_manager.__enter__()
        self._portal.call(self._start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._portal.call(self._stop)
        self._portal_manager.__exit__(None, None, None)
        self._page_server.shutdown()
        self._page_server.server_close()

    async def _start(self) -> None:
        self._playwright: Playwright = await async_playwright().start()
        self._browser: Browser = await self._playwright.chromium.launch(
            executable_path=find_chromium(), args=list(self.FLAGS), headless=True
        )
        self._page = await self._new_page()

    async def _new_page(self) -> Page:
        page = await self._browser.new_page()
        await page.goto(f"http://127.0.0.1:{self._page_server.server_port}/")
        return page

    async def _stop(self) -> None:
        await self._browser.close()
        await self._playwright.stop()

    def run_steps(
        self,
        url: str,
        steps: Sequence[Step],
        *,
        subprotocols: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Observations:
        if headers:
            raise ValueError("a page cannot choose the headers of its handshake: run this test with the other clients")
        run = {"url": url, "subprotocols": list(subprotocols), "steps": list(steps)}
        return Observations.from_json(self._portal.call(self._run, run))

    async def _run(self, run: dict[str, Any]) -> Any:
        try:
            async with asyncio.timeout(RUN_TIMEOUT):
                return await self._page.evaluate(self._script, run)
        except TimeoutError:
            await self._page.close()
            self._page = await self._new_page()
            raise TimeoutError(f"the page did not finish {run['steps']} in {RUN_TIMEOUT} s") from None


CLIENTS: tuple[type[Client], ...] = (WebsocketsClient, NodeClient, ChromiumClient)
