"""Every Python block of README.md and docs/ runs; how is told in `pages`."""

from pathlib import Path

import pytest

from tests.docs.companions import COMPANIONS
from tests.docs.pages import PAGES, Program, blocks_of, programs_of
from tests.docs.running import run_program

PROGRAMS = [program for page in PAGES for program in programs_of(page)]


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.id for program in PROGRAMS])
def test_program(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run_program(program, tmp_path, monkeypatch)
    companion = COMPANIONS.get((program.page.name, program.name))
    if companion is not None:
        companion(names)


def test_every_python_block_is_run() -> None:
    run = {(program.page, block.line) for program in PROGRAMS for block in program.blocks if block.language == "python"}
    there = {(page, block.line) for page in PAGES for block in blocks_of(page) if block.language == "python"}
    assert run == there
    fences = sum(page.read_text().count("```python\n") for page in PAGES)
    assert len(run) == fences > 0


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.id for program in PROGRAMS])
def test_every_program_shows_that_it_works(program: Program) -> None:
    shows = any("assert" in block.text or block.language != "python" for block in program.blocks)
    tests = [other.source for other in programs_of(program.page) if other.is_test_file]
    tested = program.is_file and any(f"from {program.name[:-3]} import" in source for source in tests)
    assert shows or tested or program.is_test_file or (program.page.name, program.name) in COMPANIONS


def test_every_companion_belongs_to_a_program() -> None:
    named = [(program.page.name, program.name) for program in PROGRAMS]
    assert set(COMPANIONS) <= set(named)
    assert all(named.count(key) == 1 for key in COMPANIONS)


@pytest.mark.parametrize(
    "text",
    [
        "\timport os\n",
        "~~~python\n~~~\n",
        "```py\n```\n",
        "  ```python\n  ```\n",
        "```python\n",
        "<pre>\n",
    ],
    ids=["tab", "tildes", "another-name", "indented-fence", "no-end", "html"],
)
def test_code_that_nobody_would_run_is_an_error(text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{text}")
    with pytest.raises(ValueError, match=r"page\.md:[34]"):
        blocks_of(page)


def page_of(tmp_path: Path, text: str) -> Program:
    page = tmp_path / "page.md"
    page.write_text(text)
    return programs_of(page)[0]


def test_blocks_go_on_where_the_one_before_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = page_of(
        tmp_path, "```python\na = 1\n```\n\n```python\nb = a + 1\nprint(b)\n```\n<!-- output -->\n```text\n2\n```\n"
    )
    assert run_program(program, tmp_path, monkeypatch)["b"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "```python\nassert False\n```\n",
        "```python\nprint(1)\n```\n",
        "```python\nprint(1)\n```\n<!-- output -->\n```text\n2\n```\n",
        "```python\ndef test_it():\n    assert False\n```\n",
    ],
    ids=["fails", "unshown-output", "other-output", "test-fails"],
)
def test_a_block_can_fail(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        run_program(page_of(tmp_path, text), tmp_path, monkeypatch)


def test_a_test_file_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = page_of(tmp_path, "<!-- new: test_it.py -->\n```python\ndef test_it():\n    assert False\n```\n")
    with pytest.raises(AssertionError, match="1 failed"):
        run_program(program, tmp_path, monkeypatch)


@pytest.mark.parametrize("directive", ["nwe", "output", "new: a\n```python\n```\n<!-- old"])
def test_a_directive_that_means_nothing(directive: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="means nothing here"):
        page_of(tmp_path, f"<!-- {directive} -->\n```python\n```\n")
