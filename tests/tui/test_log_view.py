"""The log widget: follows, pages both ways, finds, stays bounded, and interprets nothing."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from engine.api import LogQuery
from engine.events import Event, LogRecorded, QueueChanged
from engine.views import LogLevel
from engine.views import LogView as LogEntry
from tests.support.app import wait_until
from tui.app import stylesheet
from tui.log_text import LineShape, log_line, log_lines, marked
from tui.widgets.log_view import LogView
from tui.widgets.log_window import LogScope, LogWindow

SEVERITY = list(LogLevel)


def entry(number: int, message: str = "", **facts: Any) -> LogEntry:
    known = {
        "entry_id": number,
        "job_id": "job1",
        "at": "2026-11-22T12:04:01.000Z",
        "level": LogLevel.INFO,
        "stage": "generate",
        "image_number": None,
        "message": message or f"entry {number}",
        "cause": None,
        "hint": None,
    }
    return LogEntry(**{**known, **facts})


class Store:
    """Answers log queries from a list, as the engine does."""

    def __init__(self, *entries: LogEntry) -> None:
        self.entries = list(entries)
        self.after_read: Callable[[], object] = lambda: None

    async def read(self, query: LogQuery) -> Sequence[LogEntry]:
        found = self._find(query)
        self.after_read()
        return found

    def _find(self, query: LogQuery) -> Sequence[LogEntry]:
        found = [
            one
            for one in self.entries
            if (query.job_id is None or one.job_id == query.job_id)
            and SEVERITY.index(one.level) >= SEVERITY.index(query.min_level)
            and (query.stage is None or one.stage == query.stage)
            and query.text.lower() in one.message.lower()
        ]
        if query.after_entry_id is not None:
            return [one for one in found if one.entry_id > query.after_entry_id][: query.limit]
        if query.before_entry_id is not None:
            found = [one for one in found if one.entry_id < query.before_entry_id]
        return found[-query.limit :]

    def record(self, *entries: LogEntry) -> list[Event]:
        """Store these and tell of them."""
        self.entries += entries
        return [QueueChanged(), *(LogRecorded(one) for one in entries)]


class LogApp(App[None]):
    CSS_PATH = stylesheet()

    def __init__(self, store: Store, scope: LogScope | None = None) -> None:
        super().__init__()
        self.store = store
        self.scope = scope

    def compose(self) -> ComposeResult:
        yield LogView(self.store.read, self.spawn, self.scope)

    def spawn(self, work: Coroutine[Any, Any, None]) -> object:
        return self.run_worker(work)

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    def lines(self) -> list[str]:
        return [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]


@asynccontextmanager
async def shown(
    store: Store, scope: LogScope | None = None, size: tuple[int, int] = (80, 10)
) -> AsyncIterator[tuple[LogApp, Pilot[None]]]:
    app = LogApp(store, scope)
    async with app.run_test(size=size) as pilot:
        app.view.focus()
        await app.view.load()
        await pilot.pause()
        yield app, pilot


def numbered(count: int, start: int = 1) -> list[LogEntry]:
    return [entry(number) for number in range(start, start + count)]


async def test_the_newest_entry_is_in_sight_and_stays_there() -> None:
    store = Store(*numbered(1_000))
    async with shown(store) as (app, pilot):
        assert app.lines()[-1].endswith("entry 1000")
        app.view.add_events(store.record(*numbered(50, 1_001)))
        await pilot.pause()
        assert app.lines()[-1].endswith("entry 1050")
        assert app.view.is_following


@pytest.mark.parametrize("key", ["k", "ctrl+u", "pageup", "g"])
async def test_moving_up_stops_following_and_the_end_follows_again(key: str) -> None:
    store = Store(*numbered(100))
    async with shown(store) as (app, pilot):
        await pilot.press(key)
        assert not app.view.is_following
        before = app.lines()
        app.view.add_events(store.record(*numbered(5, 101)))
        await pilot.pause()
        assert app.lines() == before
        await pilot.press("G")
        await wait_until(pilot, lambda: app.lines()[-1].endswith("entry 105"))
        assert app.view.is_following


async def test_the_wheel_stops_following_too() -> None:
    async with shown(Store(*numbered(100))) as (app, _):
        app.view.scroll_to(y=20, animate=False)
        assert not app.view.is_following


async def test_a_switch_for_following() -> None:
    store = Store(*numbered(100))
    async with shown(store) as (app, pilot):
        await pilot.press("F")
        app.view.add_events(store.record(*numbered(5, 101)))
        await pilot.pause()
        assert app.lines()[-1].endswith("entry 100")
        await pilot.press("F")
        assert app.lines()[-1].endswith("entry 105")


async def test_older_entries_come_when_they_are_wanted_and_the_place_stays() -> None:
    store = Store(*numbered(2_000))
    async with shown(store) as (app, pilot):
        assert len(app.view.entries) == 500
        app.view.scroll_to(y=0, animate=False)
        await wait_until(pilot, lambda: len(app.view.entries) == 1_000)
        assert app.lines()[0].endswith("entry 1501")
        await pilot.press("g")
        await wait_until(pilot, lambda: app.lines()[0].endswith("entry 1"))


async def test_from_the_first_entries_one_comes_to_the_last_by_scrolling() -> None:
    store = Store(*numbered(1_400))
    async with shown(store) as (app, pilot):
        await pilot.press("g")
        await wait_until(pilot, lambda: app.lines()[0].endswith("entry 1"))
        for _ in range(300):
            await pilot.press("pagedown")
            if app.lines()[-1].endswith("entry 1400"):
                break
        assert app.lines()[-1].endswith("entry 1400")


async def test_memory_is_bounded_while_a_thousand_entries_a_second_come() -> None:
    store = Store(*numbered(500))
    async with shown(store) as (app, _):
        for batch in range(100):
            app.view.add_events(store.record(*numbered(100, 501 + batch * 100)))
        assert len(app.view.entries) == 5_000
        assert app.lines()[-1].endswith("entry 10500")


async def test_who_reads_is_not_disturbed_and_sees_how_much_is_newer() -> None:
    store = Store(*numbered(500))
    async with shown(store) as (app, pilot):
        await pilot.press("k")
        before = app.lines()
        for batch in range(100):
            app.view.add_events(store.record(*numbered(100, 501 + batch * 100)))
        await pilot.pause()
        assert app.lines() == before
        assert len(app.view.entries) <= 5_000
        assert app.view.missed > 0
        await pilot.press("G")
        await wait_until(pilot, lambda: app.lines()[-1].endswith("entry 10500"))
        assert app.view.missed == 0


async def test_live_entries_of_others_stay_out() -> None:
    store = Store(*numbered(3))
    scope = LogScope(job_id="job1", min_level=LogLevel.WARNING, stage="generate")
    async with shown(store, scope) as (app, pilot):
        app.view.add_events(
            store.record(
                entry(10, "info only"),
                entry(11, "other job", job_id="job2", level=LogLevel.ERROR),
                entry(12, "other stage", stage="save", level=LogLevel.ERROR),
                entry(13, "mine", level=LogLevel.ERROR),
            )
        )
        await pilot.pause()
        assert [one.message for one in app.view.entries] == ["mine"]


async def test_what_is_told_during_a_read_is_not_lost() -> None:
    store = Store(*numbered(10))
    async with shown(store) as (app, _):
        store.after_read = lambda: app.view.add_events(store.record(entry(11, "told meanwhile")))
        await app.view.show(LogScope())
        assert [one.entry_id for one in app.view.entries] == list(range(1, 12))


async def test_an_entry_that_was_loaded_and_told_is_shown_once() -> None:
    store = Store(*numbered(3))
    async with shown(store) as (app, _):
        app.view.add_events([LogRecorded(one) for one in store.entries])
        assert len(app.view.entries) == 3


async def test_finding_goes_beyond_what_is_in_memory() -> None:
    store = Store(*numbered(3_000))
    store.entries[9] = entry(10, "the needle")
    store.entries[1_999] = entry(2_000, "another Needle")
    async with shown(store) as (app, pilot):
        app.view.words = "needle"
        assert await app.view.find(is_forward=False, is_here_too=True)
        assert app.view.entry == store.entries[1_999]
        assert await app.view.find(is_forward=False)
        assert app.view.entry == store.entries[9]
        assert not await app.view.find(is_forward=False)
        assert await app.view.find(is_forward=True)
        await pilot.pause()
        assert any("another Needle" in line for line in app.lines())


async def test_a_resize_and_wrapping_keep_the_place() -> None:
    store = Store(*(entry(number, f"entry {number} " + "word " * 40) for number in range(1, 200)))
    async with shown(store) as (app, pilot):
        await pilot.press("ctrl+u", "ctrl+u", "k")
        cursor = app.view.entry
        app.view.wrap(is_wrapped=False)
        await pilot.pause()
        assert app.view.entry == cursor
        assert cursor is not None
        assert any(cursor.message[:12] in line for line in app.lines())
        await pilot.resize_terminal(60, 20)
        app.view.wrap(is_wrapped=True)
        await pilot.pause()
        assert any(cursor.message[:12] in line for line in app.lines())


async def test_an_empty_log_says_so() -> None:
    async with shown(Store()) as (app, pilot):
        assert "Nothing is logged yet." in app.lines()[0]
        await pilot.press("j", "k", "G", "g", "F", "enter", "pagedown")
        assert app.view.entry is None


def test_text_from_outside_is_not_interpreted() -> None:
    evil = entry(1, "[bold]\x1b]0;owned\x07\x1b[31mred\u202e\nsecond", cause="\x1b[2J", hint="[/nonsense]")
    for text in ["".join(part for part, _ in line) for line in log_lines(evil, LineShape(60))]:
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "\u202e" not in text
        assert "\n" not in text


def test_the_first_line_says_what_and_the_next_ones_why_and_what_to_do() -> None:
    failed = entry(
        7,
        "refused",
        level=LogLevel.ERROR,
        image_number=3,
        cause="policy",
        hint="Change the prompt.",
        stage="quality_check",
    )
    lines = ["".join(text for text, _ in line) for line in log_lines(failed, LineShape(80))]
    assert lines[0].endswith("check      ✗ error: image 3: refused")
    assert [line.strip() for line in lines[1:]] == ["cause: policy", "what to do: Change the prompt."]
    assert log_line(failed).endswith(
        "error   quality_check image 3: refused; cause: policy; Change the prompt."
    )


@pytest.mark.parametrize("word", ["plain words ", "日本語", "“quoted” words "])
def test_wrapped_lines_fit(word: str) -> None:
    from rich.cells import cell_len

    lines = log_lines(entry(1, word * 30), LineShape(50))
    assert len(lines) > 3
    assert all(sum(cell_len(text) for text, _ in line) <= 50 for line in lines)


def test_every_place_of_the_searched_text_is_marked() -> None:
    line = (("12:00:00 ", "time"), ("One one ONE", "info"))
    assert [text for text, kind in marked(line, "one") if kind == "match"] == ["One", "one", "ONE"]
    assert marked(line, "") == line
    assert marked((("a(b", "info"),), "(b") == (("a", "info"), ("(b", "match"))


def test_a_window_keeps_entries_and_lines_together() -> None:
    window = LogWindow(LineShape(40), kept=10)
    long = "word " * 30
    window.reset([entry(number, long if number % 3 == 0 else "") for number in range(10, 20)])
    window.add_older([entry(number, long if number % 2 else "") for number in range(6, 10)])
    assert [one.entry_id for one in window.entries] == list(range(6, 16))
    window.add_newer([entry(number) for number in range(14, 18)])
    assert [one.entry_id for one in window.entries] == list(range(8, 18))
    numbers = [window.entry_at(line) for line in range(len(window.lines))]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(10))
    for place, one in enumerate(window.entries):
        first = window.lines[window.line_of(place)]
        assert len(log_lines(one, LineShape(40))) == window.lines_of(place)
        assert first == log_lines(one, LineShape(40))[0]
    assert window.place_of(12) == 4
    assert window.place_of(99) is None
