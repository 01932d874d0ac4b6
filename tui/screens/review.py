"""Failed images, one after the other: list left, one picture right, the reason under the list, a key a verdict."""

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widgets import Static

from engine.events import Event, ImageChanged
from engine.views import ImageStatus, ImageView
from tui.dates import local_today
from tui.decisions import Outcome
from tui.factory_screen import FactoryScreen
from tui.format import count
from tui.image_actions import ImageActions, picture_of
from tui.keys import bindings_for
from tui.messages import OpenImage
from tui.widgets.filter_bar import FilterBar, FilterKeys
from tui.widgets.image_preview import ImagePreview
from tui.widgets.image_rows import (
    ORDERS,
    REVIEW_COLUMNS,
    REVIEW_FACETS,
    facts_table,
    image_query,
    reason_text,
    review_cells,
)
from tui.widgets.image_source import ImageSource
from tui.widgets.record_table import RecordTable
from tui.widgets.tab_line import TabLine

S = ImageStatus
TABS: dict[str, tuple[str, tuple[ImageStatus, ...]]] = {
    "failed": ("Failed", (S.QC_FAILED, S.FAILED)),
    "retry_pending": ("Retry pending", (S.RETRY_PENDING,)),
    "processing": ("Processing", (S.PROCESSING,)),
    "retry_failed": ("Retry failed", (S.RETRY_FAILED,)),
}
COUNT_S = 0.5
"""Counts are asked for at most so often."""
AHEAD, BEHIND = 3, 1
"""Pictures that are made ready before they are looked at."""


