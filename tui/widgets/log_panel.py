"""A log with its keys: level, stage, search, wrap, save; a line that says what is shown and one about the cursor."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from engine.api import LogQuery
from engine.text import clean_text, safe_label
from engine.views import LogLevel, Stage
from tui.format import count, local_time, plural
from tui.host import FactoryHost
from tui.keys import bindings_for
from tui.log_text import log_line
from tui.widgets.log_cursor import Spawn
from tui.widgets.log_pages import ReadLog
from tui.widgets.log_view import LogView
from tui.widgets.log_window import LogScope

_SAVED_AT_ONCE = 2_000
_LEVELS = tuple(LogLevel)
_OF_THE_VIEW = "logs.follow"


class LogPanel(Vertical):
    """Holds a LogView; its actions are the `logs.*` of the key table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings_for("logs") if isinstance(one, Binding) and one.id != _OF_THE_VIEW
    ]

    def __init__(
        self,
        read: ReadLog,
        spawn: Spawn,
        scope: LogScope | None = None,
        *,
        title: Callable[[str | None], str] = lambda job_id: "all jobs" if job_id is None else f"job {job_id}",
        is_one_job: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name for it
    ) -> None:
        """`title` names a job for people; `is_one_job`: its log and no other can be shown."""
        super().__init__(id=id)
        self._read = read
        self._view = LogView(read, spawn, scope)
        self._spawn = spawn
        self._title = title
        self._is_one_job = is_one_job

    def compose(self) -> ComposeResult:
        yield Static(id="log-title", markup=False)
        yield self._view
        yield Static(id="log-entry", markup=False)
        yield Input(id="log-search", placeholder="text to find; enter goes there", compact=True)

    def on_mount(self) -> None:
        self._field.display = False
        self._update()

    # ---- what screens use

    @property
    def view(self) -> LogView:
        """The log itself."""
        return self._view

    async def show(self, scope: LogScope) -> None:
        """Show these entries from now on."""
        await self._view.show(scope)
        self._update()

    def step_back(self) -> bool:
        """Give the search up; False where there is none."""
        if not self._field.display and not self._view.words:
            return False
        self._field.display = False
        self._view.words = ""
        self._view.focus()
        self._update()
        self.refresh_bindings()
        return True

    def line_to_copy(self) -> str | None:
        """The entry at the cursor as a line of a file."""
        entry = self._view.entry
        return None if entry is None else log_line(entry)

    # ---- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("next_match", "previous_match"):
            return bool(self._view.words)
        if action == "this_job":
            return not self._is_one_job
        return True

    def action_level(self) -> None:
        scope = self._view.scope
        level = _LEVELS[(_LEVELS.index(scope.min_level) + 1) % len(_LEVELS)]
        self._spawn(self.show(replace(scope, min_level=level)))

    def action_stage(self) -> None:
        stages: list[str | None] = [None, *(stage.value for stage in Stage)]
        scope = self._view.scope
        stage = stages[(stages.index(scope.stage) + 1) % len(stages)]
        self._spawn(self.show(replace(scope, stage=stage)))

    def action_this_job(self) -> None:
        scope, entry = self._view.scope, self._view.entry
        if scope.job_id is not None:
            self._spawn(self.show(replace(scope, job_id=None)))
        elif entry is not None and entry.job_id is not None:
            self._spawn(self.show(replace(scope, job_id=entry.job_id)))
        else:
            self._host.toast("This line belongs to no job.")

    def action_search(self) -> None:
        self._field.display = True
        self._field.value = self._view.words
        self._field.focus()

    def on_input_changed(self, message: Input.Changed) -> None:
        message.stop()
        self._view.words = message.value.strip()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self._field.display = False
        self._view.focus()
        self._update()
        self.refresh_bindings()
        if self._view.words:
            self._spawn(self._find_nearest())

    def action_next_match(self) -> None:
        self._spawn(self._find(is_forward=True))

    def action_previous_match(self) -> None:
        self._spawn(self._find(is_forward=False))

    def action_wrap(self) -> None:
        self._view.wrap(is_wrapped=not self._view.is_wrapped)

    def action_save(self) -> None:
        self._host.run_command(self._save(), "save the log")

    # ---- work

    async def _find_nearest(self) -> None:
        """At the cursor or before it, else after it: whoever searches mostly looks back from the newest line."""
        is_found = await self._view.find(is_forward=False, is_here_too=True)
        if not is_found and not await self._view.find(is_forward=True):
            self._host.toast(f"“{self._view.words}” is nowhere in this log.", severity="warning")

    async def _find(self, *, is_forward: bool) -> None:
        if not await self._view.find(is_forward=is_forward):
            where = "after" if is_forward else "before"
            self._host.toast(f"“{self._view.words}” is not {where} this line.")

    async def _save(self) -> None:
        """Write every stored entry that is shown, not only those in memory, and say where."""
        scope = self._view.scope
        folder = self._host.services.paths.default_export_dir
        name = "all_jobs" if scope.job_id is None else safe_label(self._title(scope.job_id))
        path = folder / f"{name}_{datetime.now().astimezone():%Y%m%d_%H%M%S}.log"
        part = path.with_name(f"{path.name}.part")
        entries = 0
        query = LogQuery(
            job_id=scope.job_id,
            min_level=scope.min_level,
            stage=scope.stage,
            after_entry_id=0,
            limit=_SAVED_AT_ONCE,
        )
        await asyncio.to_thread(_begin, part)
        try:
            while page := await self._read(query):
                lines = "".join(f"{log_line(entry)}\n" for entry in page)
                await asyncio.to_thread(_append, part, lines)
                entries += len(page)
                query = replace(query, after_entry_id=page[-1].entry_id)
            await asyncio.to_thread(part.replace, path)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)
        self._host.toast(str(path), title=f"Saved {plural(entries, 'line')}")

    # ---- what is said

    def on_log_view_changed(self, message: LogView.Changed) -> None:
        message.stop()
        self._update()

    def _update(self) -> None:
        if not self.is_mounted:
            return
        scope = self._view.scope
        level = scope.min_level.value
        parts = [f" Log of {clean_text(self._title(scope.job_id), limit=60)}"]
        if self._view.words:
            parts.append(f"“{clean_text(self._view.words, limit=30)}” (n N)")
        parts += [
            level if scope.min_level is _LEVELS[-1] else f"{level} and above",
            "every stage" if scope.stage is None else f"stage {scope.stage}",
            "following" if self._view.is_following else "not following (F)",
        ]
        if self._view.missed:
            parts.append(f"{count(self._view.missed)} newer")
        self._say("#log-title", "  ·  ".join(parts))
        entry = self._view.entry
        about = ""
        if entry is not None:
            image = "" if entry.image_number is None else f"  ·  image {entry.image_number}"
            job = "" if entry.job_id is None else f"  ·  {self._title(entry.job_id)}"
            stage = f"  ·  {entry.stage}" if entry.stage else ""
            about = f" {local_time(entry.at, seconds=True)}  ·  {entry.level}{stage}{image}{clean_text(job)}"
        self._say("#log-entry", about, "dim")

    def _say(self, selector: str, text: str, style: str = "") -> None:
        """These lines change ten times a second: only what differs is drawn, and nothing is laid out."""
        line = self.query_one(selector, Static)
        if str(line.content) != text:
            line.update(Text(text, style, no_wrap=True, overflow="ellipsis"), layout=False)

    @property
    def _field(self) -> Input:
        return self.query_one("#log-search", Input)

    @property
    def _host(self) -> FactoryHost:
        return cast("FactoryHost", self.app)


def _begin(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("", "utf-8")


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
