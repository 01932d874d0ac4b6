"""The one list of the program: shows the visible rows of a source of any length. Knows no data and asks nobody."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip

from tui.keys import bindings_for
from tui.later import Later
from tui.widgets.columns import Column
from tui.widgets.line_scroll import LineScroll
from tui.widgets.marked_list import MarkedList
from tui.widgets.row_painter import RowPainter
from tui.widgets.row_source import RowSource

HEADER = 1


class TableMessage(Message):
    """Told by a table; `@on` may select it by the table's id."""

    def __init__(self, table: "RecordTable") -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> "RecordTable":
        """The table."""
        return self.table


class RecordTable(MarkedList[RowSource], LineScroll, inherit_bindings=False):
    """A list in columns under a header."""

    PART_PREFIX = "record-table"
    GROUND = "row"
    OVER_OTHERS = frozenset({"cursor", "cursor-away", "muted"})
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "record-table--header",
        "record-table--cursor",
        "record-table--cursor-away",
        "record-table--marked",
        "record-table--muted",
    }

    class CursorMoved(TableMessage):
        """The cursor is on another row, or its row was loaded. `key` None: the list is empty or not loaded."""

        def __init__(self, table: "RecordTable", index: int, key: Hashable | None) -> None:
            super().__init__(table)
            self.index = index
            self.key = key

    class RowOpened(TableMessage):
        """Enter on a row."""

        def __init__(self, table: "RecordTable", key: Hashable) -> None:
            super().__init__(table)
            self.key = key

    class MarksChanged(TableMessage):
        """`table.marks` has changed."""

    def __init__(
        self,
        columns: Sequence[Column],
        source: RowSource,
        *,
        empty: str = "",
        can_mark: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's name for it
    ) -> None:
        super().__init__(source, empty=empty, id=id)
        self._can_mark = can_mark
        self._painter = RowPainter(columns, self.style_of)

    # ---- what screens use

    def show_columns(self, columns: Sequence[Column]) -> None:
        """Show the rows in these columns from now on; the source gives cells for them."""
        if tuple(columns) != self._painter.columns:
            self._painter.columns = tuple(columns)
            self._painter.resize(self._painter.width, self.app.size.width)
            self.refresh()

    @property
    def cursor_key(self) -> Hashable | None:
        """The key under the cursor; None in an empty list, or where the row is not loaded yet."""
        return self._source.key_at(self._cursor) if self._cursor < self._source.count else None

    def set_order(self, column_id: str | None, *, is_descending: bool = False) -> None:
        """Show in the header by which column the rows are sorted."""
        self._painter.arrow = None if column_id is None else (column_id, "↓" if is_descending else "↑")
        self.refresh(Region(0, 0, self.size.width, HEADER))

    # ---- what the source tells

    def _rows_changed(self, first: int, last: int) -> None:
        self._painter.forget(first, last)
        if first <= self._cursor <= last and self._cursor_key is None:
            self._note_cursor()
        self.note_dirty(range(first, last + 1))

    def draw_dirty(self, dirty: set[int]) -> None:
        first, last = self._visible()
        if seen := [index for index in dirty if first <= index <= last]:
            top = min(seen)
            self._refresh_rows(top, max(seen) - top + 1)

    def _reset(self, is_same: bool) -> None:
        """Everything anew. The cursor goes with its row, and the row stays where it is on the screen."""
        if not self.is_attached:
            return
        before, count = self._cursor, self._source.count
        first, last = self._visible()
        is_in_sight = first <= before <= last
        index = None if self._cursor_key is None else self._source.index_of(self._cursor_key)
        if index is None:
            index = before if is_same else 0
        self._painter.forget()
        self._dirty.clear()
        self._fit_size()
        self._cursor = max(0, min(index, count - 1))
        if first and self._cursor != before:
            self.scroll_to(y=first + self._cursor - before, animate=False, force=True)
        if is_in_sight or not is_same:
            self._show_cursor()
        self._note_cursor()
        self._ask_for_visible()
        self.refresh()

    # ---- size and place

    def on_mount(self) -> None:
        self._source.on_rows = self._rows_changed
        self._source.on_reset = self._reset
        self._reset(False)

    def on_unmount(self) -> None:
        self._source.on_rows = self._source.on_reset = None

    def on_resize(self) -> None:
        self._painter.resize(self.scrollable_content_region.width, self.app.size.width)
        self._fit_size()
        self._show_cursor()
        self._ask_for_visible()

    def _fit_size(self) -> None:
        self.set_line_count(HEADER + self._source.count)

    @property
    def _page(self) -> int:
        return max(self.scrollable_content_region.height - HEADER, 1)

    def _visible(self) -> tuple[int, int]:
        first = self.scroll_offset.y
        return first, first + self._page - 1

    def _ask_for_visible(self) -> None:
        if self._source.count:
            first, last = self._visible()
            self._source.request(max(first, 0), min(last, self._source.count - 1))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._ask_for_visible()

    def put_cursor(self, index: int) -> None:
        before = self._cursor
        if index == before and self._cursor_key is not None:
            self._show_cursor()
            return
        self._cursor = index
        self._refresh_rows(before)
        self._refresh_rows(index)
        self._show_cursor()
        self._note_cursor(is_moved=True)

    def _show_cursor(self) -> None:
        first, last = self._visible()
        if self._cursor < first:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor > last:
            self.scroll_to(y=self._cursor - self._page + 1, animate=False, force=True)

    def _note_cursor(self, *, is_moved: bool = False) -> None:
        key = self.cursor_key
        if is_moved or key != self._cursor_key:
            self._cursor_key = key
            self.post_message(self.CursorMoved(self, self._cursor, key))

    # ---- keys and mouse

    def action_cursor_down(self) -> None:
        self.move_to(self._cursor + 1)

    def action_cursor_up(self) -> None:
        self.move_to(self._cursor - 1)

    def action_half_page_down(self) -> None:
        self.move_to(self._cursor + self._page // 2)

    def action_half_page_up(self) -> None:
        self.move_to(self._cursor - self._page // 2)

    def action_page_down(self) -> None:
        self.move_to(self._cursor + self._page)

    def action_page_up(self) -> None:
        self.move_to(self._cursor - self._page)

    def action_step_on(self) -> None:
        self.action_cursor_down()

    async def action_back(self) -> None:
        await self.run_action("app.back")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._can_mark or not action.startswith("mark")

    def mark_rows(self, first: int, last: int, *, is_toggle: bool = False) -> None:
        if last >= first:
            work = self._mark_when_known(first, last, is_toggle=is_toggle)
            self.run_worker(Later(work), group="marks", exclusive=True, exit_on_error=False)

    async def _mark_when_known(self, first: int, last: int, *, is_toggle: bool) -> None:
        keys = set(await self._source.keys(first, last))
        self.set_marks(self._marks - keys if is_toggle and keys <= self._marks else self._marks | keys)

    def tell_marks(self) -> None:
        self.post_message(self.MarksChanged(self))

    def tell_opened(self, key: Hashable) -> None:
        self.post_message(self.RowOpened(self, key))

    def index_at(self, offset: Offset) -> int | None:
        index = self.scroll_offset.y + offset.y - HEADER
        return index if offset.y >= HEADER and index < self._source.count else None

    # ---- drawing

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._painter.forget()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if width != self._painter.width:  # the scrollbar comes and goes without a resize
            self._painter.resize(width, self.app.size.width)
        if y < HEADER:
            return self._painter.header()
        index = self.scroll_offset.y + y - HEADER
        if index >= self._source.count:
            text = self._empty if self._source.is_ready and self._source.count == 0 else ""
            return self._painter.empty_line(text, y - HEADER, self._page)
        cursor = ("cursor" if self.has_focus else "cursor-away") if index == self._cursor else ""
        return self._painter.row(
            index,
            self._source.cells(index),
            self.app.console,
            is_marked=self._source.key_at(index) in self._marks,
            cursor=cursor,
        )

    def _refresh_rows(self, index: int, rows: int = 1) -> None:
        y = index - self.scroll_offset.y + HEADER
        self.refresh(Region(0, y, self.size.width, rows))

    def draw_cursor(self, index: int) -> None:
        self._refresh_rows(index)

    def draw_all(self) -> None:
        self._painter.forget()
        self.refresh()
