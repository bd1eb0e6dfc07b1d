"""The pages of the documentation: README.md and docs/*.md, taken apart.

Rules for whoever writes a page:

- The Python blocks of a page are one program: each goes on where the one before it has ended, in one module.
- `<!-- new -->` above a block begins another program. `<!-- new: NAME -->` names it. A name such as `chat.py` makes it
  a file: line numbers count from its first block, and other programs of the page can import it. A file `test_*.py` is
  run by pytest.
- Functions whose names begin with `test_` are called at the end of the program.
- `<!-- output -->` above a block of another language: what the program has printed since its last block.
- Each program shows that it does what the page says: it has an `assert`, or an output block, or is a test file, or is
  imported by one, or has a companion in `companions`, which gets its names after it has run.
- `<!-- parameters of NAME -->` above a table: its first column has the parameters of wsserve's NAME, its second one
  their defaults.
- `console` and `sh` blocks, those without a name and indented ones have commands that are checked; `text`, `json`,
  `toml` and `javascript` blocks are for the reader.
"""

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

LANGUAGES: Final = {"python", "console", "sh", "", "text", "json", "toml", "javascript"}
"""What a block may be."""

_FENCE: Final = re.compile(r"(?P<indent> *)```(?P<language>.*)")
_COMMENT: Final = re.compile(r"<!-- (?P<text>.+) -->")


class Block(NamedTuple):
    """A block of code; `line` is that of its first line, `directive` what the comment above it says."""

    line: int
    language: str
    text: str
    directive: str


class Program(NamedTuple):
    """Python blocks that run in one module, and the blocks with their output."""

    page: Path
    name: str
    blocks: list[Block]

    @property
    def id(self) -> str:
        """The page and the line where it begins."""
        return f"{self.page.name}:{self.blocks[0].line}"

    @property
    def is_file(self) -> bool:
        """Whether it is a file of its own."""
        return self.name.endswith(".py")

    @property
    def is_test_file(self) -> bool:
        """Whether pytest runs it."""
        return self.is_file and self.name.startswith("test_")

    @property
    def source(self) -> str:
        """All of it."""
        return "\n".join(block.text for block in self.blocks if block.language == "python")


class Table(NamedTuple):
    """A table; `rows` are its cells, those of the heading first."""

    line: int
    rows: list[list[str]]
    directive: str


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of code on a page. Raises `ValueError` for one that the rules do not allow."""
    blocks: list[Block] = []
    inside: tuple[int, str, str] | None = None
    lines: list[str] = []
    before = ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = _FENCE.fullmatch(line)
        where = f"{page.name}:{number}"
        if inside is not None:
            if fence is not None and not fence["language"]:
                blocks.append(Block(inside[0], inside[1], "".join(f"{each}\n" for each in lines), inside[2]))
                inside, lines = None, []
            else:
                lines.append(line)
        elif fence is not None:
            if fence["indent"]:
                raise ValueError(f"{where}: a block begins at the beginning of its line")
            if fence["language"] not in LANGUAGES:
                raise ValueError(f"{where}: no block is {fence['language']!r}, only {sorted(LANGUAGES)}")
            inside = number + 1, fence["language"], _directive_above(page, number)
        elif line.startswith(("\t", "~~~", "<pre")):
            raise ValueError(f"{where}: code stands between ``` and ```, or nobody runs it")
        elif line.startswith("    ") and not before:
            blocks.append(Block(number, "console", f"{line.strip()}\n", ""))
        before = line
    if inside is not None:
        raise ValueError(f"{page.name}:{inside[0]}: this block has no end")
    return blocks


def programs_of(page: Path) -> list[Program]:
    """Return the programs on a page. Raises `ValueError` for a directive that means nothing."""
    programs: list[Program] = []
    for block in blocks_of(page):
        kind, _, name = block.directive.partition(": ")
        if block.language == "python":
            if kind not in ("", "new"):
                raise ValueError(f"{page.name}:{block.line}: {block.directive!r} means nothing here")
            if kind == "new" or not programs:
                programs.append(Program(page, name, []))
            programs[-1].blocks.append(block)
        elif kind == "output" and programs:
            programs[-1].blocks.append(block)
        elif kind:
            raise ValueError(f"{page.name}:{block.line}: {block.directive!r} means nothing here")
    return programs


def tables_of(page: Path) -> list[Table]:
    """Return the tables of a page."""
    tables: list[Table] = []
    before = ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("|"):
            if not before.startswith("|"):
                tables.append(Table(number, [], _directive_above(page, number)))
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not all(re.fullmatch(":?-+:?", cell) for cell in cells):
                tables[-1].rows.append(cells)
        before = line
    return tables


def text_of(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def _directive_above(page: Path, number: int) -> str:
    """Return what the comment above a line says, if there is one."""
    above = [line for line in page.read_text().splitlines()[: number - 1] if line.strip()]
    comment = _COMMENT.fullmatch(above[-1]) if above else None
    return "" if comment is None else comment["text"]
