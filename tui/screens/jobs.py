"""All jobs: filtered, sorted, marked across pages, run again, deleted."""

from collections.abc import Coroutine, Sequence
from typing import Any

from textual.app import ComposeResult

from engine.events import (
    Event,
    JobChanged,
    JobCreated,
    JobFinished,
    JobPaused,
    JobProgressed,
    JobStarted,
    JobStatusChanged,
)
from engine.views import JobView
from tui.dates import local_today
from tui.factory_screen import FactoryScreen
from tui.format import count
from tui.job_actions import JobActions
from tui.keys import bindings_for
from tui.messages import OpenJob
from tui.widgets.filter_bar import FilterBar, FilterKeys
from tui.widgets.input_bar import InputBar
from tui.widgets.job_rows import ARROWS, COLUMNS, FACETS, ORDERS, job_cells, job_key, job_query
from tui.widgets.list_source import JobListing, PagedSource
from tui.widgets.record_table import RecordTable
from tui.widgets.slowly import Slowly

RELOAD_S = 0.5
"""The list is read anew at most so often, whatever happens."""


class JobsScreen(FilterKeys, JobActions, FactoryScreen):
    """The section Jobs."""

    SECTION = "jobs"
    BINDINGS = bindings_for("jobs", "filter")
    AUTO_FOCUS = "RecordTable"

    def __init__(self) -> None:
        super().__init__()
        self._source: PagedSource[JobView] = PagedSource(key=job_key, cells=job_cells, spawn=self._spawn)
        self._deleted = []
        self._hidden_marks = 0
        self._list_changed = Slowly(self, self.reload, RELOAD_S)

    def compose_body(self) -> ComposeResult:
        yield FilterBar(FACETS, ORDERS, nouns=("job", "jobs"), search_hint="label or id")
        yield RecordTable(COLUMNS, self._source)
        yield InputBar()

    @property
    def _table(self) -> RecordTable:
        return self.query_one(RecordTable)

    @property
    def _bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        return self.run_query(work, "read the jobs")

    # ---- what is shown

    async def load(self) -> None:
        state = self._bar.state
        query = job_query(state, local_today())
        column, is_descending = ARROWS[state.order]
        self._table.set_order(column, is_descending=is_descending != state.is_reversed)
        self._table.empty = (
            "No job fits.\nesc takes the filters off."
            if state.is_filtered
            else "No jobs yet.\n1 goes to the dashboard, where s starts one."
        )
        await self._source.show(JobListing(self.engine, query))
        self._hidden_marks = 0
        if self._table.marks and state.is_filtered:
            self._hidden_marks = len(self._table.marks - set(await self.engine.job_ids(query)))
        self._show_count()
        self.refresh_bindings()

    def apply_events(self, events: Sequence[Event]) -> None:
        changed: dict[str, None] = {}
        for event in events:
            match event:
                case JobCreated():
                    self._list_changed.ask()
                case JobProgressed():
                    self._show_progress(event)
                case JobStarted() | JobStatusChanged() | JobPaused() | JobFinished() | JobChanged():
                    changed[event.job_id] = None
                case _:
                    pass
        if changed:
            self._spawn(self._refresh(list(changed)))

    def _show_progress(self, event: JobProgressed) -> None:
        job = self._source.row(event.job_id)
        if job is not None:
            progress = event.progress
            self._source.patch(
                job.model_copy(update={"images": progress.images, "spend_usd": progress.spend_usd})
            )

    async def _refresh(self, job_ids: Sequence[str]) -> None:
        """Ask for single jobs again; those that may come into the list or leave it need the list again."""
        is_moving = self._bar.state.is_filtered
        for job_id in job_ids:
            job = await self.engine.job(job_id)
            is_listed = self._source.row(job_id) is not None
            if job.deleted_at is not None or not is_listed:
                is_moving = True
            else:
                self._source.patch(job)
        if is_moving:
            self._list_changed.ask()
        self.refresh_bindings()

    def _show_count(self) -> None:
        marks = len(self._table.marks)
        note = ""
        if marks:
            note = f"{count(marks)} marked"
            if self._hidden_marks:
                note += f", {count(self._hidden_marks)} of them not shown"
        self._bar.show_count(self._source.count, note)

    def on_filter_bar_changed(self, message: FilterBar.Changed) -> None:
        message.stop()
        self.reload()

    def on_record_table_marks_changed(self) -> None:
        self._show_count()
        self.refresh_bindings()

    def on_record_table_cursor_moved(self) -> None:
        self.refresh_bindings()

    # ---- which jobs are meant

    def current_job(self) -> JobView | None:
        """The one at the cursor."""
        return None if not self.is_mounted else self._source.row(self._table.cursor_key)

    async def chosen_jobs(self) -> list[str]:
        marks = self._table.marks
        if not marks:
            return await super().chosen_jobs()
        return [str(key) for key in await self._source.all_keys() if key in marks]

    def jobs_done(self, job_ids: Sequence[str]) -> None:
        self._table.set_marks(self._table.marks - set(job_ids))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.check_job_action(action) and super().check_action(action, parameters)

    def path_to_copy(self) -> str | None:
        job = self.current_job()
        return None if job is None else job.output_dir

    def step_back(self) -> bool:
        if self.query_one(InputBar).cancel() or self._bar.step_back():
            return True
        if self._table.marks:
            self._table.clear_marks()
            return True
        return False

    def on_record_table_row_opened(self, message: RecordTable.RowOpened) -> None:
        message.stop()
        self.run_query(self._open(str(message.key)), "open the job")

    async def _open(self, job_id: str) -> None:
        self.post_message(OpenJob(job_id, [str(key) for key in await self._source.all_keys()]))
