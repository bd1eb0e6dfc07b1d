"""The chat example's page in headless Chromium: people who chat with each other."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import anyio.from_thread
import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, WebSocketRoute, async_playwright, expect

from tests.end_to_end.clients import ChromiumClient
from tests.end_to_end.install_clients import find_chromium
from tests.end_to_end.server_process import WSSERVE, ServerProcess

APP = "examples.chat:app"  # by itself
ALL = "examples.main:app"  # below /chat, with the other examples
LIMIT = 25.0  # seconds for one test
SOON = 10000.0  # milliseconds for one step
NETWORK = re.compile(r"WebSocket connection to|Failed to load resource")  # what a browser logs when a server is away

Scenario: TypeAlias = "Callable[[People], Awaitable[None]]"


class People:
    """The browsers of people, with all that went wrong in them."""

    def __init__(self, browser: Browser, server: ServerProcess) -> None:
        self.server = server
        self.errors: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    async def someone(self, **options: Any) -> Page:
        """Return an empty page of somebody new."""
        context = await self._browser.new_context(reduced_motion="reduce", **options)
        context.set_default_timeout(SOON)
        self._contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if line.type in ("error", "warning") else None)
        return page

    async def join(
        self, name: str, room: str = "lobby", page: Page | None = None, path: str = "/chat/", **options: Any
    ) -> Page:
        """Return the page of somebody whose name the browser remembers."""
        page = page or await self.someone(**options)
        await page.add_init_script(f"localStorage['chat.name'] ??= {json.dumps(name)}")
        await page.goto(self.server.http(f"{path}#{room}"))
        await connected(page)
        return page

    async def join_by_the_door(self, name: str, room: str, page: Page | None = None, path: str = "/chat/") -> Page:
        """Return the page of somebody who came here for the first time."""
        page = page or await self.someone()
        await page.goto(self.server.http(f"{path}#{room}"))
        await page.get_by_label("Your name", exact=True).fill(name)
        await page.get_by_role("button", name="Join").click()
        await connected(page)
        return page

    async def leave(self) -> None:
        for context in self._contexts:
            await context.close()


class Chromium:
    """Runs scenarios in one browser, in a thread: Playwright's event loop would disturb other tests."""

    def __init__(self, portal: anyio.from_thread.BlockingPortal, browser: Browser) -> None:
        self._portal = portal
        self._browser = browser

    def run(self, scenario: Scenario, server: ServerProcess, *, network_errors: bool = False) -> None:
        """Run `scenario`; no page may log an error, but those of the network where these are in order."""
        self._portal.call(self._run, scenario, server, network_errors)

    async def _run(self, scenario: Scenario, server: ServerProcess, network_errors: bool) -> None:
        people = People(self._browser, server)
        try:
            async with asyncio.timeout(LIMIT):
                await scenario(people)
        finally:
            await people.leave()
        assert [error for error in people.errors if not (network_errors and NETWORK.search(error))] == []


@asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(ChromiumClient.FLAGS))
        expect.set_options(timeout=SOON)
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with (
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(started()) as browser,
    ):
        yield Chromium(portal, browser)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess(WSSERVE[0], ALL) as server:
        yield server
        server.assert_log_clean()


async def say(page: Page, words: str) -> None:
    await page.get_by_label("Message", exact=True).fill(words)
    await page.keyboard.press("Enter")


def words(page: Page) -> Locator:
    return page.locator(".message:not(.pending) .words")


def present(page: Page) -> Locator:
    return page.locator("#people bdi")


def test_two_people_chat(chromium: Chromium, server: ServerProcess) -> None:
    async def scenario(people: People) -> None:
        ada = await people.join_by_the_door("Ada", "lobby")
        await expect(ada.get_by_text("Nothing has been said here yet.")).to_be_visible()
        bob = await people.join("Bob")
        await expect(present(ada)).to_have_text(["Ada", "Bob"])
        await expect(present(bob)).to_have_text(["Bob", "Ada"])
        await expect(ada.get_by_text("Bob joined")).to_be_visible()
        await say(ada, "Is anybody here?")
        await bob.get_by_label("Message", exact=True).press_sequentially("I")
        await expect(ada.get_by_text("Bob is typing…")).to_be_visible()
        await say(bob, "I am.\nIn two lines")
        await expect(ada.get_by_text("Bob is typing…")).to_have_count(0)
        for page in (ada, bob):
            await expect(words(page)).to_have_text(["Is anybody here?", "I am.\nIn two lines"], use_inner_text=True)
        await expect(ada.locator(".own .words")).to_have_text(["Is anybody here?"])
        await expect(bob.locator(".message .who").first).to_have_text("Ada")
        await bob.get_by_role("button", name="Leave").click()
        await expect(bob.get_by_label("Your name", exact=True)).to_have_value("Bob")
        await expect(present(ada)).to_have_text(["Ada"])
        await expect(ada.get_by_text("Bob left")).to_be_visible()

    chromium.run(scenario, server)


