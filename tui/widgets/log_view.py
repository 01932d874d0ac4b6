"""A log on the screen: stored entries paged both ways, live ones in batches, only visible lines drawn. What moves
in it is in tui.widgets.log_cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from engine.events import Event
from tui.log_text import LineShape, marked
from tui.widgets.log_cursor import LogCursor, Spawn
from tui.widgets.log_pages import LogPages, ReadLog
from tui.widgets.log_window import LogScope

if TYPE_CHECKING:
    from engine.views import LogView as LogEntry


class LogView(LogCursor):
    """Loads, finds and draws entries."""

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
        super().__init__(LogPages(read, scope or LogScope()), spawn, id=id)
        self._empty = empty
        self._is_wrapped = True
        self._words = ""
        self._kept_styles: dict[str, Style] = {}

    # ---- what screens use

    @property
    def scope(self) -> LogScope:
        """Which entries are shown; change it with `show`."""
        return self._pages.scope

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
                self.show_pages(entry.entry_id)
        elif await self._pages.read_newest():
            self.show_pages()

    async def show(self, scope: LogScope) -> None:
        """Show these entries from now on, the newest in sight."""
        self._pages.scope = scope
        self._is_following = True
        await self.load()

    async def go_to(self, entry_id: int) -> None:
        """Put the cursor on an entry (or on where it would be), reading what lies around it if it is not held."""
        self._is_following = False
        if self._window.place_of(entry_id) is not None or await self._pages.read_around(entry_id):
            self.show_pages(entry_id)

    def add_events(self, happened: Iterable[Event]) -> None:
        """Show the log entries among these events, if they belong to what is shown."""
        if self._pages.take(happened, is_following=self._is_following):
            if self._is_following:
                self._to_end()
            else:
                self._fit_size()
            self.tell()

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
        self.tell()

    # ---- reading

    def show_pages(self, entry_id: int | None = None) -> None:
        """Other entries are held: show them, with the cursor on that one; None: on the last."""
        last = max(len(self._window.entries) - 1, 0)
        place = None if entry_id is None else self._window.place_of(entry_id)
        self._cursor = last if place is None else place
        self._reshape()
        if entry_id is not None:
            self._put_cursor(self._cursor)
        self.tell()

    # ---- size and place

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

    def tell(self) -> None:
        self.post_message(self.Changed(self))

    # ---- keys and mouse

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
