"""A log on the screen: stored entries paged both ways, live ones in batches, only visible lines drawn. Has no keys of
its own but those that move in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from engine.events import Event
from tui.keys import bindings_for
from tui.log_text import LineShape, marked
from tui.widgets.line_scroll import LineScroll
from tui.widgets.log_pages import LogPages, ReadLog, Shift
from tui.widgets.log_window import LogScope, LogWindow

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


class LogView(LineScroll, inherit_bindings=False):
    """Follows the newest entry until somebody scrolls; `F` or the end follows again."""

    BINDINGS: ClassVar[list[BindingType]] = _moving()
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-view--time",
        "log-view--job",
        "log-view--stage",
        "log-view--debug",
        "log-view--info",
        "log-view--warning",
        "log-view--error",
        "log-view--hint",
        "log-view--match",
        "log-view--cursor",
    }

    class Changed(Message):
        """The cursor, what is followed or what is shown has changed."""

        def __init__(self, view: LogView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> LogView:
            return self.view

    class EntryOpened(Message):
        """Enter on an entry."""

        def __init__(self, view: LogView, entry: LogEntry) -> None:
            super().__init__()
            self.view = view
            self.entry = entry

        @property
        def control(self) -> LogView:
            return self.view

    def __init__(
        self,
        read: ReadLog,
        spawn: Spawn,
        scope: LogScope | None = None,
        *,
        empty: str = "Nothing is logged yet.",
        id: str | None = None,  # noqa: A002 - Textual's name for it
    ) -> None:
        super().__init__(id=id)
        self._pages = LogPages(read, scope or LogScope())
        self._spawn = spawn
        self._empty = empty
        self._is_wrapped = True
        self._cursor = 0
        self._is_following = True
        self._is_reading = False
        self._words = ""
        self._kept_styles: dict[str, Style] = {}

    # ---- what screens use

    @property
    def scope(self) -> LogScope:
        """Which entries are shown; change it with `show`."""
        return self._pages.scope

    @property
    def is_following(self) -> bool:
        """Whether the newest entry is kept in sight."""
        return self._is_following

    @property
    def is_wrapped(self) -> bool:
        """Whether long lines are broken."""
        return self._is_wrapped

    @property
    def missed(self) -> int:
        """Entries that came while somebody read older ones, and are not shown yet."""
        return self._pages.missed

    @property
    def entries(self) -> Sequence[LogEntry]:
        """What is held in memory now, oldest first."""
        return self._window.entries

    @property
    def entry(self) -> LogEntry | None:
        """The one at the cursor."""
        entries = self._window.entries
        return entries[self._cursor] if self._cursor < len(entries) else None

    @property
    def words(self) -> str:
        """The text that is shown with emphasis."""
        return self._words

    @words.setter
    def words(self, text: str) -> None:
        if text != self._words:
            self._words = text
            self.refresh()

    async def load(self) -> None:
        """Read anew: the newest entries where they are followed, else those around the cursor."""
        entry = self.entry
        if not self._is_following and entry is not None:
            if await self._pages.read_around(entry.entry_id):
                self._show_pages(entry.entry_id)
        elif await self._pages.read_newest():
            self._show_pages()

    async def show(self, scope: LogScope) -> None:
        """Show these entries from now on, the newest in sight."""
        self._pages.scope = scope
        self._is_following = True
        await self.load()

    async def go_to(self, entry_id: int) -> None:
        """Put the cursor on an entry (or on where it would be), reading what lies around it if it is not held."""
        self._is_following = False
        if self._window.place_of(entry_id) is not None or await self._pages.read_around(entry_id):
            self._show_pages(entry_id)

    def add_events(self, happened: Iterable[Event]) -> None:
        """Show the log entries among these events, if they belong to what is shown."""
        if self._pages.take(happened, is_following=self._is_following):
            if self._is_following:
                self._to_end()
            else:
                self._fit_size()
            self._tell()

    async def find(self, *, is_forward: bool, is_here_too: bool = False) -> bool:
        """Go to the nearest entry with `words`; False where there is none in that direction."""
        here = self.entry
        if here is None or not self._words:
            return False
        beside = (-1 if is_forward else 1) if is_here_too else 0
        found = await self._pages.find(self._words, here.entry_id + beside, is_forward=is_forward)
        if found is not None:
            await self.go_to(found)
        return found is not None

    def wrap(self, *, is_wrapped: bool) -> None:
        """Break long lines, or cut them."""
        self._is_wrapped = is_wrapped
        self._reshape()
        self._tell()

    # ---- reading

    @property
    def _window(self) -> LogWindow:
        return self._pages.window

    def _show_pages(self, entry_id: int | None = None) -> None:
        """Other entries are held: show them, with the cursor on that one; None: on the last."""
        last = max(len(self._window.entries) - 1, 0)
        place = None if entry_id is None else self._window.place_of(entry_id)
        self._cursor = last if place is None else place
        self._reshape()
        if entry_id is not None:
            self._put_cursor(self._cursor)
        self._tell()

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
            self._tell()

    # ---- size and place

    @property
    def _page(self) -> int:
        return max(self.scrollable_content_region.height, 1)

    def on_resize(self) -> None:
        self._reshape()

    def _reshape(self) -> None:
        width = self.scrollable_content_region.width
        if not width:
            return
        entry = self.entry
        line = 0 if entry is None else self._window.line_of(self._cursor) - self.scroll_offset.y
        self._window.shape(LineShape(width - 1, self._is_wrapped, has_job=self.scope.job_id is None))
        self._fit_size()
        if self._is_following:
            self._to_end()
        elif entry is not None:
            self._scroll(self._window.line_of(self._cursor) - min(max(line, 0), self._page - 1))

    def watch_show_vertical_scrollbar(self) -> None:
        self.call_after_refresh(self._reshape)

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
            self._tell()
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
        self._tell()
        self._read_more()

    def _move_lines(self, lines: int) -> None:
        if self._window.entries:
            self._put_cursor(self._window.entry_at(self._window.line_of(self._cursor) + lines))

    def _tell(self) -> None:
        self.post_message(self.Changed(self))

    # ---- keys and mouse

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
            self._show_pages(self._window.first_id)

    def action_last(self) -> None:
        self._follow()

    def action_follow(self) -> None:
        if self._is_following:
            self._is_following = False
            self._tell()
        else:
            self._follow()

    def _follow(self) -> None:
        self._is_following = True
        if self._pages.has_newer:
            self._spawn(self.load())
        else:
            self._to_end()
        self._tell()

    def action_open(self) -> None:
        if (entry := self.entry) is not None:
            self.post_message(self.EntryOpened(self, entry))

    async def action_back(self) -> None:
        await self.run_action("app.back")

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or self.scroll_offset.y + offset.y >= len(self._window.lines):
            return
        self._put_cursor(self._window.entry_at(self.scroll_offset.y + offset.y))
        if event.chain == 2:
            self.action_open()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # ---- drawing

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._kept_styles.clear()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        number = self.scroll_offset.y + y
        if number >= len(self._window.lines):
            text = self._empty if self._pages.is_ready and not self._window.lines and y == 0 else ""
            return self._strip([(text, "time")], width, Style.null(), "  ")
        is_cursor = self.has_focus and self._window.entry_at(number) == self._cursor
        over = self._style_of("cursor") if is_cursor else Style.null()
        return self._strip(
            marked(self._window.lines[number], self._words), width, over, ">" if is_cursor else " "
        )

    def _strip(self, parts: Iterable[tuple[str, str]], width: int, over: Style, gutter: str) -> Strip:
        plain = self._style_of("") + over
        segments = [Segment(text, self._style_of(kind) + over) for text, kind in parts]
        # A blank has no colour of its own, and each change of colour costs as many bytes as the text.
        is_blank = not gutter.strip() and bool(segments)
        segments.insert(0, Segment(gutter, segments[0].style if is_blank else plain))
        return Strip(segments).adjust_cell_length(width, plain).simplify()

    def _style_of(self, kind: str) -> Style:
        """That of a component; of the widget itself for no kind at all."""
        if kind not in self._kept_styles:
            name = f"log-view--{kind}"
            is_over = kind == "cursor"
            self._kept_styles[kind] = (
                self.get_component_rich_style(name, partial=is_over) if kind else self.rich_style
            )
        return self._kept_styles[kind]