def test_markup_is_text(chromium: Chromium, server: ServerProcess) -> None:
    async def scenario(people: People) -> None:
        markup = '<img src=x onerror="document.title=1"><script>document.title = 1</script>'
        ada, bob = await people.join("Ada", "markup"), await people.join("<b>Bob</b>", "markup")
        await say(bob, markup)
        for page in (ada, bob):
            await expect(words(page)).to_have_text([markup])
            await expect(page.locator("#log img, #log script, #people b")).to_have_count(0)
            await expect(page).to_have_title("#markup")
        await expect(ada.locator(".message .who")).to_have_text("<b>Bob</b>")
        await expect(ada.get_by_text("<b>Bob</b> joined")).to_be_visible()

    chromium.run(scenario, server)


def test_a_taken_name_is_told_at_the_door(chromium: Chromium, server: ServerProcess) -> None:
    async def scenario(people: People) -> None:
        await people.join("Ada", "taken")
        other = await people.someone()
        await other.goto(people.server.http("/chat/#taken"))
        await other.get_by_label("Your name", exact=True).fill("ada")
        await other.get_by_role("button", name="Join").click()
        await expect(other.get_by_role("alert")).to_have_text(
            "Somebody here is called Ada already: choose another name."
        )
        await expect(other.get_by_label("Your name", exact=True)).to_be_focused()
        await other.keyboard.type("Bob")
        await other.keyboard.press("Enter")
        await expect(present(other)).to_have_text(["Bob", "Ada"])
        await other.get_by_role("button", name="Change name").click()
        await other.keyboard.type("Bea")
        await other.keyboard.press("Enter")
        await expect(present(other)).to_have_text(["Bea", "Ada"])
        await expect(other.get_by_text("Bob is now Bea")).to_be_visible()
        await other.reload()  # the name is remembered, and the room is in the URL
        await expect(present(other)).to_have_text(["Bea", "Ada"])

    chromium.run(scenario, server, network_errors=True)


def test_without_storage(chromium: Chromium, server: ServerProcess) -> None:
    async def scenario(people: People) -> None:
        page = await people.someone()
        await page.add_init_script(
            "for (const name of ['localStorage', 'sessionStorage'])"
            "  Object.defineProperty(window, name, {get() { throw new DOMException('denied', 'SecurityError') }})"
        )
        await people.join_by_the_door("Ada", "forgetful", page)
        await say(page, "Hello")
        await expect(words(page)).to_have_text(["Hello"])

    chromium.run(scenario, server)


def test_unread_messages_are_counted(chromium: Chromium, server: ServerProcess) -> None:
    async def scenario(people: People) -> None:
        ada = await people.join("Ada", "unread", viewport={"width": 390, "height": 480})
        bob = await people.join("Bob", "unread")
        await say(bob, "many\n" * 30 + "lines")
        await expect(words(ada)).to_have_count(1)
        await ada.locator("#log").evaluate("log => { log.scrollTop = 0 }")
        await ada.locator("#log").evaluate("() => new Promise(requestAnimationFrame)")
        await say(bob, "one")
        await say(bob, "two")
        await expect(ada).to_have_title("(2) #unread")
        assert await ada.locator("#log").evaluate("log => log.scrollTop") == 0
        await ada.get_by_role("button", name="2 new messages").click()
        await expect(ada).to_have_title("#unread")
        await expect(ada.get_by_text("two", exact=True)).to_be_in_viewport()

    chromium.run(scenario, server)


def test_pages_come_back_when_the_server_does(chromium: Chromium) -> None:
    with ServerProcess(WSSERVE[0], APP) as server:

        async def scenario(people: People) -> None:
            ada, bob = [await people.join(name, path="/") for name in ("Ada", "Bob")]
            await say(ada, "before")
            await expect(words(bob)).to_have_text(["before"])
            await asyncio.to_thread(server.stop)
            await expect(ada.locator("#banner")).to_contain_text("The connection was lost.")
            await expect(ada.get_by_role("button", name="Try now")).to_be_visible()
            await say(ada, "meanwhile")
            await expect(ada.locator(".pending .words")).to_have_text(["meanwhile"])
            port = server.port
            with ServerProcess(WSSERVE[0], APP, ("--port", str(port))) as again:
                await expect_back(ada)
                await expect_back(bob)
                for page in (ada, bob):
                    await expect(words(page)).to_have_text(["before", "meanwhile"])
                    await expect(page.locator("#people li")).to_have_count(2)
                    await expect(page.locator("#banner")).to_be_hidden()
                await ada.close()
                await bob.close()
                again.assert_log_clean()

        chromium.run(scenario, server, network_errors=True)


def test_a_prefix_without_its_slash_leads_to_the_page(chromium: Chromium, server: ServerProcess) -> None:
    async def scenario(people: People) -> None:
        ada = await people.join_by_the_door("Ada", "prefix", path="/chat")
        await expect(ada).to_have_url(server.http("/chat/#prefix"))
        await say(ada, "Hello")
        await expect(words(ada)).to_have_text(["Hello"])

    chromium.run(scenario, server)


