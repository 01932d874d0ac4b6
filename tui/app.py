"""The app: sections, what messages open, back and out. What screens may use of it is in tui.host."""

import contextlib
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.console import RenderableType
from textual.binding import BindingType
from textual.command import CommandPalette, Provider
from textual.drivers.linux_driver import LinuxDriver
from textual.reactive import Reactive
from textual.screen import ModalScreen, Screen

from engine.errors import ConflictError
from engine.events import Resynced
from engine.first_look import THEME
from tui import messages
from tui.commands import ActionCommands
from tui.exit_signals import let_go_of
from tui.factory_screen import FactoryScreen
from tui.haste import end_haste
from tui.job_control import JobControl
from tui.key_table import Action
from tui.keys import action_of, bindings_for, display_keys
from tui.navigation import SECTION_SCREENS, make_screen, section_modes
from tui.services import AppServices
from tui.status import FrameStatus
from tui.stylesheet import KeptStylesheet
from tui.survivor import Survivor
from tui.themes import DARK_TERMINAL, LIGHT_TERMINAL, THEMES

LATEST_LINK_S = 2.0
"""The engine is looked for after the first paint, whose time it would take; a screen that breaks never paints."""


def stylesheet() -> Path:
    """`styles.tcss`: inside this package in an installed wheel, beside the packages in a checkout."""
    inside = Path(__file__).with_name("styles.tcss")
    return inside if inside.exists() else Path(__file__).parents[1] / "styles.tcss"


class FactoryApp(Survivor):
    """Run it with `run()`; its return code is the program's exit status."""

    TITLE = "gimf"
    CSS_PATH = stylesheet()
    MODES: ClassVar[dict[str, Any]] = section_modes()
    DEFAULT_MODE = "dashboard"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionCommands}
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("global")
    ansi_theme_dark = Reactive(DARK_TERMINAL, init=False)
    ansi_theme_light = Reactive(LIGHT_TERMINAL, init=False)

    def __init__(self, services: AppServices) -> None:
        super().__init__(services)
        self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)
        self._begin_with(self.services.preferences.theme)
        self.wants_demo = False
        """The user left for the demo."""
        self._job_control: JobControl | None = None
        self._is_leaving = False
        self._question: Screen[str] | None = None
        """Whether to leave although a job is at work."""
        self._asked_about = ""
        """The id of that job."""

    def _begin_with(self, name: str) -> None:
        """Have the theme before anything is drawn: a later change has everything parsed and styled once more. Only a
        dark one can be there that early: Textual makes an app with the terminal colours of a dark theme. Where there
        is no such theme, ours is used."""
        theme = self.get_theme(name)
        begun = name if theme is not None and theme.dark else THEME
        self.set_reactive(FactoryApp.theme, begun)
        self.add_class(f"-theme-{begun}")
        self.stylesheet = KeptStylesheet(self.get_css_variables())

    def on_mount(self) -> None:
        self._control_jobs()
        self.look_like(self.services.preferences)
        self.call_after_refresh(self._go_on)
        self.set_timer(LATEST_LINK_S, self._go_on)

    def _go_on(self) -> None:
        """The first frame is on the screen."""
        end_haste()
        self.begin_link()

    async def on_unmount(self) -> None:
        if self._job_control is not None:
            self._job_control.end()
        await self.end_link()

    def on_preferences_saved(self) -> None:
        self.tell_problems()
        self.notifier.follow(self.status)

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
        return (screen := self._shown_screen()) is not None and screen.asks_before_leaving(leave)

    def _shown_screen(self) -> FactoryScreen | None:
        """The screen on top; None where it is a dialog, or has no widgets yet: a key can be quicker than they are."""
        screen = self.screen
        return screen if isinstance(screen, FactoryScreen) and screen.is_mounted else None

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

    async def on_show_statistics(self) -> None:
        await self.push_screen(make_screen("tui.screens.statistics:StatisticsScreen"))

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

    # ---- to the shell and back

    def _control_jobs(self) -> None:
        if isinstance(self._driver, LinuxDriver) and self._loop is not None:
            self._job_control = JobControl(
                self._driver,
                self._loop,
                is_leaving=lambda: self._is_leaving,
                goes=self.notifier.pause,
                has_resumed=self._has_resumed,
            )
            self._job_control.begin()

    def action_suspend(self) -> None:
        if self._job_control is None or not self._job_control.suspend():
            self.toast("There is no shell here to go back to.", severity="warning")

    def _has_resumed(self) -> None:
        """The terminal has forgotten everything, and events may have been lost."""
        self.app_resume_signal.publish(self)
        self.notifier.repeat()
        self.action_redraw()
        if self.is_attached:
            self._deliver([Resynced()])

    # ---- back and out

    async def action_back(self) -> None:
        """One step back; never out of the program."""
        if (screen := self._shown_screen()) is not None and screen.step_back():
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
        self._asked_about = self.status.job.job_id
        self._question = make_screen(
            "tui.screens.quit_dialog:QuitDialog",
            self.status.job,
            ends_with_window=self.services.ends_with_window,
            command=self.services.command,
        )
        await self.push_screen(self._question, self._leave)

    def watch_status(self, before: FrameStatus, now: FrameStatus) -> None:
        super().watch_status(before, now)
        if self._question is None or self._question is not self.screen or not self.is_attached:
            return
        is_between_jobs = now.job is None and now.waiting
        if not is_between_jobs and (now.job is None or now.job.job_id != self._asked_about):
            self._question.dismiss("anew")  # it was about a job that has ended

    async def _leave(self, answer: str | None) -> None:
        self._question = None
        if answer == "anew":
            await self.action_quit()
        elif answer == "leave":
            self.exit(0)
        elif answer == "stop":
            self.run_command(self._stop_and_leave(self._asked_about), "stop the job")

    async def _stop_and_leave(self, job_id: str) -> None:
        with contextlib.suppress(ConflictError):  # it has just ended
            await self.engine.stop_job(job_id)
        self.exit(0)

    def exit(
        self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """As Textual's; what was set outside of the window is taken back."""
        if self._driver is not None:
            self.notifier.close()
        super().exit(result, return_code, message)

    def leave(self, exit_status: int) -> None:
        """End soon with this status. May be called from a signal handler or another thread."""
        self._is_leaving = True
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
