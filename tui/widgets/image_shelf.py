"""The same images as a list or as thumbnails, at the same place and with the same marks; only what is seen is kept
up to date. Knows no engine: its owner shows a query in `source`."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from engine.views import ImageView
from tui.widgets.columns import Cell, Column
from tui.widgets.gallery_grid import GalleryGrid
from tui.widgets.image_source import ImageSource
from tui.widgets.list_source import Spawn
from tui.widgets.record_table import RecordTable


class ImageShelf(Vertical):
    """Messages: `CursorMoved`, `MarksChanged`, `Opened`."""

    class CursorMoved(Message):
        """The cursor is on another image, or its row was loaded."""

    class MarksChanged(Message):
        """`marks` has changed."""

    class Opened(Message):
        """Enter on an image."""

        def __init__(self, image_id: int) -> None:
            super().__init__()
            self.image_id = image_id

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        cells: Callable[[ImageView], Sequence[Cell]],
        spawn: Spawn,
        on_loaded: Callable[[], None],
    ) -> None:
        super().__init__()
        self._columns = columns
        self._rows = ImageSource(cells=cells, spawn=spawn, on_loaded=on_loaded)
        self._wall = ImageSource(cells=cells, spawn=spawn, on_loaded=on_loaded)
        self._is_grid = False

    def compose(self) -> ComposeResult:
        yield RecordTable(self._columns, self._rows)
        yield GalleryGrid(self._wall)

    def on_mount(self) -> None:
        self.query_one(GalleryGrid).display = False

    # ---- what screens use

    @property
    def source(self) -> ImageSource:
        """Of what is seen."""
        return self._wall if self._is_grid else self._rows

    @property
    def seen(self) -> RecordTable | GalleryGrid:
        """The list, or the grid."""
        return self.query_one(GalleryGrid) if self._is_grid else self.query_one(RecordTable)

    @property
    def cursor_key(self) -> int | None:
        """The image at the cursor; None where there is none."""
        key = self.seen.cursor_key if self.is_mounted else None
        return key if isinstance(key, int) else None

    @property
    def cursor_index(self) -> int:
        """The place of the cursor, 0 first."""
        key = self.cursor_key
        return 0 if key is None else self.source.index_of(key) or 0

    @property
    def image(self) -> ImageView | None:
        """The one at the cursor, as far as it is loaded."""
        key = self.cursor_key
        return None if key is None else self.source.view(key)

    @property
    def marks(self) -> frozenset[Hashable]:
        """The marked ids."""
        return self.seen.marks

    def set_marks(self, keys: Iterable[Hashable]) -> None:
        """Mark these and no others."""
        self.seen.set_marks(keys)

    def clear_marks(self) -> None:
        """Unmark every image."""
        self.seen.clear_marks()

    def move_by(self, step: int) -> None:
        """Put the cursor so many images on."""
        self.seen.move_to(self.cursor_index + step)

    def move_to_key(self, image_id: int) -> bool:
        """Put the cursor on that image; False where it is not there."""
        return self.seen.move_to_key(image_id)

    def say_empty(self, text: str) -> None:
        """What it says where there is no image."""
        self.query_one(RecordTable).empty = self.query_one(GalleryGrid).empty = text

    def forget(self, image_id: int) -> None:
        """An image has changed: ask for it anew, and draw it anew."""
        self.source.forget(image_id)
        if self._is_grid:
            self.query_one(GalleryGrid).forget(image_id)

    def toggle(self) -> None:
        """List or grid."""
        before, source, key = self.seen, self.source, self.cursor_key
        self._is_grid = not self._is_grid
        before.display, self.seen.display = False, True
        self.source.copy(source)
        self.seen.set_marks(before.marks)
        if key is not None:
            self.seen.move_to_key(key)
        self.seen.focus()

    # ---- what the two tell; the one that is not seen has nothing to say

    def on_record_table_cursor_moved(self, message: RecordTable.CursorMoved) -> None:
        message.stop()
        if not self._is_grid:
            self.post_message(self.CursorMoved())

    def on_gallery_grid_cursor_moved(self, message: GalleryGrid.CursorMoved) -> None:
        message.stop()
        if self._is_grid:
            self.post_message(self.CursorMoved())

    def on_record_table_marks_changed(self, message: RecordTable.MarksChanged) -> None:
        message.stop()
        if not self._is_grid:
            self.post_message(self.MarksChanged())

    def on_gallery_grid_marks_changed(self, message: GalleryGrid.MarksChanged) -> None:
        message.stop()
        if self._is_grid:
            self.post_message(self.MarksChanged())

    def on_record_table_row_opened(self, message: RecordTable.RowOpened) -> None:
        message.stop()
        if isinstance(message.key, int):
            self.post_message(self.Opened(message.key))

    def on_gallery_grid_image_opened(self, message: GalleryGrid.ImageOpened) -> None:
        message.stop()
        self.post_message(self.Opened(message.key))