async def expect_back(page: Page) -> None:
    await page.evaluate("window.dispatchEvent(new Event('online'))")  # it does not wait for its turn then
    await connected(page)


async def connected(page: Page) -> None:
    """Wait for the connection; an `expect` would look less often."""
    await page.locator("#state[data-state=connected]").wait_for()


def test_what_was_said_is_not_said_twice(chromium: Chromium, server: ServerProcess) -> None:
    """The connection is lost after the server has got a message, and before the page hears so."""

    async def scenario(people: People) -> None:
        page = await people.someone()
        connections: list[WebSocketRoute] = []
        sent: list[str] = []

        def between(connection: WebSocketRoute) -> None:
            upstream = connection.connect_to_server()
            connections.append(connection)

            def forward(message: str | bytes) -> None:
                sent.append(str(message))
                upstream.send(message)

            connection.on_message(forward)
            first = len(connections) == 1
            upstream.on_message(
                lambda message: None if first and '"said"' in str(message) else connection.send(message)
            )

        await page.route_web_socket(re.compile("/chat/twice"), between)
        await people.join("Ada", "twice", page)
        bob = await people.join("Bob", "twice")
        await say(page, "once")
        await expect(words(bob)).to_have_text(["once"])
        await expect(page.locator(".pending .words")).to_have_text(["once"])
        await connections[0].close(code=1012, reason="restarting")
        await expect(page.locator("#banner")).to_be_visible()
        await expect_back(page)
        await expect(words(page)).to_have_text(["once"])
        assert len([message for message in sent if '"say"' in message]) == 1
        await say(bob, "and then")
        for each in (page, bob):
            await expect(words(each)).to_have_text(["once", "and then"])

    chromium.run(scenario, server)


def test_a_second_window_takes_over_and_the_first_stops(chromium: Chromium, server: ServerProcess) -> None:
    async def scenario(people: People) -> None:
        first = await people.join("Ada", "windows")
        session = await first.evaluate("sessionStorage['chat.key']")
        second = await first.context.new_page()
        await second.add_init_script(f"sessionStorage['chat.key'] = {session!r}")
        await second.goto(people.server.http("/chat/#windows"))
        await expect(second.locator("#state")).to_have_text("connected")
        await expect(first.locator("#banner")).to_contain_text("you have joined again from elsewhere")
        await expect(first.locator("#state")).to_have_text("disconnected")
        await first.get_by_role("button", name="Join again").click()
        await expect(first.locator("#state")).to_have_text("connected")
        await expect(second.locator("#state")).to_have_text("disconnected")

    chromium.run(scenario, server)


def test_a_message_that_gets_too_long_is_told_of(chromium: Chromium, server: ServerProcess) -> None:
    async def scenario(people: People) -> None:
        ada = await people.join("Ada", "long")
        text, left = ada.get_by_label("Message", exact=True), ada.locator("#left")
        await text.fill("x" * 899)
        await expect(left).to_be_empty()
        await text.press_sequentially("x")
        await expect(left).to_have_text("100 characters left")
        await text.fill("x" * 1000)
        await expect(left).to_have_text("The message is full.")
        await text.press("Enter")
        await expect(left).to_be_empty()
        await expect(words(ada)).to_have_text(["x" * 1000])

    chromium.run(scenario, server)


def test_names_in_other_scripts(chromium: Chromium, server: ServerProcess) -> None:
    """A right-to-left name stands where others do; of an emoji that several characters make up, none is missing."""

    async def scenario(people: People) -> None:
        family, sara = await people.join("👨\u200d👩\u200d👧", "scripts"), await people.join("שרה", "scripts")
        await expect(family.get_by_text("שרה joined")).to_be_visible()
        await expect(family.locator("#people .avatar").first).to_have_text("👨\u200d👩\u200d👧")
        await say(sara, "a message that is much longer than the name above it")
        who, bubble = family.locator(".message .who"), family.locator(".message .bubble")
        await expect(who).to_have_text("שרה")
        name_at, message_at = await who.bounding_box(), await bubble.bounding_box()
        assert name_at is not None
        assert message_at is not None
        assert abs(name_at["x"] - message_at["x"]) < 5

    chromium.run(scenario, server)


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_window(chromium: Chromium, server: ServerProcess, width: int) -> None:
    async def scenario(people: People) -> None:
        page = await people.join(
            "W" * 20, f"wide{width}", viewport={"width": width, "height": 560}, color_scheme="dark"
        )
        await say(page, "x" * 500)
        await expect(words(page)).to_have_count(1)
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert await page.evaluate("document.documentElement.scrollHeight") == 560
        assert await page.locator("#log").evaluate("log => log.scrollWidth - log.clientWidth") == 0
        for control in ("Leave", "Change name", "Send"):
            await expect(page.get_by_role("button", name=control)).to_be_in_viewport(ratio=1)

    chromium.run(scenario, server)
