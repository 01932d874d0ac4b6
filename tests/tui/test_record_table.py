"""The virtual list: cursor by key, marks across pages, patching, very long lists, text that wants to be markup."""

from collections.abc import AsyncIterator, Coroutine, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from rich.text import Text
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from engine.views import ListIndex, Page
from tests.support.app import wait_until
from tui.app import stylesheet
from tui.widgets.columns import Cell, Column, fit, lay_out
from tui.widgets.list_source import PagedSource
from tui.widgets.memory_source import MemorySource
from tui.widgets.record_table import RecordTable
from tui.widgets.row_source import RowSource

type Row = tuple[int, str]

COLUMNS = (
    Column("number", "No", width=7, align="right"),
    Column("name", "Name"),
    Column("extra", "Extra", width=6, min_terminal_width=100),
)


def cells(row: Row) -> Sequence[Cell]:
    return str(row[0]), row[1], Text("x", "green")


class Numbers:
    """A listing of the numbers below `length`, in pages; counts what it is asked for."""

    def __init__(self, length: int, name: str = "row", start: int = 0) -> None:
        self.length = length
        self.name = name
        self.start = start
        self.pages: list[int] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numbers) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    async def page(self, cursor: str | None, limit: int) -> Page[Row]:
        first = self.start if cursor is None else int(cursor) + 1
        self.pages.append(first)
        end = self.start + self.length
        rows = tuple((number, f"{self.name} {number}") for number in range(first, min(first + limit, end)))
        return Page[Row](rows=rows, next_cursor=str(first + limit - 1) if first + limit < end else None)

    async def index(self, limit: int) -> ListIndex:
        cursors = range(self.start + limit - 1, self.start + self.length - 1, limit)
        return ListIndex(count=self.length, cursors=tuple(str(one) for one in cursors))

    async def keys(self) -> Sequence[Hashable]:
        return list(range(self.start, self.start + self.length))


class ListApp(App[None]):
    CSS_PATH = stylesheet()

    def __init__(self, source: RowSource, **options: Any) -> None:
        super().__init__()
        self.source = source
        self.options = options
        self.opened: list[Hashable] = []
        self.cursors: list[Hashable] = []

    def compose(self) -> ComposeResult:
        yield RecordTable(COLUMNS, self.source, **self.options)

    def on_record_table_row_opened(self, message: RecordTable.RowOpened) -> None:
        self.opened.append(message.key)

    def on_record_table_cursor_moved(self, message: RecordTable.CursorMoved) -> None:
        self.cursors.append(message.key)

    @property
    def table(self) -> RecordTable:
        return self.query_one(RecordTable)

    def lines(self) -> list[str]:
        """What the list shows, from its header on."""
        return [self.table.render_line(y).text for y in range(self.table.size.height)]


@asynccontextmanager
async def shown(
    source: RowSource, size: tuple[int, int] = (80, 24), **options: Any
) -> AsyncIterator[Pilot[None]]:
    app = ListApp(source, **options)
    async with app.run_test(size=size) as pilot:
        app.table.focus()
        await pilot.pause()
        yield pilot


def paged(**options: Any) -> PagedSource[Row]:
    source: PagedSource[Row] = PagedSource(
        key=lambda row: row[0], cells=cells, spawn=lambda work: _spawn(source, work), **options
    )
    return source


def _spawn(source: PagedSource[Row], work: Coroutine[Any, Any, None]) -> object:
    hook = source.on_rows
    assert hook is not None
    table: RecordTable = hook.__self__  # type: ignore[attr-defined]
    return table.run_worker(work)


def memory(*names: str) -> MemorySource[Row]:
    source: MemorySource[Row] = MemorySource(key=lambda row: row[0], cells=cells)
    source.replace(list(enumerate(names)))
    return source


def app_of(pilot: Pilot[None]) -> ListApp:
    assert isinstance(pilot.app, ListApp)
    return pilot.app


async def test_columns_share_the_width_and_leave_out_what_has_no_room() -> None:
    assert [(column.id, width) for _, column, width in lay_out(COLUMNS, 60, 80)] == [
        ("number", 7),
        ("name", 52),
    ]
    assert [width for _, _, width in lay_out(COLUMNS, 100, 100)] == [7, 85, 6]


async def test_cells_are_cut_and_filled_by_what_they_take_on_the_screen() -> None:
    assert fit("abc", 5) == "abc  "
    assert fit("12", 4, "right") == "  12"
    assert fit("日本語", 4) == "日 …"
    assert fit("日本語", 6) == "日本語"


async def test_any_part_of_a_hundred_thousand_rows_is_asked_for_by_itself() -> None:
    source = paged()
    numbers = Numbers(100_000)
    async with shown(source) as pilot:
        app = app_of(pilot)
        await source.show(numbers)
        assert source.count == 100_000
        await pilot.press("G")
        await wait_until(pilot, lambda: app.table.cursor_key == 99_999)
        assert "row 99999" in app.lines()[-1]
        assert len(numbers.pages) <= 4
        await pilot.press("g")
        await wait_until(pilot, lambda: app.table.cursor_key == 0)
        assert app.lines()[1].startswith(">")


async def test_only_a_bounded_number_of_pages_is_kept() -> None:
    source = paged(page_rows=10, kept_pages=5)
    async with shown(source, size=(80, 12)) as pilot:
        await source.show(Numbers(1_000))
        for _ in range(60):
            await pilot.press("pagedown")
        await wait_until(pilot, lambda: app_of(pilot).table.cursor_key is not None)
        assert sum(source.row_at(index) is not None for index in range(1_000)) <= 50


