"""Draws the lines of a wall of thumbnails from ready-made strips and keeps those drawn. Knows no scrolling."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.strip import Strip

from engine.text import clean_text
from engine.views import ImageStatus, ImageView
from tui.format import image_look
from tui.widgets.columns import fit
from tui.widgets.thumbnails import Strips

GUTTER = 1
"""Cells left and right of a picture; the cursor is seen in the left one."""
BELOW = 2
"""Lines under a picture: its caption and a blank."""
_KEPT = 512

type StyleOf = Callable[[str], Style]
"""The style of a part: ground, caption, marked, cursor, cursor-away; the last two go over others."""


@dataclass(frozen=True, slots=True)
class TileFacts:
    """One image as it is to be drawn. None: not loaded yet, not ready yet."""

    view: ImageView | None
    strips: Strips | None
    is_marked: bool
    cursor: str
    """`cursor`, `cursor-away`, or nothing."""


class TilePainter:
    """`facts_of(index)` says what is where."""

    def __init__(self, facts_of: Callable[[int], TileFacts], style_of: StyleOf) -> None:
        self._facts_of = facts_of
        self._style_of = style_of
        self._kept: LRUCache[tuple[int, int], Strip] = LRUCache(_KEPT)
        self._width = 0
        self._across = 1
        self._columns = 1
        self._rows = 1

    def resize(self, width: int, across: int, columns: int, rows: int) -> None:
        """`across` tiles a row, each with a picture of `columns` x `rows` cells, in lines of `width` cells."""
        self._width, self._across, self._columns, self._rows = width, across, columns, rows
        self._kept.clear()

    def forget(self, row: int | None = None) -> None:
        """Draw this row of tiles anew, or all."""
        if row is None:
            self._kept.clear()
            return
        for line in range(self._rows + BELOW):
            self._kept.discard((row, line))

    def line(self, row: int, line: int, count: int) -> Strip:
        """A line of a row of tiles, of which there are `count` in all."""
        strip = self._kept.get((row, line))
        if strip is None:
            first = row * self._across
            tiles = range(first, min(first + self._across, count)) if line <= self._rows else ()
            segments = [
                segment for index in tiles for segment in self._tile_line(self._facts_of(index), line)
            ]
            strip = Strip(segments).adjust_cell_length(self._width, self._style_of("ground"))
            self._kept[(row, line)] = strip
        return strip

    def empty_line(self, text: str, y: int, height: int) -> Strip:
        """Line `y` of `height` lines that say `text` in their middle."""
        lines = text.splitlines()
        at = y - (height - len(lines)) // 2
        line = lines[at][: self._width].center(self._width) if 0 <= at < len(lines) else ""
        return Strip([Segment(line, self._style_of("caption"))]).adjust_cell_length(
            self._width, self._style_of("ground")
        )

    def _tile_line(self, facts: TileFacts, line: int) -> list[Segment]:
        ground = self._style_of("ground")
        if line == self._rows:
            return self._caption(facts)
        edge = Segment("▌", self._style_of("marked")) if facts.cursor else Segment(" ", ground)
        if facts.strips is None:
            middle = "…" if line == self._rows // 2 else ""
            return [edge, Segment(middle.center(self._columns), ground), Segment(" ", ground)]
        picture = (
            segment if segment.style else Segment(segment.text, ground) for segment in facts.strips[line]
        )
        return [edge, *picture, Segment(" ", ground)]

    def _caption(self, facts: TileFacts) -> list[Segment]:
        style = self._style_of("marked" if facts.is_marked else "caption")
        if facts.cursor:
            style += self._style_of(facts.cursor)
        text, view = "…", facts.view
        if view is not None:
            name = clean_text(view.title or view.keyword or view.prompt, limit=200)
            is_usual = view.status is ImageStatus.APPROVED
            text = name if is_usual else f"{image_look(view.status).glyph} {name}"
        signs = (">" if facts.cursor else " ") + ("*" if facts.is_marked else "")
        return [
            Segment(fit(signs + text, self._columns + GUTTER), style),
            Segment(" ", self._style_of("ground")),
        ]
