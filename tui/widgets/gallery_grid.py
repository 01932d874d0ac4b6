"""A wall of thumbnails of any length: draws the lines in sight from ready-made strips. Asks nobody but its source."""

from collections.abc import Coroutine, Hashable
from typing import Any, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.strip import Strip

from engine.views import ImageView
from tui.host import FactoryHost
from tui.keys import bindings_for
from tui.later import Later
from tui.widgets.grid_layout import WISHED_COLUMNS, GridLayout
from tui.widgets.image_source import ImageSource
from tui.widgets.marked_list import MarkedList
from tui.widgets.thumbnails import Thumbnails
from tui.widgets.tile_painter import TileFacts, TilePainter

_NOT_HERE = frozenset({"open", "back"})


class GalleryGrid(MarkedList[ImageSource], inherit_bindings=False):
    """Thumbnails; keys and marks are image ids."""

    PART_PREFIX = "gallery-grid"
    GROUND = "ground"
    OVER_OTHERS = frozenset({"cursor", "cursor-away"})
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            binding
            for binding in bindings_for("list")
            if isinstance(binding, Binding) and binding.action not in _NOT_HERE
        ),
        *bindings_for("grid"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "gallery-grid--caption",
        "gallery-grid--cursor",
        "gallery-grid--cursor-away",
        "gallery-grid--marked",
    }

    class CursorMoved(Message):
        """The cursor is on another image; `key` None: there is none."""

        def __init__(self, grid: "GalleryGrid", index: int, key: int | None) -> None:
            super().__init__()
            self.grid = grid
            self.index = index
            self.key = key

    class ImageOpened(Message):
        """Enter on an image."""

        def __init__(self, grid: "GalleryGrid", key: int) -> None:
            super().__init__()
            self.grid = grid
            self.key = key

    class MarksChanged(Message):
        """`grid.marks` has changed."""

        def __init__(self, grid: "GalleryGrid") -> None:
            super().__init__()
            self.grid = grid

    def __init__(
        self,
        source: ImageSource,
        *,
        empty: str = "",
        can_focus: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's name for it
    ) -> None:
        super().__init__(source, empty=empty, id=id)
        self.can_focus = can_focus
        self._thumbnails: Thumbnails | None = None
        self._layout = GridLayout.fit(Size(WISHED_COLUMNS, 10), (10, 20))
        self._painter = TilePainter(self._facts_of, self.style_of)

    # ---- what screens use

    @property
    def cursor_key(self) -> int | None:
        """The image under the cursor; None in an empty grid."""
        return self._source.key_at(self._cursor)

    def put_cursor(self, index: int) -> None:
        before, self._cursor = self._cursor, index
        self.draw_cursor(before)
        self.draw_cursor(index)
        self._show_cursor()
        self._note_cursor()

    def forget(self, image_id: int) -> None:
        """An image has other pixels now: draw it anew."""
        if self._thumbnails is not None:
            self._thumbnails.forget(image_id)
            self._image_changed(image_id)
            self._ask_for_visible()

    # ---- what the source and the thumbnails tell

    def attach(self) -> None:
        """Listen to the source from now on; a list on the same source does not any more."""
        self._source.on_rows = self._rows_changed
        self._source.on_reset = self._reset
        self._reset(True)

    def on_mount(self) -> None:
        host = cast("FactoryHost", self.app)
        self._thumbnails = Thumbnails(host.services.paths.previews_dir, self._spawn, self._image_changed)
        self.watch(host, "terminal", self._lay_out, init=False)
        self.attach()

    def on_unmount(self) -> None:
        if self._thumbnails is not None:
            self._thumbnails.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        return self.run_worker(Later(work), group="thumbnails", exit_on_error=False)

    def _rows_changed(self, first: int, last: int) -> None:
        self.note_dirty(index // self._layout.across for index in range(first, last + 1))
        self._ask_for_thumbnails()

    def _image_changed(self, image_id: int) -> None:
        if (index := self._source.index_of(image_id)) is not None:
            self.note_dirty((index // self._layout.across,))

    def draw_dirty(self, dirty: set[int]) -> None:
        for row in dirty:
            self._draw_row(row)

    def _reset(self, is_same: bool) -> None:
        """Everything anew; the cursor goes with its image, and the row stays where it is on the screen."""
        if not self.is_attached:
            return
        before = self._cursor
        index = None if self._cursor_key is None else self._source.index_of(self._cursor_key)
        if index is None:
            index = before if is_same else 0
        self._cursor = max(0, min(index, self._source.count - 1))
        self.virtual_size = self._layout.size(self._source.count)
        moved = self._layout.top(self._cursor) - self._layout.top(before)
        if moved and self.scroll_offset.y:
            self.scroll_to(y=self.scroll_offset.y + moved, animate=False, force=True)
        self._show_cursor()
        self._note_cursor()
        self.draw_all()
        self._ask_for_visible()

    # ---- size and place

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        cell = cast("FactoryHost", self.app).terminal.cell
        self._layout = GridLayout.fit(self.scrollable_content_region.size, cell)
        tile = self._layout.tile
        self._painter.resize(self._layout.window.width, self._layout.across, tile.columns, tile.rows)
        self.virtual_size = self._layout.size(self._source.count)
        self.draw_all()
        self._show_cursor()
        self._ask_for_visible()

    def _visible(self) -> tuple[int, int]:
        return self._layout.visible(self.scroll_offset.y, self._source.count)

    def _ask_for_visible(self) -> None:
        first, last = self._visible()
        if last >= first:
            self._source.request(first, last)
            self._ask_for_thumbnails()

    def _ask_for_thumbnails(self) -> None:
        """What is in sight, then the next rows, then those before."""
        if self._thumbnails is None:
            return
        first, last = self._visible()
        ahead = self._layout.across * self._layout.rows_in_sight
        places = [*range(first, last + 1 + ahead), *range(max(0, first - ahead), first)]
        views = (self._view_at(index) for index in places)
        self._thumbnails.want([view for view in views if view is not None], self._layout.tile)

    def _view_at(self, index: int) -> ImageView | None:
        key = self._source.key_at(index)
        return None if key is None else self._source.view(key)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._ask_for_visible()

    def _show_cursor(self) -> None:
        """Bring the whole tile of the cursor into sight."""
        target = self._layout.scroll_to(self._cursor, self.scroll_offset.y)
        if target != self.scroll_offset.y:
            self.scroll_to(y=target, animate=False, force=True)

    def _note_cursor(self) -> None:
        key = self.cursor_key
        if key != self._cursor_key:
            self._cursor_key = key
            self.post_message(self.CursorMoved(self, self._cursor, key))

    # ---- keys and mouse

    def action_left(self) -> None:
        self.move_to(self._cursor - 1)

    def action_right(self) -> None:
        self.move_to(self._cursor + 1)

    def action_cursor_down(self) -> None:
        if self._cursor + self._layout.across < self._source.count:
            self.move_to(self._cursor + self._layout.across)
        elif self._cursor // self._layout.across < (self._source.count - 1) // self._layout.across:
            self.move_to(self._source.count - 1)

    def action_cursor_up(self) -> None:
        if self._cursor >= self._layout.across:
            self.move_to(self._cursor - self._layout.across)

    def action_half_page_down(self) -> None:
        self._move_rows(max(1, self._layout.rows_in_sight // 2))

    def action_half_page_up(self) -> None:
        self._move_rows(-max(1, self._layout.rows_in_sight // 2))

    def action_page_down(self) -> None:
        self._move_rows(self._layout.rows_in_sight)

    def action_page_up(self) -> None:
        self._move_rows(-self._layout.rows_in_sight)

    def _move_rows(self, rows: int) -> None:
        self.move_to(self._cursor + rows * self._layout.across)

    def action_step_on(self) -> None:
        self.action_right()

    def mark_rows(self, first: int, last: int, *, is_toggle: bool = False) -> None:
        keys = set(self._source.ids[first : last + 1])
        self.set_marks(self._marks - keys if is_toggle and keys <= self._marks else self._marks | keys)

    def tell_marks(self) -> None:
        self.post_message(self.MarksChanged(self))

    def tell_opened(self, key: Hashable) -> None:
        assert isinstance(key, int)
        self.post_message(self.ImageOpened(self, key))

    def index_at(self, offset: Offset) -> int | None:
        return self._layout.at(offset.x, self.scroll_offset.y + offset.y, self._source.count)

    # ---- drawing

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._painter.forget()

    def render_line(self, y: int) -> Strip:
        if not self._source.count:
            text = self._empty if self._source.is_ready else ""
            return self._painter.empty_line(text, y, self.scrollable_content_region.height)
        row, line = divmod(self.scroll_offset.y + y, self._layout.height)
        return self._painter.line(row, line, self._source.count)

    def _facts_of(self, index: int) -> TileFacts:
        view = self._view_at(index)
        strips = None
        if view is not None and self._thumbnails is not None:
            strips = self._thumbnails.get(view.image_id, self._layout.tile)
        cursor = ""
        if index == self._cursor and self.can_focus:
            cursor = "cursor" if self.has_focus else "cursor-away"
        return TileFacts(view, strips, self._source.key_at(index) in self._marks, cursor)

    def draw_cursor(self, index: int) -> None:
        """Draw anew what shows whether the cursor is here: the gutter and the caption, not the picture."""
        self._painter.forget(index // self._layout.across)
        for part in self._layout.cursor_parts(index, self.scroll_offset.y):
            self._refresh_part(part)

    def _draw_row(self, row: int) -> None:
        self._painter.forget(row)
        top = row * self._layout.height - self.scroll_offset.y
        self._refresh_part(Region(0, top, self.size.width, self._layout.height))

    def _refresh_part(self, region: Region) -> None:
        if seen := region.intersection(Region(0, 0, *self.size)):
            self.refresh(seen)

    def draw_all(self) -> None:
        self._painter.forget()
        self._dirty.clear()
        self.refresh()
