"""The app outlives what fails in it: faults are logged and told, a screen that broke down is closed.

No traceback ever reaches the terminal, and no fault of a screen ends the engine.
"""

import contextlib
import logging
from typing import Any
from weakref import WeakSet

from rich.console import RenderableType
from textual._context import active_message_pump
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import WorkerFailed, active_worker

from tui.host import is_going
from tui.linked import LinkedHost
from tui.navigation import BROKEN, section_modes
from tui.services import AppServices

logger = logging.getLogger(__name__)

MOST_BREAKDOWNS = 5


class Survivor(LinkedHost):
    """Overrides the places where Textual would end the program."""

    def __init__(self, services: AppServices) -> None:
        super().__init__(services)
        self._breakdowns = 0
        self._broken: WeakSet[Screen[Any]] = WeakSet()

    async def run_action(
        self, action: Any, default_namespace: DOMNode | None = None, *arguments: Any, **options: Any
    ) -> bool:
        """As Textual's, but an action that fails is reported instead of ending the app; one of a screen that is being
        closed, whose widgets are gone, came too late."""
        try:
            return await super().run_action(action, default_namespace, *arguments, **options)
        except Exception as error:  # noqa: BLE001 - the edge of a key press
            if default_namespace is None or not is_going(default_namespace):
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
            worker = active_worker.get(None)
            if worker is None or not is_going(worker.node):
                self.report(_cause(error), "do that")
            return
        pump = active_message_pump.get(None)
        if isinstance(pump, Widget) and is_going(pump):
            logger.info("a part of a closed screen: %r", error)
            return
        self.note_fault(error)
        screen = self._screen_of(pump)
        if screen is not None and screen in self._broken:
            return  # it goes on breaking with every refresh until it is closed
        logger.error("a screen broke down", exc_info=error)
        if screen is not None:
            self._broken.add(screen)
            self._breakdowns += 1
        if screen is None or self._breakdowns > MOST_BREAKDOWNS or not self._running:
            self._give_up()
            return
        self.call_later(self._leave_broken, screen)

    def _screen_of(self, pump: object) -> Screen[Any] | None:
        """The screen that the failing part belongs to; what fails in the app's own loop is a screen's layout."""
        if isinstance(pump, Screen):
            return pump
        if isinstance(pump, Widget) and pump.is_attached:
            return pump.screen
        return self.screen_stack[-1] if pump is self and self.screen_stack else None

    async def _leave_broken(self, screen: Screen[Any]) -> None:
        """Without its screen closed, the app would answer no key any more."""
        try:
            await self._close_broken(screen)
        except Exception as error:
            self.note_fault(error)
            logger.exception("a broken screen cannot be closed")
            self._give_up()

    def refresh_css(self, animate: bool = True) -> None:
        """As Textual's, which lays the screen on top out, but not for a first screen that has no widgets yet, nor for
        one that broke down."""
        if self.screen.is_mounted and self.screen not in self._broken:
            super().refresh_css(animate)

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
