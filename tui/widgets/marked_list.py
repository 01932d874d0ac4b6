"""What a list and a wall of pictures have in common: a cursor that stays with its key, marks that are keys too, and
changes that are drawn at most ten times a second. Draws nothing itself."""

from collections.abc import Hashable, Iterable
from time import monotonic
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.geometry import Offset
from textual.scroll_view import ScrollView
from textual.timer import Timer

from tui.widgets.row_source import RowSource

REFRESH_S = 0.1


class MarkedList[Source: RowSource](ScrollView, can_focus=True, inherit_bindings=False):
    """Subclasses draw, know where what is, and tell: the methods that raise NotImplementedError."""

    PART_PREFIX: ClassVar[str]
    """Of the names of the component classes."""
    GROUND: ClassVar[str]
    """The part that has the widget's own style."""
    OVER_OTHERS: ClassVar[frozenset[str]]
    """Parts whose styles are put over those of others."""

    def __init__(self, source: Source, *, empty: str, id: str | None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._source = source
        self._empty = empty
        self._cursor = 0
        self._cursor_key: Hashable | None = None
        self._marks: set[Hashable] = set()
        self._last_mark: Hashable | None = None
        self._styles_by_name: dict[str, Style] = {}
        self._dirty: set[int] = set()
        self._flushed_at = 0.0
        self._flush_timer: Timer | None = None

    # ---- what subclasses fill in

    def draw_all(self) -> None:
        """Draw everything anew."""
        raise NotImplementedError

    def draw_cursor(self, index: int) -> None:
        """Draw anew what shows whether the cursor is here."""
        raise NotImplementedError

    def draw_dirty(self, dirty: set[int]) -> None:
        """Draw anew what was noted by `note_dirty`."""
        raise NotImplementedError

    def put_cursor(self, index: int) -> None:
        """Move the cursor to a place that there is."""
        raise NotImplementedError

    def index_at(self, offset: Offset) -> int | None:
        """What is at this place of the widget."""
        raise NotImplementedError

    def mark_rows(self, first: int, last: int, *, is_toggle: bool = False) -> None:
        """Mark what is there from the first to the last, or unmark it where all of it is marked."""
        raise NotImplementedError

    def tell_marks(self) -> None:
        """Post the message that the marks have changed."""
        raise NotImplementedError

    def tell_opened(self, key: Hashable) -> None:
        """Post the message that this was opened."""
        raise NotImplementedError

    def action_step_on(self) -> None:
        """Move on by one, after a mark."""
        raise NotImplementedError

    # ---- what screens use

    @property
    def source(self) -> Source:
        """Where the rows come from; a changed row is drawn again, at most ten times a second, if it is in sight."""
        return self._source

    @property
    def cursor_index(self) -> int:
        """The place of the cursor, 0 first; also 0 in an empty list."""
        return self._cursor

    @property
    def marks(self) -> frozenset[Hashable]:
        """The marked keys, in no order; those that a filter hides stay marked."""
        return frozenset(self._marks)

    @property
    def empty(self) -> str:
        """What an empty list says; lines are centred."""
        return self._empty

    @empty.setter
    def empty(self, text: str) -> None:
        if text != self._empty:
            self._empty = text
            self.refresh()

    def set_marks(self, keys: Iterable[Hashable]) -> None:
        """Mark these and no others."""
        wanted = set(keys)
        if wanted != self._marks:
            self._marks = wanted
            self.draw_all()
            self.tell_marks()

    def clear_marks(self) -> None:
        """Unmark everything."""
        self._last_mark = None
        self.set_marks(())

    def move_to(self, index: int) -> None:
        """Put the cursor on a place, the nearest one where there is none, and bring it into sight."""
        self.put_cursor(max(0, min(index, self._source.count - 1)))

    def move_to_key(self, key: Hashable) -> bool:
        """Put the cursor on that key; False where it is not there, or not loaded."""
        index = self._source.index_of(key)
        if index is not None:
            self.put_cursor(index)
        return index is not None

    # ---- what subclasses use

    def note_dirty(self, parts: Iterable[int]) -> None:
        """These have changed: draw them now, or a tenth of a second after what was drawn last."""
        self._dirty.update(parts)
        if self._flush_timer is None:
            wait_s = self._flushed_at + REFRESH_S - monotonic()
            if wait_s <= 0:
                self._flush()
            else:
                self._flush_timer = self.set_timer(wait_s, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        self._flushed_at = monotonic()
        dirty, self._dirty = self._dirty, set()
        self.draw_dirty(dirty)

    def style_of(self, part: str) -> Style:
        """The style of a component class, kept."""
        if part not in self._styles_by_name:
            self._styles_by_name[part] = (
                self.rich_style
                if part == self.GROUND
                else self.get_component_rich_style(
                    f"{self.PART_PREFIX}--{part}", partial=part in self.OVER_OTHERS
                )
            )
        return self._styles_by_name[part]

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_by_name.clear()

    # ---- keys and mouse

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(self._source.count - 1)

    def action_open(self) -> None:
        if (key := self._key_here()) is not None:
            self.tell_opened(key)

    def action_mark(self) -> None:
        if (key := self._key_here()) is not None:
            self._last_mark = key
            self.set_marks(self._marks ^ {key})
            self.action_step_on()

    def action_mark_to_here(self) -> None:
        start = None if self._last_mark is None else self._source.index_of(self._last_mark)
        first, last = sorted((self._cursor if start is None else start, self._cursor))
        self._last_mark = self._key_here()
        self.mark_rows(first, last)

    def action_mark_all(self) -> None:
        """Mark all of the list, or none where all of it is marked."""
        self.mark_rows(0, self._source.count - 1, is_toggle=True)

    def _key_here(self) -> Hashable | None:
        return self._source.key_at(self._cursor) if self._cursor < self._source.count else None

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        index = None if offset is None else self.index_at(offset)
        if index is not None:
            self.move_to(index)
            if event.chain == 2:
                self.action_open()

    def on_focus(self) -> None:
        self.draw_cursor(self._cursor)

    def on_blur(self) -> None:
        self.draw_cursor(self._cursor)