class ReviewScreen(FilterKeys, ImageActions, FactoryScreen):
    """The section Review."""

    SECTION = "review"
    BINDINGS = bindings_for("review", "filter")
    AUTO_FOCUS = "RecordTable"

    def __init__(self) -> None:
        super().__init__()
        self._source = ImageSource(cells=review_cells, spawn=self._spawn, on_loaded=self._show_current)
        self._tab = "failed"
        self._panel = "reason"
        self._wanted_job: str | None = None
        self._return_to: int | None = None
        self._count_timer: Timer | None = None
        self._is_reload_due = False

    def compose_body(self) -> ComposeResult:
        yield TabLine([(tab, title) for tab, (title, _) in TABS.items()])
        yield FilterBar(
            REVIEW_FACETS, ORDERS, nouns=("image", "images"), search_hint="prompt, keyword, title"
        )
        with Horizontal(id="review"):
            with Vertical(id="review-left"):
                yield RecordTable(REVIEW_COLUMNS, self._source)
                with VerticalScroll(id="review-text"):
                    yield Static(id="review-words", markup=False)
            with Container(id="review-picture"):
                yield ImagePreview()

    def on_mount(self) -> None:
        self.host.decisions.outcome.subscribe(self, self._decision_ended)

    @property
    def _table(self) -> RecordTable:
        return self.query_one(RecordTable)

    @property
    def _statuses(self) -> tuple[ImageStatus, ...]:
        return TABS[self._tab][1]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        return self.run_query(work, "read the images")

    # ---- what is shown

    async def load(self) -> None:
        if self._wanted_job is not None:
            wanted = {"job": frozenset({self._wanted_job})}
            self._wanted_job = None
            self._bar.change(replace(self._bar.state, chosen=wanted))
        state = self._bar.state
        job = state.value("job")
        job_id = None if job is None else await self.engine.resolve_job(job)
        self._table.empty = (
            "No image fits.\nesc takes the filters off." if state.is_filtered else _EMPTY[self._tab]
        )
        query = image_query(state, self._statuses, job_id, local_today())
        await self._source.show(self.engine, query, without=self.host.decisions.pending)
        if self._return_to is not None and self._table.move_to_key(self._return_to):
            self._return_to = None
        await self._count()
        self._show_current()

    def apply_events(self, events: Sequence[Event]) -> None:
        changed = {event.image_id: event.status for event in events if isinstance(event, ImageChanged)}
        if not changed:
            return
        pending = self.host.decisions.pending
        fitting = {one for one, status in changed.items() if status in self._statuses and one not in pending}
        unknown = {one for one in fitting if self._source.index_of(one) is None}
        if unknown and self._bar.state.is_filtered:
            self._is_reload_due = True
            fitting -= unknown
        self._source.change(added=fitting, removed=changed.keys() - fitting - unknown)
        for image_id in fitting - unknown:
            self._source.forget(image_id)
        if self._count_timer is None:
            self._count_timer = self.set_timer(COUNT_S, self._count_again)

    def _count_again(self) -> None:
        self._count_timer = None
        if self._is_reload_due:
            self._is_reload_due = False
            self.reload()
        else:
            self.run_query(self._count(), "count the images")

    async def _count(self) -> None:
        by_status = (await self.engine.totals()).images_by_status
        numbers = {tab: sum(by_status.get(one, 0) for one in statuses) for tab, (_, statuses) in TABS.items()}
        notes = {tab: count(number) if number else "" for tab, number in numbers.items()}
        self.query_one(TabLine).show(self._tab, notes)

    def _show_current(self) -> None:
        """The picture and the words of the image at the cursor; the next ones are made ready."""
        if not self.is_mounted:
            return
        image, preview = self.current_image(), self.query_one(ImagePreview)
        preview.show(None if image is None else picture_of(self, image))
        words = "" if image is None else (facts_table if self._panel == "facts" else reason_text)(image)
        self.query_one("#review-words", Static).update(words)
        self.query_one("#review-text").set_class(self._panel != "reason", "-whole")
        self._show_count()
        self.refresh_bindings()
        at = self._table.cursor_index
        around = [*range(at + 1, at + 1 + AHEAD), *range(at - 1, at - 1 - BEHIND, -1)]
        keys = (self._source.key_at(index) for index in around)
        views = (self._source.view(key) for key in keys if key is not None)
        preview.prefetch([picture_of(self, view) for view in views if view is not None])

    def _show_count(self) -> None:
        notes = []
        if marks := len(self._table.marks):
            notes.append(f"{count(marks)} marked")
        if pending := len(self.host.decisions.pending):
            notes.append(f"{count(pending)} being decided")
        self._bar.show_count(self._source.count, ", ".join(notes))

    # ---- which images are meant, and what becomes of them

    def current_image(self) -> ImageView | None:
        key = self._table.cursor_key if self.is_mounted else None
        return self._source.view(key) if isinstance(key, int) else None

    def chosen_images(self) -> Sequence[int]:
        marks = self._table.marks
        if marks:
            return [image_id for image_id in self._source.ids if image_id in marks]
        return super().chosen_images()

    def images_decided(self, image_ids: Sequence[int]) -> None:
        self._table.set_marks(self._table.marks - set(image_ids))
        self._source.change(removed=image_ids)
        self._show_current()

    def _decision_ended(self, outcome: Outcome) -> None:
        if outcome.is_undo and outcome.done:
            self._return_to = outcome.done[0]
        if outcome.is_undo or outcome.refused:
            self.reload()
        elif self.is_mounted:
            self._show_count()

    # ---- keys

    def action_next_undecided(self) -> None:
        self._table.move_to(self._table.cursor_index + 1)

    def action_previous_undecided(self) -> None:
        self._table.move_to(self._table.cursor_index - 1)

    def action_reason(self) -> None:
        self._show_panel("whole")

    def action_facts(self) -> None:
        self._show_panel("facts")

    def _show_panel(self, panel: str) -> None:
        """Show it, or the first lines of the reason again."""
        self._panel = "reason" if self._panel == panel else panel
        self._show_current()
        self.query_one("#review-text").scroll_home(animate=False)

    def action_next_tab(self) -> None:
        self._show_tab(self.query_one(TabLine).neighbour(1))

    def action_previous_tab(self) -> None:
        self._show_tab(self.query_one(TabLine).neighbour(-1))

    def _show_tab(self, tab: str) -> None:
        self._tab = tab
        self.query_one(TabLine).show(tab)
        self._table.clear_marks()
        self.reload()

    def show_job(self, job_id: str) -> None:
        """Show only the images of that job."""
        self._wanted_job = job_id
        self.reload()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.check_image_action(action) and super().check_action(action, parameters)

    def path_to_copy(self) -> str | None:
        image = self.current_image()
        return None if image is None else image.file

    def prompt_to_copy(self) -> str | None:
        image = self.current_image()
        return None if image is None else image.prompt

    def step_back(self) -> bool:
        if self._bar.step_back():
            return True
        if self._table.marks:
            self._table.clear_marks()
            return True
        if self._panel != "reason":
            self._show_panel("reason")
            return True
        return False

    # ---- what the widgets tell

    def on_record_table_cursor_moved(self) -> None:
        self._show_current()

    def on_record_table_marks_changed(self) -> None:
        self._show_count()
        self.refresh_bindings()

    def on_record_table_row_opened(self, message: RecordTable.RowOpened) -> None:
        message.stop()
        if isinstance(message.key, int):
            self.post_message(OpenImage(message.key, self._source.ids))

    def on_filter_bar_changed(self, message: FilterBar.Changed) -> None:
        message.stop()
        self.reload()

    def on_tab_line_chosen(self, message: TabLine.Chosen) -> None:
        message.stop()
        self._show_tab(message.tab)


_EMPTY: dict[str, str] = {
    "failed": "Nothing to review.\nRejected and failed images of every job come here.",
    "retry_pending": "No image waits for a retry.",
    "processing": "No retry is at work.",
    "retry_failed": "No retry has failed.",
}
