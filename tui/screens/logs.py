"""The log of all jobs, or of one."""

from collections.abc import Coroutine, Sequence
from typing import Any

from textual.app import ComposeResult

from engine.api import LogQuery
from engine.events import Event, JobChanged
from engine.views import LogView as LogEntry
from tui.factory_screen import FactoryScreen
from tui.messages import OpenJob
from tui.widgets.log_panel import LogPanel
from tui.widgets.log_view import LogView
from tui.widgets.log_window import LogScope


class LogsScreen(FactoryScreen):
    """`job_id` None: everything that was logged."""

    SECTION = "logs"

    def __init__(self, job_id: str | None = None) -> None:
        super().__init__()
        self._scope = LogScope(job_id=job_id)
        self._labels: dict[str, str] = {}

    def compose_body(self) -> ComposeResult:
        yield LogPanel(self._read, self._spawn, self._scope, title=self._title)

    @property
    def _panel(self) -> LogPanel:
        return self.query_one(LogPanel)

    async def _read(self, query: LogQuery) -> list[LogEntry]:
        entries = await self.engine.logs(query)
        for job_id in {entry.job_id for entry in entries} - self._labels.keys():
            if job_id is not None:
                await self._learn(job_id)
        return entries

    async def _learn(self, job_id: str) -> None:
        job = await self.engine.job(job_id)
        self._labels[job_id] = f"#{job.number} {job.label}"

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        return self.run_query(work, "read the log")

    def _title(self, job_id: str | None) -> str:
        return "all jobs" if job_id is None else self._labels.get(job_id, f"job {job_id}")

    async def load(self) -> None:
        scope = self._panel.view.scope
        if scope.job_id is not None:
            await self._learn(scope.job_id)
        await self._panel.view.load()

    def apply_events(self, events: Sequence[Event]) -> None:
        self._panel.view.add_events(events)
        for event in events:
            if isinstance(event, JobChanged) and event.job_id in self._labels:
                self._spawn(self._learn(event.job_id))

    def step_back(self) -> bool:
        return self._panel.step_back()

    def path_to_copy(self) -> str | None:
        return self._panel.line_to_copy()

    def on_log_view_entry_opened(self, message: LogView.EntryOpened) -> None:
        if message.entry.job_id is not None:
            self.post_message(OpenJob(message.entry.job_id))
