"""The playground's page in headless Chromium: both ways to connect, every recipe, the log and its export."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import anyio
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.end_to_end.clients import ChromiumClient
from tests.end_to_end.install_clients import find_chromium
from tests.end_to_end.server_process import WSSERVE, ServerProcess

pytestmark = pytest.mark.anyio

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
RECIPES = [
    "fragments-and-a-ping",
    "ping",
    "close-with-1005",
    "invalid-utf-8",
    "unmasked-frame",
    "reserved-bit",
    "two-gigabytes",
    "compressed-json-10-times",
    "subprotocol",
    "handshake-denied",
    "server-closes",
    "browser-may-not",
]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"  # as Playwright needs it; the server has a process of its own


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess(WSSERVE[0], "examples.main:app") as running:
        yield running
    running.assert_log_clean()


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(ChromiumClient.FLAGS))
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
async def open_page(browser: Browser, server: ServerProcess) -> AsyncIterator[Page]:
    """The page, opened once; its console must stay empty."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(server.http("/playground"))
    await expect(page.locator("#recipes button")).to_have_count(len(RECIPES))
    yield page
    await context.close()
    assert complaints == []


@pytest.fixture
async def page(open_page: Page) -> Page:
    """The page as new."""
    await open_page.reload()
    await expect(open_page.locator("#recipes button")).to_have_count(len(RECIPES))
    return open_page


async def kinds(page: Page) -> list[str]:
    """Return what the log's lines are, with their arrows."""
    return await page.locator("#rows .kind").all_text_contents()


async def connected(page: Page, mode: str) -> None:
    await page.locator("#mode").get_by_text(mode, exact=True).click()
    await page.get_by_role("button", name="Connect").click()
    await page.locator("#state[data-state=open]").wait_for()


@pytest.mark.parametrize("recipe", [*RECIPES, RECIPES[0]])
async def test_recipe(open_page: Page, recipe: str) -> None:
    """They share one page without loading it again, as each must work after any other."""
    await open_page.locator(f"#recipe-{recipe}").click()
    await expect(open_page.locator(f"#recipe-{recipe}")).to_have_attribute("aria-pressed", "true")
    outcome = open_page.locator("#recipe .outcome")
    await outcome.filter(has_text=re.compile(".")).wait_for()
    await expect(outcome).to_have_class("outcome good")
    assert "RFC " in (await open_page.locator("#recipe h3").text_content() or "")


async def test_browser_by_hand(page: Page) -> None:
    await connected(page, "Browser")
    payload, send = page.get_by_label("Payload", exact=True), page.get_by_role("button", name="Send message")
    for kind, text in (("Text", "héllo"), ("Binary", "héllo"), ("Hex", "00 ff"), ("JSON text", '{ "a": 1 }')):
        await page.locator("#message").get_by_text(kind, exact=True).click()
        await payload.fill(text)
        await send.click()
    await expect(page.locator("#rows tr")).to_have_count(9)
    await page.get_by_role("tab", name="Close").click()
    await page.locator("#close").get_by_label("Code").fill("4321")
    await page.locator("#close").get_by_label("Reason").fill("enough")
    await page.get_by_role("button", name="Send close").click()
    await expect(page.locator("#state")).to_have_text("closed")
    await expect(page.locator("#rows tr")).to_have_count(11)
    assert sorted((await kinds(page))[:9]) == sorted(["←open", *["→text", "←text", "→binary", "←binary"] * 2])
    assert (await kinds(page))[9:] == ["→close", "←close"]
    echoes = await page.locator("#rows tr[data-direction=received] .payload").all_text_contents()
    assert echoes[1:4] == ["héllo", "héllo", "␀�"]
    assert echoes[4:] == ['{"a":1}', "4321 enough"]
    assert "⟲" in (await page.locator("#rows tr[data-direction=received] .delta").nth(1).text_content() or "")
    await expect(page.locator("#ping button").first).to_be_disabled()


