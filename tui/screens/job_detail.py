"""One job: what it is and came to, its images, its log, and the settings of its next run."""

from collections.abc import Coroutine, Sequence
from typing import Any

from rich.console import Group
from rich.text import Text
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from engine.api import LogQuery
from engine.events import (
    ConfigurationsChanged,
    Event,
    JobChanged,
    JobCreated,
    JobFinished,
    JobPaused,
    JobProgressed,
    JobStarted,
    JobStatusChanged,
)
from engine.places import Places
from engine.views import JobKind, JobView, LogLevel, ProgressView, SpaceView
from engine.views import LogView as LogEntry
from tui.factory_screen import FactoryScreen
from tui.format import count
from tui.job_actions import AT_WORK
from tui.keys import bindings_for
from tui.next_run_actions import NextRunActions
from tui.retry_text import retry_text
from tui.widgets.filter_bar import FilterBar, FilterKeys
from tui.widgets.input_bar import InputBar
from tui.widgets.job_family import JobFamily, family_of
from tui.widgets.job_images import JobImages
from tui.widgets.job_text import facts_text, settings_text, title_text
from tui.widgets.log_panel import LogPanel
from tui.widgets.log_window import LogScope
from tui.widgets.next_run import NextRun
from tui.widgets.slowly import Slowly
from tui.widgets.tab_line import TabLine
from tui.widgets.text_pane import TextPane

TABS = (("overview", "Overview"), ("images", "Images"), ("logs", "Logs"), ("settings", "Settings"))
RELOAD_S = 0.5
"""The list of images, and what was made from the job, are read anew at most so often."""
_IN_FORM = frozenset({"save", "copy_path", "copy_prompt"})
_OF_IMAGES = frozenset({"search", "status", "order", "reverse", "view"})


