"""Plots of block characters: columns over time and bars beside names. Pure functions from numbers to lines.

Drawn here and not with plotext: in 80 columns that makes columns of unequal widths, writes counts of images as
fractions, and tells the parts of a column apart by nothing but their colours, which NO_COLOR takes away. Here every
part has a character of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from engine.text import clean_text

WIDEST_COLUMN = 6
_EIGHTHS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of every column or bar: its look, and how people call it."""

    glyph: str
    style: str
    name: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a value for each part, the lowest one first, and the label below."""

    label: str
    values: tuple[float, ...]

    @property
    def total(self) -> float:
        return sum(self.values)


def legend(parts: Sequence[Part]) -> Text:
    """`█ approved   ▒ rejected or failed`."""
    return Text("   ").join(Text.assemble((part.glyph, part.style), f" {part.name}") for part in parts)


def columns(
    shown: Sequence[Column],
    parts: Sequence[Part],
    *,
    width: int,
    height: int,
    scale: Callable[[float], str],
    margin: int = 0,
) -> list[Text]:
    """Columns from the left, `height` lines of them with the highest value and 0 beside in at least `margin` cells, and
    a line of labels.

    What does not fit is left out at the beginning. Values below 0 are drawn as 0.
    """
    top = max((column.total for column in shown), default=0.0)
    margin = max(margin, margin_of(shown, scale))
    room = max(1, width - margin - 1)
    shown = shown[-room:]
    step = min(WIDEST_COLUMN, room // max(1, len(shown)))
    filled = [_cells(column, top, height, parts) for column in shown]
    lines = []
    for row in range(height):
        name = scale(top) if row == 0 else scale(0) if row == height - 1 else ""
        line = Text(name.rjust(margin), style="dim", no_wrap=True)
        line.append("┤" if name else "│")
        for cells in filled:
            glyph, style = cells[height - 1 - row]
            line.append(glyph * max(1, step - 1) + " " * min(1, step - 1), style)
        lines.append(line)
    lines.append(Text(" " * (margin + 1) + _labels(shown, step, room), style="dim", no_wrap=True))
    return lines


def margin_of(shown: Sequence[Column], scale: Callable[[float], str]) -> int:
    """Cells for what stands beside these columns; plots below each other take the widest."""
    top = max((column.total for column in shown), default=0.0)
    return max(cell_len(scale(top)), cell_len(scale(0)))


def _cells(column: Column, top: float, height: int, parts: Sequence[Part]) -> list[tuple[str, str]]:
    """What stands in each line of one column, from the bottom. A part that is not nothing is seen, where there is
    room; a single part is as exact as an eighth of a line."""
    values = [max(0.0, value) for value in column.values]
    if top <= 0:
        return [(" ", "")] * height
    if len(parts) == 1:
        eighths = round(values[0] / top * height * 8)
        eighths = max(1, eighths) if values[0] > 0 else 0
        return [
            (_EIGHTHS[min(8, max(0, eighths - row * 8))], f"not dim {parts[0].style}")
            for row in range(height)
        ]
    cells: list[tuple[str, str]] = []
    whole = min(height, max(round(sum(values) / top * height), sum(value > 0 for value in values)))
    for number, size in enumerate(_shares(values, whole)):
        cells += [(parts[number].glyph, f"not dim {parts[number].style}")] * size
    return [*cells, *[(" ", "")] * (height - len(cells))]


def _shares(values: Sequence[float], cells: int) -> list[int]:
    """The cells dealt out by the values, at least one for each that is not nothing, as far as they go."""
    total = sum(values)
    if total <= 0:
        return [0] * len(values)
    sizes = [max(1, round(value / total * cells)) if value > 0 else 0 for value in values]
    while sum(sizes) > cells:
        sizes[sizes.index(max(sizes))] -= 1
    while sum(sizes) < cells:
        sizes[list(values).index(max(values))] += 1
    return sizes


def _labels(shown: Sequence[Column], step: int, room: int) -> str:
    """Each label under its column, as many as have a blank between them."""
    line = ""
    for number, column in enumerate(shown):
        at = number * step
        if (not line or at > len(line)) and at + len(column.label) <= room:
            line = line.ljust(at) + column.label
    return line


@dataclass(frozen=True, slots=True)
class Bar:
    """A name, a value for each part of its bar, and what is written behind it."""

    name: str
    values: tuple[float, ...]
    note: str


def bars(shown: Sequence[Bar], parts: Sequence[Part], *, width: int) -> list[Text]:
    """One line each; the longest bar has what names and notes leave of the width, but no more than half of it."""
    names = [clean_text(bar.name) for bar in shown]
    named = min(max((cell_len(name) for name in names), default=0), width // 3)
    noted = max((cell_len(bar.note) for bar in shown), default=0)
    room = max(4, min(width - named - noted - 4, width // 2))
    top = max((sum(bar.values) for bar in shown), default=0.0)
    lines = []
    for name, bar in zip(names, shown, strict=True):
        total = sum(bar.values)
        whole = 0 if top <= 0 else max(round(total / top * room), sum(value > 0 for value in bar.values))
        line = Text(_cut(name, named) + "  ", no_wrap=True, overflow="ellipsis")
        for part, size in zip(parts, _shares(bar.values, min(room, whole)), strict=True):
            line.append(part.glyph * size, part.style)
        line.append(" " * (room - min(room, whole) + 2) + bar.note)
        lines.append(line)
    return lines


def _cut(name: str, width: int) -> str:
    return (
        name + " " * (width - cell_len(name))
        if cell_len(name) <= width
        else set_cell_size(name, width - 1) + "…"
    )
