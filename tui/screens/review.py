"""Failed images, one after the other: list left, one picture right, the reason under the list, a key a verdict; and the
tasks that ended without a picture, for which there is a tab of their own."""

from collections.abc import Coroutine, Sequence
from typing import Any

from rich.console import Group, RenderableType
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from engine.events import Event, ImageChanged
from engine.views import ImageStatus, ImageView, TaskDecisionView
from tui.attempts import Attempts
from tui.dates import local_today
from tui.decisions import Outcome, Verdict
from tui.format import count
from tui.image_actions import JobFilter, job_note, picture_of
from tui.keys import bindings_for
from tui.messages import OpenImage
from tui.retry_actions import RetryActions
from tui.retry_text import attempts_text, retrying_words
from tui.task_actions import TaskActions
from tui.widgets.decision_panel import DecisionPanel
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
from tui.widgets.image_shelf import ImageShelf
from tui.widgets.slowly import Slowly
from tui.widgets.tab_line import TabLine

S = ImageStatus
TABS: dict[str, tuple[str, tuple[ImageStatus, ...]]] = {
    "failed": ("Failed", (S.QC_FAILED, S.FAILED)),
    "retry_pending": ("Retry pending", (S.RETRY_PENDING,)),
    "processing": ("Processing", (S.PROCESSING,)),
    "retry_failed": ("Retry failed", (S.RETRY_FAILED,)),
    "decide": ("Needs a decision", ()),
}
SHORT = {"retry_pending": "Pending", "processing": "At work", "decide": "Decide"}
COUNT_S = 0.5
"""Counts, and lists that must be read anew, are asked for at most so often."""
AHEAD, BEHIND = 3, 1
"""Pictures that are made ready before they are looked at."""
_ON_IMAGES = frozenset({"search", "status", "order", "reverse", "view", "reason", "facts", "undo"})


