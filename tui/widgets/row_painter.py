"""Draws the rows of a list as strips and keeps those that were drawn. Knows neither scrolling nor data."""

from collections.abc import Callable, Hashable, Sequence

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.cache import LRUCache
from textual.strip import Strip

from tui.widgets.columns import Cell, Column, cell_segments, fit, lay_out

GUTTER = 3
"""Cursor, mark, gap: what is seen without any colour."""
_KEPT = 1_024

type StyleOf = Callable[[str], Style]
"""The style of a part: header, row, marked, cursor, cursor-away, muted; the last three go over others."""


class RowPainter:
    """Strips of `width` cells."""

    def __init__(self, columns: Sequence[Column], style_of: StyleOf) -> None:
        self.columns = tuple(columns)
        """Others take effect with `resize`."""
        self._style_of = style_of
        self._kept: LRUCache[tuple[Hashable, ...], Strip] = LRUCache(_KEPT)
        self._laid: list[tuple[int, Column, int]] = []
        self.width = 0
        self.arrow: tuple[str, str] | None = None
        """The column by which the rows are sorted, and the glyph that says in which direction."""

    def resize(self, width: int, terminal_width: int) -> None:
        """Lay the columns out anew."""
        self.width = width
        self._laid = lay_out(self.columns, max(width - GUTTER, 0), terminal_width)
        self._kept.clear()

    def forget(self, first: int | None = None, last: int = -1) -> None:
        """Draw these rows anew, or all."""
        if first is None:
            self._kept.clear()
            return
        for index in range(first, last + 1):
            for is_marked in (False, True):
                self._kept.discard((index, is_marked))

    def row(
        self, index: int, cells: Sequence[Cell] | None, console: Console, *, is_marked: bool, cursor: str = ""
    ) -> Strip:
        """A row; `cursor` is the style over it where the cursor is. None for cells: they are still to come."""
        place = (index, is_marked)
        if not cursor and cells is not None and (kept := self._kept.get(place)) is not None:
            return kept
        style = self._style_of("marked" if is_marked else "row")
        if cursor:
            style += self._style_of(cursor)
        segments = [Segment((">" if cursor else " ") + ("*" if is_marked else " ") + " ", style)]
        if cells is None:
            segments.append(Segment("…", style + self._style_of("muted")))
        else:
            for number, (at, column, width) in enumerate(self._laid):
                if number:
                    segments.append(Segment(" ", style))
                # The cursor's colours are readable only together: a cell's own would be put over its background.
                cell = cells[at]
                plain = cell.plain if cursor == "cursor" and isinstance(cell, Text) else cell
                segments += cell_segments(plain, column, width, style, console)
        # One segment for neighbours of one style: Textual's work on a line grows with their number.
        strip = Strip(segments).adjust_cell_length(self.width, style).simplify()
        if not cursor and cells is not None:
            self._kept[place] = strip
        return strip

    def header(self) -> Strip:
        """The titles of the columns."""
        style = self._style_of("header")
        titles = [" " * GUTTER]
        for number, (_, column, width) in enumerate(self._laid):
            title = column.title
            if self.arrow is not None and self.arrow[0] == column.id:
                title = f"{title} {self.arrow[1]}".lstrip()
            titles.append((" " if number else "") + fit(title, width, column.align))
        return Strip([Segment("".join(titles), style)]).adjust_cell_length(self.width, style)

    def empty_line(self, text: str, y: int, height: int) -> Strip:
        """Line `y` of `height` lines that say `text` in their middle."""
        style = self._style_of("row")
        lines = text.splitlines()
        top = max((height - len(lines)) // 2, 0)
        if not top <= y < top + len(lines):
            return Strip.blank(self.width, style)
        line = fit(lines[y - top], min(self.width, len(lines[y - top]))).center(self.width)
        return Strip([Segment(line, style + self._style_of("muted"))]).adjust_cell_length(self.width, style)
