"""The dashboard: the job at work, the queue, what ended last, totals, log. Everything follows events by itself."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from engine.api import ImageQuery, JobQuery, JobRequest, LogQuery
from engine.events import Event, ImageChanged, JobChanged, JobFinished, JobStatusChanged, LogRecorded
from engine.status import ImageStatus, JobStatus
from tui.factory_screen import FactoryScreen
from tui.format import count, plural
from tui.job_actions import JobActions
from tui.keys import bindings_for
from tui.messages import LeaveForDemo, OpenJob, ShowLogs, ShowStatistics
from tui.queue_actions import QueueActions
from tui.status import FrameStatus, Link
from tui.widgets.job_lists import queue_table, recent_table
from tui.widgets.latest_images import LatestImages
from tui.widgets.log_view import LogView
from tui.widgets.memory_source import MemorySource
from tui.widgets.progress_panel import ProgressPanel
from tui.widgets.record_table import RecordTable
from tui.widgets.slowly import Slowly
from tui.widgets.totals_panel import TotalsPanel
from tui.widgets.welcome_panel import WelcomePanel

if TYPE_CHECKING:
    from engine.views import JobView
    from engine.views import LogView as LogEntry

RECENT = 30
LATEST = 12
LOG_INTERVAL_S = 3.0
"""A new line moves every line of the pane, and all of it is sent to the terminal again."""
LATEST_INTERVAL_S = 90.0
"""Half blocks in full colour cost more bytes than everything else on this screen."""
_ENDED = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED, JobStatus.INTERRUPTED)
_AT_WORK_ACTIONS = frozenset({"stop", "force_stop", "pause"})
_QUEUE_ACTIONS = frozenset({"move_up", "move_down"})
_OF_ONE_JOB = frozenset({"rerun", "remove", "export"})


class DashboardScreen(QueueActions, JobActions, FactoryScreen):
    """Stop and pause mean the job at work, rerun the one in the focused list."""

    SECTION = "dashboard"
    BINDINGS = bindings_for("dashboard")
    AUTO_FOCUS = "#queue"

    def __init__(self) -> None:
        super().__init__()
        self._deleted = []
        self._log_events: list[Event] = []
        self._log = Slowly(self, self._show_log, LOG_INTERVAL_S)
        self._latest = Slowly(self, lambda: self._read(self._load_latest()), LATEST_INTERVAL_S)

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="dashboard"):
            with Vertical(id="dashboard-left"):
                yield WelcomePanel()
                yield ProgressPanel()
                yield _titled(queue_table(), "Queue")
                yield _titled(LogView(self._read_log, self._read, id="dashboard-log"), "Log")
            with Vertical(id="dashboard-right"):
                yield TotalsPanel()
                yield LatestImages()
                yield _titled(recent_table(), "Recent jobs")

    def on_mount(self) -> None:
        self.query_one(WelcomePanel).display = False
        self.query_one(LogView).wrap(is_wrapped=False)
        self.watch(self.host, "status", self._show_status, init=False)

    # ---- what is shown

    async def load(self) -> None:
        self._show_status(self.host.status)
        await self._load_recent()
        if not self._waiting.source.count and self._ended.source.count and self._waiting.has_focus:
            self._ended.focus()  # so that the first key has something to work on
        await self._load_welcome()
        self._log_events.clear()
        await self.query_one(LogView).load()
        await self._load_latest()

    def apply_events(self, events: Sequence[Event]) -> None:
        lines = [event for event in events if isinstance(event, LogRecorded)]
        if lines:
            self._log_events += lines
            self._log.ask()
        if any(isinstance(event, ImageChanged) and event.status == ImageStatus.APPROVED for event in events):
            self._latest.ask()
        if any(isinstance(event, JobFinished) for event in events):
            self._latest.catch_up()
        if any(isinstance(event, JobFinished | JobStatusChanged | JobChanged) for event in events):
            self._read(self._load_recent())

    def _show_status(self, now: FrameStatus) -> None:
        self.query_one(ProgressPanel).show(now.job, now.progress, instead=_instead_of_job(now))
        _memory(self._waiting).replace(now.waiting)
        if now.totals is not None:
            self.query_one(TotalsPanel).show(now.totals, now.undecided)
            if now.totals.jobs:
                self._show_welcome(is_shown=False)

    def _show_log(self) -> None:
        self.query_one(LogView).add_events(self._log_events)
        self._log_events.clear()

    async def _load_recent(self) -> None:
        page = await self.engine.jobs(JobQuery(statuses=_ENDED, limit=RECENT))
        _memory(self._ended).replace(page.rows)

    async def _load_latest(self) -> None:
        page = await self.engine.images(ImageQuery(limit=LATEST))
        await self.query_one(LatestImages).show(page.rows)

    async def _load_welcome(self) -> None:
        totals = self.host.status.totals
        if totals is None or totals.jobs:
            return
        configuration = await self.engine.configuration(None)
        plan = await self.engine.plan_job(
            JobRequest(configuration.settings, configuration=configuration.name)
        )
        self.query_one(WelcomePanel).show(plan.problems, self.host.services.demo_folder or "")
        self._show_welcome(is_shown=True)

    def _show_welcome(self, *, is_shown: bool) -> None:
        if self.query_one(WelcomePanel).display != is_shown:  # setting it lays the whole screen out
            self.query_one(WelcomePanel).display = is_shown
            self.query_one(ProgressPanel).display = not is_shown
            self.refresh_bindings()  # the demo has its key only while it is offered

    def _read(self, work: Coroutine[Any, Any, None]) -> object:
        return self.run_query(work, "show the dashboard")

    async def _read_log(self, query: LogQuery) -> list[LogEntry]:
        return await self.engine.logs(query)

    # ---- which job is meant

    @property
    def _waiting(self) -> RecordTable:
        return self.query_one("#queue", RecordTable)

    @property
    def _ended(self) -> RecordTable:
        return self.query_one("#recent", RecordTable)

    def current_job(self) -> JobView | None:
        return self.host.status.job

    def waiting_job(self) -> JobView | None:
        return _at_cursor(self._waiting)

    def waiting_count(self) -> int:
        return self._waiting.source.count

    async def chosen_jobs(self) -> list[str]:
        if self._ended.has_focus and self._ended.marks:
            return [job.job_id for job in _memory(self._ended).rows if job.job_id in self._ended.marks]
        job = self._chosen
        return [] if job is None else [job.job_id]

    def jobs_done(self, job_ids: Sequence[str]) -> None:
        self._ended.set_marks(self._ended.marks - set(job_ids))

    def step_back(self) -> bool:
        had_marks = bool(self._ended.marks)
        self._ended.clear_marks()
        return had_marks

    @property
    def _chosen(self) -> JobView | None:
        return _at_cursor(self._waiting) or _at_cursor(self._ended)

    def path_to_copy(self) -> str | None:
        job = self._chosen or self.current_job()
        return None if job is None else job.output_dir

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _AT_WORK_ACTIONS:
            return self.current_job() is not None
        if action in _QUEUE_ACTIONS:
            return self.waiting_job() is not None
        if action in _OF_ONE_JOB:
            return self._chosen is not None
        if action == "undo":
            return self.check_job_action(action)
        if action == "demo":
            return bool(self.host.services.demo_folder) and self.query_one(WelcomePanel).display
        return super().check_action(action, parameters)

    def action_remove(self) -> None:
        """A waiting job leaves the queue; an ended one is deleted."""
        if self.waiting_job() is not None:
            super().action_remove()
        else:
            self.action_delete()

    def action_statistics(self) -> None:
        self.post_message(ShowStatistics())

    def action_demo(self) -> None:
        self.post_message(LeaveForDemo())

    # ---- what the lists say

    def on_record_table_marks_changed(self) -> None:
        marked = len(self._ended.marks)
        self._ended.border_title = f"Recent jobs - {count(marked)} marked" if marked else "Recent jobs"

    def on_record_table_row_opened(self, message: RecordTable.RowOpened) -> None:
        message.stop()
        self.post_message(OpenJob(str(message.key), [job.job_id for job in _memory(message.table).rows]))

    def on_log_view_entry_opened(self, message: LogView.EntryOpened) -> None:
        message.stop()
        self.post_message(ShowLogs(message.entry.job_id))

    def on_log_view_changed(self, message: LogView.Changed) -> None:
        message.stop()
        view = message.view
        state = "following" if view.is_following else "not following"
        missed = f", {view.missed} newer" if view.missed else ""
        title = f"Log - {view.scope.min_level} - {state}{missed}"
        if view.border_title != title:
            view.border_title = title

    def on_descendant_focus(self) -> None:
        self.refresh_bindings()

    def on_record_table_cursor_moved(self) -> None:
        self.refresh_bindings()


def _instead_of_job(now: FrameStatus) -> list[Text]:
    """What is said where no job is shown."""
    if now.link is not Link.ATTACHED:
        return [Text("Not known: the engine does not answer yet.", style="dim")]
    lines = [Text.assemble("Nothing is at work.  Press ", ("s", "bold cyan"), " to start a job.")]
    if now.to_review:
        waiting = plural(now.to_review, "image") + (" waits" if now.to_review == 1 else " wait")
        lines.append(Text.assemble(f"{waiting} for your decision.  Press ", ("3", "bold cyan"), "."))
    return lines


def _titled[Titled: Widget](widget: Titled, title: str) -> Titled:
    widget.border_title = title
    return widget


def _memory(table: RecordTable) -> MemorySource[JobView]:
    assert isinstance(table.source, MemorySource)
    return table.source


def _at_cursor(table: RecordTable) -> JobView | None:
    """The job at the cursor of the list, if the list has the focus."""
    return _memory(table).row(table.cursor_key) if table.has_focus else None
