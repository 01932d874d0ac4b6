"""The app: sections, the link to the engine, navigation, quitting. What screens may use of it is in tui.host."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

from rich.console import RenderableType
from textual._context import active_message_pump
from textual.binding import BindingType
from textual.command import CommandPalette, Provider
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.worker import WorkerFailed

from engine.errors import FactoryError
from engine.events import Event, JobFinished, JobPaused, Resynced
from engine.explain import explain
from engine.views import JobStatus
from tui import messages
from tui.bridge import bring_events
from tui.commands import ActionCommands
from tui.exit_signals import let_go_of
from tui.factory_screen import FactoryScreen
from tui.host import FactoryHost, Severity
from tui.keys import Action, action_of, bindings_for, display_keys
from tui.navigation import BROKEN, SECTION_SCREENS, make_screen, section_modes
from tui.notifier import Notifier
from tui.services import AppServices
from tui.status import FrameStatus, Link, needs_query, read_status, with_progress
from tui.themes import DARK_TERMINAL, LIGHT_TERMINAL, THEMES

logger = logging.getLogger(__name__)

STATUS_INTERVAL_S = 0.5
FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 10.0
MOST_BREAKDOWNS = 5


def stylesheet() -> Path:
    """`styles.tcss`: inside this package in an installed wheel, beside the packages in a checkout."""
    inside = Path(__file__).with_name("styles.tcss")
    return inside if inside.exists() else Path(__file__).parents[1] / "styles.tcss"


class FactoryApp(FactoryHost):
    """Run it with `run()`; its return code is the program's exit status."""

    TITLE = "gimf"
    CSS_PATH = stylesheet()
    MODES: ClassVar[dict[str, Any]] = section_modes()
    DEFAULT_MODE = "dashboard"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionCommands}
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("global")

    def __init__(self, services: AppServices) -> None:
        super().__init__(services)
        self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)
        self.ansi_theme_dark, self.ansi_theme_light = DARK_TERMINAL, LIGHT_TERMINAL
        self.wants_demo = False
        """The user left for the demo."""
        self._breakdowns = 0
        self._broken: WeakSet[Screen[Any]] = WeakSet()
        self._is_status_wanted = False
        self._is_status_asked = False
        self._link: asyncio.Task[None] | None = None
        self._notifier = Notifier(self.write_sequence, lambda: self.preferences.notifications)

    def on_mount(self) -> None:
        self.use_preferences(self.services.preferences)
        for problem in self.keymap_problems:
            self.toast(problem, title="config.toml", severity="warning")
        self._link = asyncio.create_task(self._stay_attached(), name="engine")

    async def on_unmount(self) -> None:
        """Let go of the engine: its connections must be closed before the loop ends."""
        if self._link is not None:
            self._link.cancel()
            await asyncio.wait([self._link])

    # ---- the link to the engine

    async def _stay_attached(self) -> None:
        """Attach, bring events, and after a loss attach again, waiting longer each time it fails."""
        wait_s = FIRST_RETRY_S
        while True:
            problem = ""
            try:
                async with self.services.attach() as engine, engine.subscribe() as subscription:
                    self._engine = engine
                    self.status = await read_status(engine)
                    wait_s = FIRST_RETRY_S
                    self._deliver([Resynced()])
                    await bring_events(subscription, self._deliver)
            except Exception as error:
                known = explain(error)
                problem = f"{type(error).__name__}: {error}" if known is None else known.message
                logger.warning("the engine: %s", problem, exc_info=error if known is None else None)
            self._engine = None
            self.status = replace(self.status, link=Link.LOST, problem=problem)
            self.refresh_bindings()
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_RETRY_S)

    def _deliver(self, events: Sequence[Event]) -> None:
        self.status = with_progress(self.status, events)
        if needs_query(events):
            self._ask_status()
        for event in events:
            if isinstance(event, JobFinished):
                self.run_command(self._announce(event.job_id), "say how the job ended")
            elif isinstance(event, JobPaused) and event.code != "user":
                self._notifier.ring()
                self.toast(f"{event.message} {event.hint}", title="The job is paused", severity="warning")
        visible = set(self._visible_screens())
        for screen in [screen for stack in self._screen_stacks.values() for screen in stack]:
            if isinstance(screen, FactoryScreen):
                screen.take_events(events, is_visible=screen in visible)

    async def _announce(self, job_id: str) -> None:
        job = await self.engine.job(job_id)
        self._notifier.ring()
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
            self.run_worker(self._read_status(), name="header", exit_on_error=False)

    async def _read_status(self) -> None:
        """Ask for the header's facts, at most twice a second, until nothing has happened meanwhile."""
        try:
            while self._is_status_wanted and self._engine is not None:
                self._is_status_wanted = False
                with contextlib.suppress(FactoryError):  # a lost engine says so by itself
                    self.status = await read_status(self._engine)
                await asyncio.sleep(STATUS_INTERVAL_S)
        finally:
            self._is_status_asked = False

    def watch_status(self, before: FrameStatus, now: FrameStatus) -> None:
        self._notifier.follow(now)
        if (before.job is None) != (now.job is None) or before.link is not now.link:
            self.refresh_bindings()

    # ---- sections and screens

    async def perform(self, action: Action) -> None:
        """Carry out an action by its id, as its key would; one of another section goes there first."""
        if action.is_anywhere and action.section in SECTION_SCREENS:
            await self._go(action.section)
        found = [one for one in self.screen.active_bindings.values() if one.binding.id == action.id]
        if found and found[0].enabled:
            await self.run_action(action.verb, found[0].node)
        else:
            self.toast(f"{action.label}: there is nothing here now that it could be done to.")

    async def _go(self, section: str) -> None:
        while len(self.screen_stack) > 1 and isinstance(self.screen, ModalScreen):
            await self.pop_screen()
        if section == self.current_mode or not self._is_held_back(partial(self._go, section)):
            await self.switch_mode(section)

    def _is_held_back(self, leave: Callable[[], Awaitable[None]]) -> bool:
        """Whether the screen asks something before it is left; `leave` goes on then."""
        return isinstance(self.screen, FactoryScreen) and self.screen.asks_before_leaving(leave)

    async def action_dashboard(self) -> None:
        await self._go("dashboard")

    async def action_jobs(self) -> None:
        await self._go("jobs")

    async def action_review(self) -> None:
        await self._go("review")

    async def action_gallery(self) -> None:
        await self._go("gallery")

    async def action_settings(self) -> None:
        await self._go("settings")

    async def on_show_section(self, message: messages.ShowSection) -> None:
        await self._go(message.section)
        show_job = getattr(self.screen, "show_job", None)
        if message.job_id is not None and show_job is not None:
            show_job(message.job_id)

    async def on_open_job(self, message: messages.OpenJob) -> None:
        screen = make_screen(
            "tui.screens.job_detail:JobDetailScreen", message.job_id, message.neighbours, tab=message.tab
        )
        await self.push_screen(screen)

    async def on_open_image(self, message: messages.OpenImage) -> None:
        await self.push_screen(
            make_screen("tui.screens.viewer:ViewerScreen", message.image_id, message.neighbours)
        )

    async def on_show_logs(self, message: messages.ShowLogs) -> None:
        await self.push_screen(make_screen("tui.screens.logs:LogsScreen", message.job_id))

    async def on_start_job(self, message: messages.StartJob) -> None:
        await self.push_screen(make_screen("tui.screens.start_dialog:StartDialog", message.configuration))

    async def action_logs(self) -> None:
        self.post_message(messages.ShowLogs())

    async def action_help(self) -> None:
        section = getattr(self.screen, "SECTION", "")
        await self.push_screen(make_screen("tui.screens.help:HelpScreen", section))

    async def action_palette(self) -> None:
        if not isinstance(self.screen, CommandPalette):
            await self.push_screen(CommandPalette(placeholder="Find an action"))

    def action_redraw(self) -> None:
        self.refresh(layout=True)
        self.screen.refresh(layout=True)

    # ---- back and out

    async def action_back(self) -> None:
        """One step back; never out of the program."""
        screen = self.screen
        if isinstance(screen, FactoryScreen) and screen.step_back():
            return
        if len(self.screen_stack) > 1:
            await self.pop_screen()

    async def action_close(self) -> None:
        """Close the top screen; in a section leave the program."""
        if len(self.screen_stack) > 1:
            if not self._is_held_back(self.action_close):
                await self.pop_screen()
        else:
            await self.action_quit()

    async def action_quit(self) -> None:
        """Leave; ask first where a job runs, or where something is not saved."""
        if self._is_held_back(self.action_quit):
            return
        if self.status.job is None or not self.is_attached:
            self.exit(0)
            return
        dialog = make_screen(
            "tui.screens.quit_dialog:QuitDialog",
            self.status.job,
            ends_with_window=self.services.ends_with_window,
        )
        await self.push_screen(dialog, self._leave)

    def _leave(self, answer: str | None) -> None:
        if answer == "leave":
            self.exit(0)
        elif answer == "stop":
            self.run_command(self._stop_and_leave(), "stop the job")

    async def _stop_and_leave(self) -> None:
        if self.status.job is not None:
            await self.engine.stop_job(self.status.job.job_id)
        self.exit(0)

    def exit(
        self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """As Textual's; what was set outside of the window is taken back."""
        if self._driver is not None:
            self._notifier.close()
        super().exit(result, return_code, message)

    def leave(self, exit_status: int) -> None:
        """End soon with this status. May be called from a signal handler or another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._leave_with, exit_status)

    def _leave_with(self, exit_status: int) -> None:
        if exit_status == 128 + signal.SIGHUP:
            let_go_of(self._driver)
        if exit_status == 128 + signal.SIGHUP and self.preferences.on_hangup == "stop":
            self.run_command(self._end_engine_and_leave(exit_status), "end the engine")
        else:
            self.exit(return_code=exit_status)

    async def _end_engine_and_leave(self, exit_status: int) -> None:
        try:
            if self.services.end_engine is not None:
                await self.services.end_engine()
        finally:
            self.exit(return_code=exit_status)

    def on_leave_for_demo(self) -> None:
        self.wants_demo = True
        self.exit(0)

    def action_help_quit(self) -> None:
        self.toast(f"Press {display_keys(action_of('global.close'), self.keymap)} to leave.")

    # ---- breakdowns

    async def run_action(self, *arguments: Any, **options: Any) -> bool:
        """As Textual's, but an action that fails is reported instead of ending the app."""
        try:
            return await super().run_action(*arguments, **options)
        except Exception as error:  # noqa: BLE001 - the edge of a key press
            self.report(error, "do that")
            return True

    async def _dispatch_message(self, message: Any) -> None:
        """As Textual's, but the app's own loop outlives a handler that fails."""
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001 - the edge of a message
            self.report(error, "do that")

    def _handle_exception(self, error: Exception) -> None:
        """A screen or widget broke down: log it, close that screen, keep the app; no traceback on the screen.

        Textual has ended the message loop of whatever failed, so the screen it belongs to is of no more use.
        """
        if isinstance(error, WorkerFailed):
            self.report(_cause(error), "do that")
            return
        self.note_fault(error)
        screen = self._screen_of(active_message_pump.get(None))
        if screen is not None and screen in self._broken:
            return  # it goes on breaking with every refresh until it is closed
        logger.error("a screen broke down", exc_info=error)
        if screen is not None:
            self._broken.add(screen)
            self._breakdowns += 1
        if screen is None or self._breakdowns > MOST_BREAKDOWNS or not self._running:
            self._give_up()
            return
        self.call_later(self._close_broken, screen)

    def _screen_of(self, pump: object) -> Screen[Any] | None:
        """The screen that the failing part belongs to; what fails in the app's own loop is a screen's layout."""
        if isinstance(pump, Screen):
            return pump
        if isinstance(pump, Widget) and pump.is_attached:
            return pump.screen
        return self.screen_stack[-1] if pump is self and self.screen_stack else None

    async def _close_broken(self, screen: Screen[Any]) -> None:
        name = getattr(screen, "section_title", type(screen).__name__)
        for mode, stack in list(self._screen_stacks.items()):
            if screen not in stack:
                continue
            if screen is stack[0]:
                if mode == self.current_mode:
                    self.switch_mode(BROKEN)
                self.remove_mode(mode)
                self.add_mode(mode, section_modes()[mode])
            else:
                while screen in stack:
                    self.pop_screen()
        self.toast(
            f"It was closed; jobs are not touched. The log has the details: {self.services.paths.log_file}",
            title=f"{name} broke down",
            severity="error",
        )

    def panic(self, *renderables: RenderableType) -> None:
        """Called by Textual where it cannot go on, such as when keys cannot be read any more."""
        logger.error("Textual cannot go on: %s", "; ".join(self._plain(one) for one in renderables))
        self._give_up()

    def _plain(self, renderable: RenderableType) -> str:
        return "".join(segment.text for segment in self.console.render(renderable))

    def _print_error_renderables(self) -> None:
        """As Textual's; a terminal that is gone is told nothing."""
        with contextlib.suppress(OSError):
            super()._print_error_renderables()

    def _give_up(self) -> None:
        self.exit(
            return_code=1,
            message="The program's screen broke down and was closed; jobs are not touched.\n"
            f"The log has the details: {self.services.paths.log_file}",
        )


def _cause(error: WorkerFailed) -> Exception:
    return error.error if isinstance(error.error, Exception) else error
