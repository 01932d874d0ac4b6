"""Where the tiles of a wall of thumbnails are. Pure arithmetic: cells, rows of tiles, places."""

from dataclasses import dataclass

from textual.geometry import Region, Size

from tui.widgets.thumbnails import Tile
from tui.widgets.tile_painter import BELOW, GUTTER

WISHED_COLUMNS = 20
"""Of a tile, the gutters left and right of its picture included."""


@dataclass(frozen=True, slots=True)
class GridLayout:
    """`across` tiles a row, in a window of `window` cells."""

    window: Size
    across: int
    tile: Tile

    @classmethod
    def fit(cls, window: Size, cell: tuple[int, int]) -> "GridLayout":
        """Tiles of about the wished width that fill the window; `cell` is the size of a cell in pixels."""
        across = max(1, round(window.width / WISHED_COLUMNS))
        columns = max(4, window.width // across - 2 * GUTTER)
        rows = max(2, round(columns * cell[0] / cell[1]))
        return cls(window, across, Tile(columns, min(rows, max(2, window.height - BELOW)), cell))

    @property
    def width(self) -> int:
        """Cells of a tile with its gutters."""
        return self.tile.columns + 2 * GUTTER

    @property
    def height(self) -> int:
        """Lines of a row of tiles."""
        return self.tile.rows + BELOW

    @property
    def rows_in_sight(self) -> int:
        """Whole rows of tiles."""
        return max(1, self.window.height // self.height)

    def size(self, count: int) -> Size:
        """Of the whole wall."""
        return Size(self.window.width, -(-count // self.across) * self.height)

    def top(self, index: int) -> int:
        """The first line of the row of a tile."""
        return index // self.across * self.height

    def visible(self, scroll: int, count: int) -> tuple[int, int]:
        """The first and the last tile in sight, also where only a line of it is."""
        top, bottom = scroll // self.height, (scroll + max(self.window.height, 1) - 1) // self.height
        return top * self.across, min((bottom + 1) * self.across, count) - 1

    def scroll_to(self, index: int, scroll: int) -> int:
        """The scroll position nearest to `scroll` at which the whole tile is in sight."""
        top = self.top(index)
        if top < scroll:
            return top
        return max(scroll, top + self.height - max(self.window.height, self.height))

    def at(self, x: int, y: int, count: int) -> int | None:
        """The tile at a cell of the wall."""
        column = x // self.width
        index = y // self.height * self.across + column
        return index if column < self.across and index < count else None

    def cursor_parts(self, index: int, scroll: int) -> tuple[Region, Region]:
        """What of a tile shows whether the cursor is there, in the window: its left gutter and its caption."""
        left, top = index % self.across * self.width, self.top(index) - scroll
        return Region(left, top, GUTTER, self.tile.rows), Region(left, top + self.tile.rows, self.width, 1)
