"""The columns of a list: how wide they are and how a cell becomes segments. Knows no data and no widget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from engine.text import clean_text

type Cell = str | Text
"""A str may come from outside: it is cleaned, and nothing in it is interpreted. A Text is shown as it is."""

GAP = 1
NARROWEST = 4
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in cells, or a share of what the others leave. Left out in terminals below `min_terminal_width`."""

    id: str
    title: str
    width: int | None = None
    ratio: int = 1
    min_terminal_width: int = 0
    align: Literal["left", "right"] = "left"


def lay_out(columns: Sequence[Column], width: int, terminal_width: int) -> list[tuple[int, Column, int]]:
    """The columns that are shown: place in `columns`, column, cells. Together with gaps they fill `width`."""
    shown = [
        (place, column) for place, column in enumerate(columns) if terminal_width >= column.min_terminal_width
    ]
    fixed = sum(column.width for _, column in shown if column.width is not None)
    rest = max(width - fixed - GAP * (len(shown) - 1), 0)
    shares = sum(column.ratio for _, column in shown if column.width is None)
    laid = []
    for place, column in shown:
        cells = column.width
        if cells is None:
            cells = max(rest * column.ratio // shares, NARROWEST)
            rest, shares = max(rest - cells, 0), shares - column.ratio
        laid.append((place, column, cells))
    return laid


def fit(text: str, width: int, align: Literal["left", "right"] = "left") -> str:
    """`text` in exactly `width` cells, cut with an ellipsis where it is longer."""
    cells = len(text) if text.isascii() else cell_len(text)
    if cells > width:
        return "" if width <= 0 else set_cell_size(text, width - 1) + "…"
    padding = " " * (width - cells)
    return padding + text if align == "right" else text + padding


def cell_segments(cell: Cell, column: Column, width: int, base: Style, console: Console) -> list[Segment]:
    """A cell in exactly `width` cells, its own styles over `base`."""
    if isinstance(cell, str):
        return [Segment(fit(clean_text(cell, limit=_LONGEST), width, column.align), base)]
    if not cell.spans:
        style = console.get_style(cell.style, default="none")
        return [Segment(fit(cell.plain, width, column.align), base + style)]
    text = cell.copy()
    text.truncate(width, overflow="ellipsis")
    text.align(column.align, width)
    text.end = ""
    return [Segment(part, base + (style or Style.null())) for part, style, _ in text.render(console)]
