"""The app's link to the engine: attaches, brings events to the screens that can be seen, keeps the header's facts, and
attaches anew after a loss. Knows no particular screen."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from textual.screen import ModalScreen, Screen

from engine.errors import FactoryError, SettingsError
from engine.events import EngineAnswers, EngineSilent, Event, JobFinished, JobPaused, Resynced
from engine.explain import explain
from engine.greeting import engine_is_silent
from engine.status import JobKind, JobStatus
from tui.bridge import bring_events
from tui.factory_screen import FactoryScreen
from tui.format import advice
from tui.host import FactoryHost, Severity
from tui.later import Later
from tui.notifier import Notifier
from tui.services import AppServices
from tui.status import FrameStatus, Link, needs_query, read_status

logger = logging.getLogger(__name__)

STATUS_INTERVAL_S = 0.5
FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 10.0


class LinkedHost(FactoryHost):
    """Begins on mount, and lets go of the engine before the event loop ends."""

    def __init__(self, services: AppServices) -> None:
        super().__init__(services)
        self.notifier = Notifier(self.write_sequence, lambda: self.preferences.notifications)
        self._is_status_wanted = False
        self._is_status_asked = False
        self._link: asyncio.Task[None] | None = None
        self._told_version = ""
        self.refusal: SettingsError | None = None
        """What is wrong in config.toml, where the app ended for it."""

    def begin_link(self) -> None:
        """Attach, now and after every loss, until `end_link`. A second time changes nothing."""
        if self._link is None:
            self._link = asyncio.create_task(self._begin(), name="engine")

    async def end_link(self) -> None:
        """Let go of the engine: its connections must be closed before the loop ends."""
        if self._link is not None:
            self._link.cancel()
            await asyncio.wait([self._link])

    async def _begin(self) -> None:
        """Complete the first look, then attach."""
        if self._preferences is None:
            try:
                # Loading the models takes long: beside the event loop.
                preferences = await asyncio.to_thread(lambda: self.preferences)
            except SettingsError as error:
                self.refusal = error
                self.exit()
                return
            self.use_preferences(preferences)
        self.tell_problems()
        await self._stay_attached()

    async def _stay_attached(self) -> None:
        """Attach, bring events, and after a loss attach again, waiting longer each time it fails."""
        wait_s = FIRST_RETRY_S
        while True:
            problem = ""
            try:
                async with self.services.attach() as engine, engine.subscribe() as subscription:
                    self._engine = engine
                    self.status = await read_status(engine)
                    self._tell_version(getattr(engine, "version_notice", ""))
                    wait_s = FIRST_RETRY_S
                    self._deliver([Resynced()])
                    await bring_events(subscription, self._deliver)
            except Exception as error:
                known = explain(error)
                problem = (
                    f"{type(error).__name__}: {error}" if known is None else advice(known.message, known.hint)
                )
                logger.warning("the engine: %s", problem, exc_info=error if known is None else None)
            self._engine = None
            self._show_link(Link.LOST, problem)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_RETRY_S)

    def _show_link(self, link: Link, problem: str) -> None:
        self.status = replace(self.status, link=link, problem=problem)
        self.refresh_bindings()

    def _tell_version(self, notice: str) -> None:
        if notice and notice != self._told_version:
            self.toast(notice, title="Another version", severity="warning")
        self._told_version = notice

    def _deliver(self, events: Sequence[Event]) -> None:
        if needs_query(events):
            self._ask_status()
        for event in events:
            if isinstance(event, EngineSilent):
                silent = engine_is_silent(event.pid)
                self._show_link(Link.SILENT, advice(silent.message, silent.hint))
            elif isinstance(event, EngineAnswers):
                self._show_link(Link.ATTACHED, "")
            elif isinstance(event, JobFinished):
                self.run_command(self._announce(event.job_id), "say how the job ended")
            elif isinstance(event, JobPaused) and event.code != "user":
                self.notifier.ring()
                self.toast(f"{event.message} {event.hint}", title="The job is paused", severity="warning")
        visible = set(self._visible_screens())
        for screen in [screen for stack in self._screen_stacks.values() for screen in stack]:
            if isinstance(screen, FactoryScreen):
                screen.take_events(events, is_visible=screen in visible)

    async def _announce(self, job_id: str) -> None:
        job = await self.engine.job(job_id)
        if job.kind is JobKind.RETRY and job.images.planned == 1 and job.status is JobStatus.COMPLETED:
            return  # one after the other, while somebody looks at them: the tabs of review say it
        self.notifier.ring()
        counts = job.images
        text = f"{counts.approved} approved, {counts.qc_failed} rejected, {counts.failed} failed"
        severity: Severity = "information" if job.status is JobStatus.COMPLETED else "warning"
        reason = "" if job.error is None else f"\n{job.error.message} {job.error.hint}"
        self.toast(f"{text}{reason}", title=f"#{job.number} {job.label}: {job.status}", severity=severity)

    def _visible_screens(self) -> Iterator[Screen[Any]]:
        """The top of the stack, and what can be seen behind dialogs."""
        for screen in reversed(self.screen_stack):
            yield screen
            if not isinstance(screen, ModalScreen):
                return

    def _ask_status(self) -> None:
        self._is_status_wanted = True
        if not self._is_status_asked:
            self._is_status_asked = True
            self.run_worker(Later(self._read_status()), name="header", exit_on_error=False)

    async def _read_status(self) -> None:
        """Ask for the header's facts, at most twice a second, until nothing has happened meanwhile."""
        try:
            while self._is_status_wanted and self._engine is not None:
                self._is_status_wanted = False
                engine = self._engine
                with contextlib.suppress(FactoryError):  # a lost engine says so by itself
                    status = await read_status(engine)
                    if engine is self._engine:
                        if getattr(engine, "is_silent", False):  # its rows can still be read
                            status = replace(status, link=self.status.link, problem=self.status.problem)
                        self.status = status
                await asyncio.sleep(STATUS_INTERVAL_S)
        finally:
            self._is_status_asked = False

    def watch_status(self, before: FrameStatus, now: FrameStatus) -> None:
        self.notifier.follow(now)
        if (before.job is None) != (now.job is None) or before.link is not now.link:
            self.refresh_bindings()