class JobDetailScreen(FilterKeys, NextRunActions, FactoryScreen):
    """`neighbours`: the job ids of the list it was opened from, for next and previous."""

    SECTION = "job_detail"
    BINDINGS = bindings_for("job_detail", "filter")
    AUTO_FOCUS = ""

    def __init__(self, job_id: str, neighbours: Sequence[str] = (), *, tab: str = "overview") -> None:
        super().__init__()
        self.job_id = job_id
        self._neighbours = tuple(neighbours) or (job_id,)
        self._deleted = []
        self._tab = tab if tab in dict(TABS) else "overview"
        self._job: JobView | None = None
        self._progress: ProgressView | None = None
        self._family = JobFamily()
        self._space: SpaceView | None = None
        self._settings_text = Text()
        self._loaded: set[str] = set()
        self._images_changed = Slowly(self, self._reload_images, RELOAD_S)
        self._family_changed = Slowly(self, lambda: self._spawn(self._refresh()), RELOAD_S)

    def compose_body(self) -> ComposeResult:
        yield Static(id="job-title", markup=False)
        yield TabLine(TABS, active=self._tab)
        with ContentSwitcher(initial=self._tab, id="job-tabs"):
            yield TextPane(id="overview")
            yield JobImages(self._spawn, id="images")
            yield LogPanel(
                self._read_log,
                self._spawn,
                LogScope(job_id=self.job_id, min_level=LogLevel.INFO),
                title=self._title_of,
                is_one_job=True,
                id="logs",
            )
            yield NextRun(id="settings")
        yield InputBar()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        return self.run_query(work, "read the job")

    async def _read_log(self, query: LogQuery) -> list[LogEntry]:
        return await self.engine.logs(query)

    def _title_of(self, _job_id: str | None) -> str:
        return f"job {self.job_id}" if self._job is None else f"#{self._job.number} {self._job.label}"

    @property
    def _images(self) -> JobImages:
        return self.query_one(JobImages)

    @property
    def _logs(self) -> LogPanel:
        return self.query_one(LogPanel)

    # ---- what is shown

    async def load(self) -> None:
        job_id = self.job_id
        job = await self.engine.job(job_id)
        progress = await self.engine.progress(job_id) if job.status in AT_WORK else None
        if job.kind is JobKind.RETRY:
            as_run = None
            asked = retry_text((await self.engine.job_detail(job_id)).retry or {})
        else:
            as_run = await self.engine.job_settings(job_id)
            asked = settings_text(as_run)
        self._family = await family_of(self.engine, job)
        self._job, self._progress, self.as_run, self._settings_text = job, progress, as_run, asked
        self._space = None
        self._loaded.clear()
        self._show_job()
        self._spawn(self._measure())
        await self._load_tab()

    async def _load_tab(self) -> None:
        """Load what the tab shows, if that was not done yet."""
        tab = self._tab
        if tab in self._loaded or self._job is None:
            return
        self._loaded.add(tab)
        if tab == "images":
            await self._images.load(self.engine, self.job_id)
        elif tab == "logs":
            view = self._logs.view
            if view.scope.job_id == self.job_id:
                await view.load()
            else:
                await self._logs.show(LogScope(job_id=self.job_id, min_level=view.scope.min_level))
        elif tab == "settings":
            await self.load_next_run()
        if self.focused is None:  # a question or a search that was opened meanwhile keeps the focus
            self._focus_tab()

    def _show_job(self) -> None:
        job = self._job
        if job is None:
            return
        place = ""
        if len(self._neighbours) > 1 and self.job_id in self._neighbours:
            place = f"{count(self._neighbours.index(self.job_id) + 1)} of {count(len(self._neighbours))}"
        self.query_one("#job-title", Static).update(title_text(job, self._progress, place))
        heading = "What the retry was asked to do" if job.kind is JobKind.RETRY else "Settings as run"
        facts = facts_text(job, self._progress, self._family, self._space)
        self.query_one("#overview", TextPane).show_text(
            Group(facts, Text(heading, "bold reverse"), self._settings_text)
        )
        shown = job.images.approved + job.images.qc_failed + job.images.failed + job.images.pending
        self.query_one(TabLine).show(self._tab, {"images": count(shown)})
        self.refresh_bindings()

    def apply_events(self, events: Sequence[Event]) -> None:
        if "logs" in self._loaded:
            self._logs.view.add_events(events)
        if "images" in self._loaded and self._images.apply_events(events, self.job_id):
            self._images_changed.ask()
        for event in events:
            match event:
                case JobProgressed() if event.job_id == self.job_id and self._job is not None:
                    self._progress = event.progress
                    self._job = self._job.model_copy(update={"images": event.progress.images})
                    self._show_job()
                case JobStarted() | JobStatusChanged() | JobPaused() | JobFinished() | JobChanged() if (
                    event.job_id == self.job_id
                ):
                    self._spawn(self._refresh())
                case JobCreated():
                    self._family_changed.ask()
                case JobChanged() if self._family.includes(event.job_id):
                    self._family_changed.ask()
                case ConfigurationsChanged() if "settings" in self._loaded:
                    self._spawn(self.load_next_run())
                case _:
                    pass

    async def _refresh(self) -> None:
        job_id = self.job_id
        job = await self.engine.job(job_id)
        progress = await self.engine.progress(job_id) if job.status in AT_WORK else None
        family = await family_of(self.engine, job)
        if job_id == self.job_id:
            self._job, self._progress, self._family = job, progress, family
            self._show_job()
            await self._measure()

    async def _measure(self) -> None:
        """What the job takes on the disk; not while it is at work, since every file is looked at."""
        job_id, job = self.job_id, self._job
        space = None
        if job is not None and job.status not in AT_WORK:
            places = Places(self.host.services.paths, self.host.preferences)
            space = await self.engine.job_space(job_id, places)
        if job_id == self.job_id and space != self._space:
            self._space = space
            self._show_job()

    def _reload_images(self) -> None:
        self._loaded.discard("images")
        if self._tab == "images":
            self._spawn(self._load_images())

    async def _load_images(self) -> None:
        self._loaded.add("images")
        await self._images.load(self.engine, self.job_id)

    def on_filter_bar_changed(self, message: FilterBar.Changed) -> None:
        message.stop()
        self._spawn(self._load_images())

    # ---- tabs and neighbours

    def action_next_tab(self) -> None:
        self._go_to_tab(self.query_one(TabLine).neighbour(1))

    def action_previous_tab(self) -> None:
        self._go_to_tab(self.query_one(TabLine).neighbour(-1))

    def on_tab_line_chosen(self, message: TabLine.Chosen) -> None:
        self._go_to_tab(message.tab)

    def show_settings_tab(self) -> None:
        self._go_to_tab("settings")

    def _go_to_tab(self, tab: str) -> None:
        self._tab = tab
        self.query_one("#job-tabs", ContentSwitcher).current = tab
        self.query_one(TabLine).show(tab)
        self._focus_tab()
        self._spawn(self._load_tab())
        self.refresh_bindings()

    def _focus_tab(self) -> None:
        if self.query_one(InputBar).is_asking:
            return
        form = self.next_run.form
        targets: dict[str, Widget] = {
            "overview": self.query_one("#overview", TextPane),
            "images": self._images.seen,
            "logs": self._logs.view,
            "settings": self.next_run.query_one(TextPane) if form is None else form.fields,
        }
        self.set_focus(targets[self._tab])

    def action_next_job(self) -> None:
        self._go_to_job(1)

    def action_previous_job(self) -> None:
        self._go_to_job(-1)

    def _go_to_job(self, step: int) -> None:
        if self.job_id not in self._neighbours:
            return
        place = self._neighbours.index(self.job_id) + step
        if not 0 <= place < len(self._neighbours):
            self.host.toast(
                "That was the last job of the list." if step > 0 else "That was the first job of the list."
            )
            return
        self.job_id, self.draft = self._neighbours[place], None
        self.query_one("#overview", TextPane).action_first()
        self.reload()

    # ---- which job is meant

    def current_job(self) -> JobView | None:
        """The one shown."""
        return self._job

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        is_editing = self.is_mounted and self._tab == "settings" and self.next_run.form is not None
        if action == "save" or is_editing:
            return is_editing and action in _IN_FORM
        if action in _OF_IMAGES:
            return self._tab == "images"
        if action == "edit" and self._job is not None and self._job.kind is JobKind.RETRY:
            return False
        if action in ("next_job", "previous_job"):
            return len(self._neighbours) > 1
        return self.check_job_action(action) and super().check_action(action, parameters)

    def action_view(self) -> None:
        self._images.toggle_view()

    def path_to_copy(self) -> str | None:
        if self._job is None:
            return None
        if self._tab == "logs":
            return self._logs.line_to_copy()
        image = self._images.image if self._tab == "images" else None
        return self._job.output_dir if image is None else image.file

    def prompt_to_copy(self) -> str | None:
        image = self._images.image if self.is_mounted and self._tab == "images" else None
        return None if image is None else image.prompt

    def step_back(self) -> bool:
        if self.query_one(InputBar).cancel():
            return True
        if self._tab == "images" and self._images.bar.step_back():
            return True
        if self._tab == "logs" and self._logs.step_back():
            return True
        form = self.next_run.form
        if self._tab == "settings" and form is not None:
            if not form.step_back():
                self.close_form()
            return True
        return False
