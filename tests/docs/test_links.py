"""Links between the pages, and from them to files, lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, text_of


def links_of(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", text_of(page))


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


LINKS = [pytest.param(page, link, id=f"{page.name}:{link}") for page in PAGES for link in links_of(page)]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_link(page: Path, link: str) -> None:
    if re.match(r"https?://", link):
        return  # tests use no network
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.is_relative_to(ROOT)
    assert target.exists()
    if anchor:
        assert anchor in anchors_of(target)


def test_the_index_has_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in links_of(index)}
    assert {page for page in PAGES if page.parent == index.parent} - {index} <= linked


def test_headings_are_not_repeated_on_a_page() -> None:
    for page in PAGES:
        headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
        assert len(headings) == len(set(headings)), page.name
