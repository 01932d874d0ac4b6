"""Where one is in a log: the cursor, whether the newest entry is followed, reading on at the ends, and the keys that
move. Draws nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region

from tui.keys import bindings_for
from tui.widgets.line_scroll import LineScroll
from tui.widgets.log_pages import LogPages, Shift
from tui.widgets.log_window import LogWindow

if TYPE_CHECKING:
    from engine.views import LogView as LogEntry

NEAR = 20
"""Lines from an end at which more are asked for."""
_MARKING = ("list.mark", "list.mark_to_here", "list.mark_all")

type Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Runs a read beside everything else and says what went wrong with it."""


def _moving() -> list[BindingType]:
    bindings = [*bindings_for("list"), *bindings_for("logs")]
    return [
        one
        for one in bindings
        if isinstance(one, Binding)
        and one.id is not None
        and (one.id == "logs.follow" or (one.id.startswith("list.") and one.id not in _MARKING))
    ]


class LogCursor(LineScroll, inherit_bindings=False):
    """Follows the newest entry until somebody scrolls; `F` or the end follows again."""

    BINDINGS: ClassVar[list[BindingType]] = _moving()

    def __init__(self, pages: LogPages, spawn: Spawn, *, id: str | None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._pages = pages
        self._spawn = spawn
        self._cursor = 0
        self._is_following = True
        self._is_reading = False

    @property
    def _window(self) -> LogWindow:
        return self._pages.window

    @property
    def is_following(self) -> bool:
        """Whether the newest entry is kept in sight."""
        return self._is_following

    @property
    def entry(self) -> LogEntry | None:
        """The one at the cursor."""
        entries = self._window.entries
        return entries[self._cursor] if self._cursor < len(entries) else None

    # ---- what subclasses fill in

    async def load(self) -> None:
        """Read anew what is followed."""
        raise NotImplementedError

    def show_pages(self, entry_id: int | None = None) -> None:
        """Other entries are held: show them, with the cursor on that one; None: on the last."""
        raise NotImplementedError

    def tell(self) -> None:
        """Post the message that the cursor, or what is followed, has changed."""
        raise NotImplementedError

    # ---- reading on

    def _read_more(self) -> None:
        """Read on at an end that comes into sight."""
        if self._is_reading or not self._window.entries:
            return
        first, last = self.scroll_offset.y, self.scroll_offset.y + self._page
        if self._pages.has_older and first < NEAR:
            self._is_reading = True
            self._spawn(self._read_on(self._pages.read_older))
        elif self._pages.has_newer and last > len(self._window.lines) - NEAR:
            self._is_reading = True
            self._spawn(self._read_on(self._pages.read_newer))

    async def _read_on(self, read: Callable[[], Awaitable[Shift | None]]) -> None:
        try:
            shift = await read()
        finally:
            self._is_reading = False
        if shift is not None:
            last = max(len(self._window.entries) - 1, 0)
            self._cursor = max(0, min(self._cursor + shift.entries, last))
            self._fit_size()
            self._scroll(self.scroll_offset.y + shift.lines)
            self.tell()

    # ---- size and place

    @property
    def _page(self) -> int:
        return max(self.scrollable_content_region.height, 1)

    def _fit_size(self) -> None:
        self.set_line_count(len(self._window.lines))
        self.refresh(Region(0, 0, *self.size))  # without the border

    def _to_end(self) -> None:
        self._cursor = max(len(self._window.entries) - 1, 0)
        self._fit_size()
        self._scroll(len(self._window.lines) - self._page)

    def _scroll(self, line: int) -> None:
        self.scroll_to(y=max(line, 0), animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) == round(new_value):
            return
        if self._is_following and round(new_value) < len(self._window.lines) - self._page:
            self._is_following = False
            self.tell()
        self._read_more()

    def _put_cursor(self, place: int) -> None:
        """The cursor on an entry, all of it in sight."""
        if not self._window.entries:
            return
        self._cursor = max(0, min(place, len(self._window.entries) - 1))
        self._is_following = False
        line, lines = self._window.line_of(self._cursor), self._window.lines_of(self._cursor)
        top = self.scroll_offset.y
        if line < top or lines > self._page:
            self._scroll(line)
        elif line + lines > top + self._page:
            self._scroll(line + lines - self._page)
        self.refresh()
        self.tell()
        self._read_more()

    def _move_lines(self, lines: int) -> None:
        if self._window.entries:
            self._put_cursor(self._window.entry_at(self._window.line_of(self._cursor) + lines))

    # ---- keys

    def action_cursor_down(self) -> None:
        self._put_cursor(self._cursor + 1)

    def action_cursor_up(self) -> None:
        self._put_cursor(self._cursor - 1)

    def action_half_page_down(self) -> None:
        self._move_lines(self._page // 2)

    def action_half_page_up(self) -> None:
        self._move_lines(-(self._page // 2))

    def action_page_down(self) -> None:
        self._move_lines(self._page)

    def action_page_up(self) -> None:
        self._move_lines(-self._page)

    def action_first(self) -> None:
        self._is_following = False
        if self._pages.has_older:
            self._spawn(self._go_to_first())
        else:
            self._put_cursor(0)

    async def _go_to_first(self) -> None:
        if await self._pages.read_first():
            self.show_pages(self._window.first_id)

    def action_last(self) -> None:
        self._follow()

    def action_follow(self) -> None:
        if self._is_following:
            self._is_following = False
            self.tell()
        else:
            self._follow()

    def _follow(self) -> None:
        self._is_following = True
        if self._pages.has_newer:
            self._spawn(self.load())
        else:
            self._to_end()
        self.tell()