async def test_the_cursor_stays_with_its_row_when_rows_come_before_it() -> None:
    source = paged()
    async with shown(source) as pilot:
        table = app_of(pilot).table
        await source.show(Numbers(50))
        await pilot.press("j", "j", "j")
        assert table.cursor_key == 3
        await source.show(Numbers(52, start=-2))
        assert (table.cursor_key, table.cursor_index) == (3, 5)
        await source.show(Numbers(10, name="others", start=100))
        assert (table.cursor_key, table.cursor_index) == (100, 0)


async def test_a_row_that_is_gone_leaves_the_cursor_at_its_place() -> None:
    source = memory("a", "b", "c")
    async with shown(source) as pilot:
        table = app_of(pilot).table
        await pilot.press("G")
        source.replace([(0, "a"), (1, "b")])
        assert table.cursor_key == 1
        source.replace([])
        assert table.cursor_key is None


async def test_a_patched_row_is_drawn_anew_without_a_reload() -> None:
    source = memory("a", "b")
    async with shown(source) as pilot:
        app = app_of(pilot)
        app.lines()
        assert source.patch((1, "changed"))
        await pilot.pause()
        assert "changed" in app.lines()[2]
        assert not source.patch((9, "unknown"))


async def test_marks_go_across_pages_that_are_not_loaded() -> None:
    source = paged()
    async with shown(source) as pilot:
        table = app_of(pilot).table
        await source.show(Numbers(5_000))
        await pilot.press("space")
        assert table.marks == {0}
        assert table.cursor_index == 1
        await pilot.press("G", "V")
        await wait_until(pilot, lambda: len(table.marks) == 5_000)
        await pilot.press("A")
        await wait_until(pilot, lambda: not table.marks)
        await pilot.press("A")
        await wait_until(pilot, lambda: len(table.marks) == 5_000)


async def test_mark_to_here_takes_everything_since_the_last_mark() -> None:
    async with shown(memory(*"abcdefgh")) as pilot:
        table = app_of(pilot).table
        await pilot.press("j", "j", "space", "j", "j", "V")
        await wait_until(pilot, lambda: table.marks == {2, 3, 4, 5})
        assert sum(line.startswith((" *", ">*")) for line in app_of(pilot).lines()) == 4


async def test_enter_and_a_double_click_open_the_row() -> None:
    async with shown(memory("a", "b", "c")) as pilot:
        app = app_of(pilot)
        await pilot.press("j", "enter")
        await pilot.click(RecordTable, offset=(10, 3), times=2)
        await wait_until(pilot, lambda: app.opened == [1, 2])


async def test_the_wheel_does_not_move_the_cursor() -> None:
    async with shown(memory(*(f"n{i}" for i in range(100)))) as pilot:
        table = app_of(pilot).table
        table.scroll_to(y=50, animate=False)
        await pilot.pause()
        assert table.cursor_index == 0
        source = table.source
        assert isinstance(source, MemorySource)
        source.replace([(-1, "new"), *source.rows])
        assert (table.cursor_index, table.scroll_offset.y) == (1, 51)
        await pilot.press("j")
        assert table.scroll_offset.y <= 2


async def test_an_empty_list_says_what_to_press_and_a_loading_one_says_nothing() -> None:
    source: MemorySource[Row] = MemorySource(key=lambda row: row[0], cells=cells)
    async with shown(source, empty="No jobs yet.\nPress s.") as pilot:
        app = app_of(pilot)
        assert not any("No jobs" in line for line in app.lines())
        source.replace([])
        assert any("No jobs yet." in line for line in app.lines())
        await pilot.press("G", "g", "space", "V", "A", "enter")
        assert app.opened == []


async def test_text_from_outside_is_neither_markup_nor_an_escape_sequence() -> None:
    evil = "[bold]\x1b]0;owned\x07[/nonsense] \x1b[31mred\u202e"
    async with shown(memory(evil)) as pilot:
        line = app_of(pilot).lines()[1]
        assert "[bold]]0;owned[/nonsense] [31mred" in line
        assert "\x1b" not in line
        assert "\u202e" not in line


async def test_rows_fit_after_a_resize() -> None:
    async with shown(memory("a", "b"), size=(120, 30)) as pilot:
        app = app_of(pilot)
        assert "Extra" in app.lines()[0]
        await pilot.resize_terminal(70, 20)
        await wait_until(pilot, lambda: "Extra" not in app.lines()[0])
        assert all(len(line) == app.table.scrollable_content_region.width for line in app.lines())


async def test_a_list_that_cannot_be_marked_leaves_those_keys_to_others() -> None:
    async with shown(memory("a", "b"), can_mark=False) as pilot:
        await pilot.press("space", "A")
        await pilot.pause()
        assert app_of(pilot).table.marks == frozenset()


async def test_a_key_right_after_the_rows_came_shows_the_cursor_all_the_same() -> None:
    """Before the list is laid out again with its scrollbar, without which Textual scrolls only where it is forced."""
    source: MemorySource[Row] = MemorySource(key=lambda row: row[0], cells=cells)
    async with shown(source) as pilot:
        table = app_of(pilot).table
        source.replace([(number, f"row {number}") for number in range(300)])
        assert not table.show_vertical_scrollbar
        table.action_last()
        await pilot.pause()
        assert table.cursor_index == 299
        assert "row 299" in table.render_line(table.size.height - 1).text
