"""The plot of docs/performance.md: bars of CPU by load, as SVG that reads well on light and on dark."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
LABELS = 190
NUMBERS = 70
ROW = 18
BAR = 12
TITLE = 34
MARGIN = 12

STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 13px }
.bar { fill: #8c959f }
.own { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .bar { fill: #6e7681 }
  .own { fill: #4493f8 }
}"""


@dataclass(frozen=True)
class Bar:
    """One bar: its label, its length, what is written beside it, and whether it is one of wsserve's."""

    label: str
    value: float
    text: str
    own: bool


@dataclass(frozen=True)
class Panel:
    """The bars of one load."""

    title: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        """The height that it takes."""
        return TITLE + ROW * len(self.bars)


def draw(panels: Sequence[Panel], description: str) -> str:
    """Return the SVG of the panels, one below the other, each with a scale of its own that begins at zero."""
    height = sum(panel.height for panel in panels) + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(description)}">',
        f"<title>{escape(description)}</title>",
        f"<style>\n{STYLE}\n</style>",
    ]
    top = MARGIN
    for panel in panels:
        lines += _draw_panel(panel, top)
        top += panel.height
    return "\n".join([*lines, "</svg>"]) + "\n"


def _draw_panel(panel: Panel, top: int) -> list[str]:
    lines = [f'<text class="title" x="{MARGIN}" y="{top + 20}">{escape(panel.title)}</text>']
    longest = max((bar.value for bar in panel.bars), default=0) or 1
    for index, bar in enumerate(panel.bars):
        y = top + TITLE - 4 + index * ROW
        width = max(1, round((WIDTH - LABELS - NUMBERS - 2 * MARGIN) * bar.value / longest))
        lines += [
            f'<text x="{LABELS}" y="{y + BAR - 2}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{"bar own" if bar.own else "bar"}" x="{LABELS + 8}" y="{y}" width="{width}" '
            f'height="{BAR}" rx="2"/>',
            f'<text x="{LABELS + 14 + width}" y="{y + BAR - 2}">{escape(bar.text)}</text>',
        ]
    return lines