class ReviewScreen(FilterKeys, RetryActions, TaskActions, JobFilter):
    """The section Review."""

    SECTION = "review"
    BINDINGS = bindings_for("review", "filter")
    AUTO_FOCUS = "ImageShelf RecordTable"

    def __init__(self) -> None:
        super().__init__()
        self._tab = "failed"
        self._panel = "reason"
        self._return_to: int | None = None
        self._is_reload_due = False
        self._counting = Slowly(self, self._count_again, COUNT_S)
        self._attempts = Attempts()

    def compose_body(self) -> ComposeResult:
        yield TabLine([(tab, title) for tab, (title, _) in TABS.items()], short=SHORT)
        yield FilterBar(
            REVIEW_FACETS,
            ORDERS,
            nouns=("image", "images"),
            search_hint="prompt, keyword, title",
            list_selector="ImageShelf RecordTable, ImageShelf GalleryGrid",
        )
        with Horizontal(id="review"):
            with Vertical(id="review-left"):
                yield ImageShelf(
                    REVIEW_COLUMNS, cells=review_cells, spawn=self._spawn, on_loaded=self._show_current
                )
                with VerticalScroll(id="review-text"):
                    yield Static(id="review-words", markup=False)
            with Container(id="review-picture"):
                yield ImagePreview()
        yield DecisionPanel()

    def on_mount(self) -> None:
        self.decisions_panel.display = False
        self.host.decisions.outcome.subscribe(self, self._decision_ended)
        self.watch(self.host, "status", self._show_count, init=False)

    @property
    def _shelf(self) -> ImageShelf:
        return self.query_one(ImageShelf)

    @property
    def _statuses(self) -> tuple[ImageStatus, ...]:
        return TABS[self._tab][1]

    @property
    def _is_deciding(self) -> bool:
        return self._tab == "decide"

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        return self.run_query(work, "read the images")

    # ---- what is shown

    async def load(self) -> None:
        job_id = await self.chosen_job(self._bar)
        if self._is_deciding:
            await self.load_tasks(job_id)
        else:
            await self._load_images(job_id)
        await self._count()
        self._show_count()

    async def _load_images(self, job_id: str | None) -> None:
        state = self._bar.state
        empty = "No image fits.\nesc takes the filters off." if state.is_filtered else _EMPTY[self._tab]
        self._shelf.say_empty(empty)
        query = image_query(state, self._statuses, job_id, local_today())
        await self._shelf.source.show(self.engine, query, without=self.host.decisions.pending)
        if self._return_to is not None and self._shelf.move_to_key(self._return_to):
            self._return_to = None
        self._show_current()

    def apply_events(self, events: Sequence[Event]) -> None:
        changed = {event.image_id: event.status for event in events if isinstance(event, ImageChanged)}
        is_about_tasks = self.is_about_tasks(events)
        if is_about_tasks and self._is_deciding:
            self._is_reload_due = True
        if changed and not self._is_deciding:
            self._apply_images(changed)
        if changed or is_about_tasks:
            self._counting.ask()

    def _apply_images(self, changed: dict[int, str]) -> None:
        pending, source = self.host.decisions.pending, self._shelf.source
        fitting = {one for one, status in changed.items() if status in self._statuses and one not in pending}
        unknown = {one for one in fitting if source.index_of(one) is None}
        if unknown and self._bar.state.is_filtered:
            self._is_reload_due = True
            fitting -= unknown
        self._attempts.forget(changed)
        source.change(added=fitting, removed=changed.keys() - fitting - unknown)
        for image_id in fitting - unknown:
            self._shelf.forget(image_id)
        self._show_count()

    def _count_again(self) -> None:
        if self._is_reload_due:
            self._is_reload_due = False
            self.reload()
        else:
            self.run_query(self._count(), "count the images")

    async def _count(self) -> None:
        by_status = (await self.engine.totals()).images_by_status
        numbers = {tab: sum(by_status.get(one, 0) for one in statuses) for tab, (_, statuses) in TABS.items()}
        numbers["decide"] = await self.engine.undecided_count()
        notes = {tab: count(number) if number else "" for tab, number in numbers.items()}
        self.query_one(TabLine).show(self._tab, notes)

    def _show_current(self) -> None:
        """The picture and the words of the image at the cursor; the next ones are made ready."""
        if not self.is_mounted:
            return
        image, preview = self.current_image(), self.query_one(ImagePreview)
        preview.show(None if image is None else picture_of(self, image))
        self._show_words(image)
        self._show_count()
        self.refresh_bindings()
        at = self._shelf.cursor_index
        around = [*range(at + 1, at + 1 + AHEAD), *range(at - 1, at - 1 - BEHIND, -1)]
        keys = (self._shelf.source.key_at(index) for index in around)
        views = [view for key in keys if key is not None and (view := self._shelf.source.view(key))]
        preview.prefetch([picture_of(self, view) for view in views])
        for view in (image, *views):
            self.know_job(view)

    def _show_words(self, image: ImageView | None) -> None:
        words = self.query_one("#review-words", Static)
        self.query_one("#review-text").set_class(self._panel != "reason", "-whole")
        if image is None:
            words.update("")
            return
        is_facts = self._panel == "facts"
        parts: list[RenderableType] = [(facts_table if is_facts else reason_text)(image)]
        attempts = self._attempts.of(image.image_id)
        if self._panel != "reason" and attempts is None:
            self._spawn(self._read_attempts(image.image_id))
        elif self._panel != "reason" and attempts:
            parts += ["", attempts_text(attempts, with_options=is_facts)]
        words.update(Group(*parts))

    async def _read_attempts(self, image_id: int) -> None:
        self._attempts.keep(image_id, await self.engine.image_attempts(image_id))
        image = self.current_image()
        if image is not None and image.image_id == image_id:
            self._show_words(image)

    def _show_count(self) -> None:
        if not self.is_mounted:
            return
        retrying = retrying_words(self.host.status)
        if self._is_deciding:
            self.decisions_panel.show_line(job_note(self._bar), retrying)
            return
        notes = [retrying] if retrying else []
        if marks := len(self._shelf.marks):
            notes.append(f"{count(marks)} marked")
        if pending := len(self.host.decisions.pending):
            notes.append(f"{count(pending)} being decided")
        self._bar.show_count(self._shelf.source.count, ", ".join(notes))

    # ---- which images are meant, and what becomes of them

    def current_image(self) -> ImageView | None:
        return self._shelf.image if self.is_mounted and not self._is_deciding else None

    def current_id(self) -> int | None:
        return self._shelf.cursor_key if self.is_mounted and not self._is_deciding else None

    def chosen_images(self) -> Sequence[int]:
        if self._is_deciding:
            return []
        marks = self._shelf.marks
        if marks:
            return [image_id for image_id in self._shelf.source.ids if image_id in marks]
        return super().chosen_images()

    def images_decided(self, image_ids: Sequence[int]) -> None:
        self._shelf.set_marks(self._shelf.marks - set(image_ids))
        self._shelf.source.change(removed=image_ids)
        self._show_current()

    def images_ordered(self, image_ids: Sequence[int]) -> None:
        self._shelf.set_marks(self._shelf.marks - set(image_ids))

    def tasks_decided(self, view: TaskDecisionView) -> None:
        self._is_reload_due = True
        self._counting.ask()

    def _decision_ended(self, outcome: Outcome) -> None:
        if outcome.is_undo and outcome.done:
            self._return_to = outcome.done[0]
        is_shown_here = outcome.verdict is Verdict.RETRY and self._tab in ("retry_pending", "processing")
        if outcome.is_undo or outcome.refused or is_shown_here:
            self.reload()
        else:
            self._show_count()

    # ---- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self._is_deciding and action in _ON_IMAGES:
            return False
        return super().check_action(action, parameters)

    def action_next_undecided(self) -> None:
        self._move_by(1)

    def action_previous_undecided(self) -> None:
        self._move_by(-1)

    def _move_by(self, step: int) -> None:
        if self._is_deciding:
            self.decisions_panel.table.move_to(self.decisions_panel.table.cursor_index + step)
        else:
            self._shelf.move_by(step)

    def action_reason(self) -> None:
        self._show_panel("whole")

    def action_facts(self) -> None:
        self._show_panel("facts")

    def _show_panel(self, panel: str) -> None:
        """Show it, or the first lines of the reason again."""
        self._panel = "reason" if self._panel == panel else panel
        self._show_current()
        self.query_one("#review-text").scroll_home(animate=False)

    def action_view(self) -> None:
        self._shelf.toggle()
        self._show_current()

    def action_next_tab(self) -> None:
        self._show_tab(self.query_one(TabLine).neighbour(1))

    def action_previous_tab(self) -> None:
        self._show_tab(self.query_one(TabLine).neighbour(-1))

    def _show_tab(self, tab: str) -> None:
        self._shelf.clear_marks()
        self._tab = tab
        self.query_one(TabLine).show(tab)
        self.query_one("#review").display = self._bar.display = not self._is_deciding
        self.decisions_panel.display = self._is_deciding
        (self.decisions_panel.table if self._is_deciding else self._shelf.seen).focus()
        if self.host.is_attached:
            self.reload()

    def step_back(self) -> bool:
        is_bar_meant = not self._is_deciding or (not self.decisions_panel.table.marks and job_note(self._bar))
        if is_bar_meant and self._bar.step_back():
            return True
        marked = self.decisions_panel.table if self._is_deciding else self._shelf
        if marked.marks:
            marked.clear_marks()
            return True
        if self._panel != "reason" and not self._is_deciding:
            self._show_panel("reason")
            return True
        return False

    # ---- what the widgets tell

    def on_image_shelf_cursor_moved(self) -> None:
        self._show_current()

    def on_image_shelf_marks_changed(self) -> None:
        self._show_count()
        self.refresh_bindings()

    def on_image_shelf_opened(self, message: ImageShelf.Opened) -> None:
        message.stop()
        self.post_message(OpenImage(message.image_id, self._shelf.source.ids))

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