async def test_wire_by_hand(page: Page) -> None:
    await page.get_by_label("Subprotocols to offer").fill("superchat, echo")
    await connected(page, "Wire")
    await page.get_by_label("Fragment size").fill("5")
    await page.get_by_label("Ping in between").check()
    await page.get_by_label("Compress", exact=True).check()
    await page.get_by_label("Payload", exact=True).press("Control+Enter")
    await expect(page.locator("#rows tr[data-direction=received][data-kind=text]")).to_have_count(1)
    await page.get_by_role("tab", name="Message").press("ArrowRight")
    await page.get_by_role("button", name="Send ping").click()
    await page.get_by_role("button", name="Send pong").click()
    await expect(page.locator("#rows tr[data-direction=received][data-kind=pong]")).to_have_count(2)
    await page.get_by_role("tab", name="Frame").click()
    await page.get_by_label("Payload in hexadecimal").fill("4")
    await page.get_by_role("button", name="Send frame").click()
    await expect(page.get_by_label("Payload in hexadecimal")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Payload in hexadecimal").fill("48 65")
    await page.get_by_label("RSV3").check()
    await page.get_by_role("button", name="Send frame").click()
    await expect(page.locator("#state")).to_have_text("closed")
    await expect(page.locator("#rows .kind").last).to_have_text("•end")
    shown = await kinds(page)
    assert shown[:4] == ["→request", "←HTTP 101", "→text", "→ping"]
    assert shown[-2:] == ["→close", "•end"]
    close = page.locator("#rows tr[data-direction=received][data-kind=close]")
    await expect(close.locator(".payload")).to_contain_text("1002")
    assert await page.locator("#rows tr").nth(2).locator(".flag.on").all_text_contents() == ["RSV1", "MASK"]


async def test_a_closer_look(page: Page) -> None:
    await connected(page, "Wire")
    await page.get_by_role("button", name="Send message").click()
    await expect(page.locator("#rows tr")).to_have_count(4)
    await page.locator("#rows tr").first.click()
    await expect(page.locator("#detail-body pre")).to_contain_text("Upgrade: websocket")
    for _ in range(2):
        await page.keyboard.press("ArrowDown")
    await expect(page.locator("#rows tr").nth(2)).to_have_attribute("aria-selected", "true")
    await expect(page.locator("#detail-title")).to_have_text("3 · text, sent")
    bits = page.get_by_role("img", name="The frame's bits")
    label = await bits.get_attribute("aria-label") or ""
    assert "FIN 1, RSV1 0, RSV2 0, RSV3 0, text 1, MASK 1, length 14, masking key " in label
    await expect(page.locator(".payloads pre").first).to_have_text("Hello, frames!")
    await expect(page.locator(".payloads pre").last).to_contain_text("0000  48 65 6c 6c 6f 2c 20 66 72 61 6d 65 73 21")
    await page.keyboard.press("End")
    await expect(page.locator("#detail-title")).to_have_text("4 · text, received")
    await page.get_by_role("button", name="Clear").click()
    await expect(page.locator("#rows tr")).to_have_count(0)
    await expect(page.locator("#detail")).to_be_hidden()


async def test_a_row_stays_selected_when_the_log_makes_room(page: Page) -> None:
    await page.locator("#recipe-compressed-json-10-times").click()
    await expect(page.locator("#recipe .outcome")).to_have_class("outcome good")
    await expect(page.locator("#rows tr")).to_have_count(22)
    await page.locator("#rows tr").last.click()
    await expect(page.locator("#rows tr").last).to_have_attribute("aria-selected", "true")
    await expect(page.locator("#detail-title")).to_have_text("22 · text, received")
    await expect(page.locator("#rows tr").last).to_be_in_viewport()


async def test_long_frames_show_their_extended_length(page: Page) -> None:
    await connected(page, "Wire")
    for lines, size, text in ((4, 126, "extended length 126"), (6, 65536, "extended length 65536")):
        await page.get_by_label("Payload", exact=True).fill("x" * size)
        await page.get_by_role("button", name="Send message").click()
        await expect(page.locator("#rows tr")).to_have_count(lines)
        await page.locator("#rows tr[data-direction=sent]").last.click()
        label = await page.get_by_role("img", name="The frame's bits").get_attribute("aria-label") or ""
        assert text in label


async def test_what_is_no_json_is_not_sent(page: Page) -> None:
    await connected(page, "Wire")
    await page.locator("#message").get_by_text("JSON text", exact=True).click()
    await page.get_by_label("Payload", exact=True).fill('{"a": ')
    await page.get_by_role("button", name="Send message").click()
    await expect(page.locator("#payload-note")).to_contain_text("That is no JSON")
    await page.get_by_label("Payload", exact=True).fill('{"a": 1}')
    await page.get_by_role("button", name="Send message").click()
    await expect(page.locator("#payload-note")).to_be_empty()
    await expect(page.locator("#rows tr")).to_have_count(4)


async def test_errors_are_shown(page: Page) -> None:
    error = "There is no connection: connect first."
    await page.get_by_role("button", name="Send message").click()
    await expect(page.locator("#rows tr[data-kind=error] .payload")).to_have_text(error)
    await expect(page.get_by_role("alert")).to_have_text(error)


async def test_what_the_browser_would_drop_is_not_shown_as_sent(page: Page) -> None:
    """A browser's WebSocket that is closed takes a message without a word."""
    error = "There is no connection: connect first."
    send, close = (page.get_by_role("button", name=name) for name in ("Send message", "Send close"))
    await page.locator("#mode").get_by_text("Browser", exact=True).click()
    await send.click()
    await connected(page, "Browser")
    await page.get_by_role("tab", name="Close").click()
    await close.click()
    await expect(page.locator("#state")).to_have_text("closed")
    await close.click()
    await page.get_by_role("tab", name="Message").click()
    await send.click()
    await expect(page.locator("#rows .kind")).to_have_text(
        ["•error", "←open", "→close", "←close", "•error", "•error"], use_inner_text=False
    )
    await expect(page.locator("#rows tr[data-kind=error] .payload")).to_have_text([error] * 3)


async def test_what_is_too_long_for_the_wire_is_refused_here(page: Page) -> None:
    await connected(page, "Wire")
    await page.get_by_label("Payload", exact=True).fill("x" * 65537)
    await page.get_by_role("button", name="Send message").click()
    await expect(page.locator("#rows tr[data-kind=error] .payload")).to_have_text(
        "Wire sends up to 65536 characters or bytes; these are 65537."
    )
    await expect(page.locator("#state")).to_have_text("open")


async def test_a_burst_leaves_the_newest_in_view(page: Page) -> None:
    await page.get_by_label("Endpoint").select_option("many")
    await page.get_by_label("Messages", exact=True).fill("300")
    await page.get_by_role("button", name="Connect").click()
    await expect(page.locator("#rows .kind").last).to_have_text("•end")
    await expect(page.locator("#rows tr").last).to_be_in_viewport()
    await expect(page.locator("#count")).to_have_text("302 frames")


@pytest.mark.parametrize("height", [672, 800])
async def test_the_log_keeps_its_head_above_an_open_frame(page: Page, height: int) -> None:
    await page.locator("#recipe-fragments-and-a-ping").click()
    await expect(page.locator("#rows tr")).to_have_count(8)
    try:
        await page.set_viewport_size({"width": 1280, "height": height})
        await page.locator("#rows tr").nth(3).click()
        await expect(page.get_by_role("button", name="Clear")).to_be_in_viewport(ratio=1)
        await expect(page.locator("#rows tr").nth(3)).to_be_in_viewport(ratio=1)
        await expect(page.locator("#detail-title")).to_be_in_viewport(ratio=1)
    finally:
        await page.set_viewport_size({"width": 1280, "height": 800})


async def test_the_log_is_exported_as_json(page: Page) -> None:
    await connected(page, "Wire")
    await page.get_by_role("button", name="Send message").click()
    await expect(page.locator("#rows tr")).to_have_count(4)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export JSON").click()
    exported = json.loads(await anyio.Path(await (await download.value).path()).read_bytes())
    assert [entry["kind"] for entry in exported] == ["handshake", "handshake", "text", "text"]
    assert exported[3]["text"] == "Hello, frames!"
    assert exported[3]["direction"] == "received"


async def test_drop_and_connect_again(page: Page) -> None:
    await connected(page, "Wire")
    await page.get_by_role("button", name="Drop").click()
    await expect(page.locator("#state")).to_have_text("closed")
    await connected(page, "Browser")
    await page.get_by_role("button", name="Close", exact=True).click()
    await expect(page.locator("#state")).to_have_text("closed")


async def test_the_wire_ends_with_the_page(page: Page, server: ServerProcess) -> None:
    await connected(page, "Wire")
    start = len(server.log)
    await page.reload()
    server.log.wait_for("/playground/echo.*1006", 5, start)


async def test_nothing_is_wider_than_the_screen(page: Page) -> None:
    await page.locator("#recipe-fragments-and-a-ping").click()
    await expect(page.locator("#recipe .outcome")).to_have_class("outcome good")
    await page.locator("#rows tr").nth(3).click()
    try:
        for width in (320, 390, 768, 1023, 1024, 1440):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        await page.set_viewport_size({"width": 1280, "height": 800})


async def test_light_and_dark(page: Page) -> None:
    grounds = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        grounds.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(242, 244, 248)", "rgb(14, 17, 24)"]


async def test_the_index_leads_to_the_examples(open_page: Page, server: ServerProcess) -> None:
    for name in ("Chat", "Playground", "Echo"):
        await open_page.goto(server.http("/"))
        await open_page.get_by_role("link", name=name).click()
        await expect(open_page).to_have_title(re.compile(name, re.IGNORECASE))
    await expect(open_page.locator("#state")).to_have_text("open")


async def test_a_server_that_goes_is_told_of(browser: Browser) -> None:
    page = await browser.new_page()
    with ServerProcess(WSSERVE[0], "examples.playground:app") as server:
        await page.goto(server.http("/"))
        await connected(page, "Wire")
    await expect(page.locator("#state")).to_have_text("closed")
    await expect(page.locator("#rows tr").last.locator(".payload")).to_contain_text(
        "control connection was closed: 1012"
    )
    await page.get_by_role("button", name="Connect").click()
    await expect(page.locator("#rows tr").last.locator(".payload")).to_contain_text(
        "control connection was closed: 1006"
    )
    await page.close()
