"""What a screen may use of the app it lives in. Knows no screen but the base class's messages and hooks."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Literal

from textual import events
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.geometry import Size
from textual.reactive import var
from textual.worker import Worker

from engine.api import EngineApi
from engine.errors import EngineUnreachableError, FactoryError, SettingsError
from engine.explain import explain
from engine.first_look import FirstLook
from engine.text import clean_text
from tui import format as fmt
from tui.decisions import Decisions
from tui.keys import checked_keymap
from tui.keys_in_order import KeysInOrder
from tui.later import Later
from tui.plain_lines import PlainLines
from tui.services import AppServices
from tui.status import FrameStatus
from tui.terminal import TerminalFacts

if TYPE_CHECKING:
    from engine.preferences import Preferences

logger = logging.getLogger(__name__)

Severity = Literal["information", "warning", "error"]
TOAST_LIMIT = 400
_PLAIN_LINES = PlainLines()


WIDTHS = [(0, "-tiny"), (60, "-narrow"), (120, "-wide")]
HEIGHTS = [(0, "-flat"), (16, "-low"), (30, "-tall")]
"""Classes that every screen and dialog gets by the size of the terminal: below 60x16 nothing is shown."""


def classes_of(size: Size) -> dict[str, bool]:
    """Those classes, and which of them a screen of that size has."""
    steps = [(WIDTHS, size.width), (HEIGHTS, size.height)]
    has = {max(step for step in scale if step[0] <= side)[1] for scale, side in steps}
    return {name: name in has for scale, _ in steps for _, name in scale}


def is_going(node: DOMNode) -> bool:
    """Whether it is being closed, or is closed: its widgets go before its workers and what it was told."""
    return node._pruning or not node.is_attached


class FactoryHost(KeysInOrder):
    """The app as screens and widgets see it: `FactoryScreen.host`."""

    status: var[FrameStatus] = var(FrameStatus(), init=False)
    """What the header says; replaced whole."""
    terminal: var[TerminalFacts] = var(TerminalFacts(), init=False)
    """How pictures are shown; replaced whole when the protocol is changed."""

    def __init__(self, services: AppServices) -> None:
        self.services = services
        look = services.preferences
        self._preferences = None if isinstance(look, FirstLook) else look
        self._notices = services.notices
        self.keymap, self.keymap_problems = checked_keymap(look.keymap)
        self._engine: EngineApi | None = None
        super().__init__()
        self.decisions = Decisions(self)
        facts = services.terminal or TerminalFacts()
        self.set_reactive(FactoryHost.terminal, facts.with_setting(look.image_protocol))

    @property
    def engine(self) -> EngineApi:
        """The engine that the app is attached to. Raises EngineUnreachableError while there is none."""
        if self._engine is None:
            raise EngineUnreachableError("The engine is not there yet.", hint="The app keeps looking for it.")
        return self._engine

    @property
    def is_attached(self) -> bool:
        """Whether commands reach an engine now."""
        return self._engine is not None

    @property
    def preferences(self) -> Preferences:
        """As they are now: the settings screen replaces them. Raises SettingsError where the file is wrong."""
        if self._preferences is None:
            assert self.services.read_preferences is not None
            self._preferences, self._notices = self.services.read_preferences()
        return self._preferences

    def use_preferences(self, preferences: Preferences) -> None:
        """Let saved preferences take effect: theme and keys now, the rest where it is next asked for."""
        self._preferences = preferences
        self.look_like(preferences)

    def look_like(self, look: Preferences | FirstLook) -> None:
        """Take theme, keys and the way of showing pictures."""
        self.terminal = self.terminal.with_setting(look.image_protocol)
        self.keymap, self.keymap_problems = checked_keymap(look.keymap)
        self.set_keymap(self.keymap)
        if look.theme in self.available_themes:
            self.theme = look.theme

    def tell_problems(self) -> None:
        """Say what config.toml has that cannot be used: what was noticed when it was read (once), keys, theme."""
        problems = [*self._notices, *self.keymap_problems]
        self._notices = ()
        if (theme := self.preferences.theme) not in self.available_themes:
            problems.append(f"theme: there is no theme {theme}; {self.theme} is used.")
        for problem in problems:
            self.toast(problem, title="config.toml", severity="warning")

    def write_sequence(self, sequence: str) -> None:
        """Send an escape sequence to the terminal, after every frame that was drawn so far."""
        if self._driver is not None and not self._driver.is_headless:
            self._driver.write(sequence)

    # ---- what comes in, what goes out

    async def on_event(self, event: events.Event) -> None:
        """As Textual's, but what is pasted holds nothing that a terminal acts upon when it is shown."""
        if isinstance(event, events.Paste) and not event.is_forwarded:
            event = events.Paste(clean_text(event.text, keep_newlines=True))
        await super().on_event(event)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """As Textual's, and the last gate."""
        return [*super().get_line_filters(), _PLAIN_LINES]

    # ---- commands

    def run_command(self, command: Coroutine[Any, Any, object], what: str) -> Worker[None]:
        """Carry out something that must outlive the screen that asked for it.

        `what` completes "Could not ...". An error becomes a toast with what, why and what to do, and a log line.
        """
        return self.run_worker(
            Later(self.guarded(Later(command), what)), name=what, group="commands", exit_on_error=False
        )

    async def guarded(self, command: Awaitable[object], what: str) -> None:
        """Carry it out and report what goes wrong, as `run_command` and `FactoryScreen.run_query` do."""
        try:
            await command
        except Exception as error:  # noqa: BLE001 - the edge of a command: nobody else could still say it
            self.report(error, what)

    def report(self, error: Exception, what: str) -> None:
        """Say in a toast what could not be done, why, and what to do; write it to the log."""
        if self._exit or not self._running:
            logger.info("could not %s while the program ended: %s", what, error)
            return
        known = explain(error)
        if known is None:
            self.note_fault(error)
            logger.error("could not %s", what, exc_info=error)
            self.toast(
                f"{type(error).__name__}: {error}\nThe log has the details: {self.services.paths.log_file}",
                title=f"Could not {what}",
                severity="error",
            )
            return
        logger.warning("could not %s: %s %s", what, known.message, known.hint)
        self.toast(_sentences(known), title=f"Could not {what}", severity="error")

    def note_fault(self, error: Exception) -> None:
        """A fault of the program that the app survives: under Textual's Pilot the test fails with it."""
        if self._exception is None:
            self._exception = error
            self._exception_event.set()

    def toast(self, message: str, *, title: str = "", severity: Severity = "information") -> None:
        """A short notice that goes by itself. Text from outside is welcome: nothing in it is interpreted."""
        text = clean_text(message, keep_newlines=True, limit=TOAST_LIMIT)
        self.notify(text, title=clean_text(title), severity=severity, markup=False, timeout=8 if title else 4)

    def copy(self, text: str, what: str) -> None:
        """Put text into the clipboard of the terminal (OSC 52) and say so."""
        self.copy_to_clipboard(text)
        self.toast(f"Copied {what}: {clean_text(text, limit=120)}")


def _sentences(error: FactoryError) -> str:
    if isinstance(error, SettingsError):
        lines = [f"{one.field}: {fmt.advice(one.message, one.hint)}" for one in error.problems]
        return "\n".join((*lines, error.hint)).rstrip()
    return f"{error.message}\n{error.hint}".rstrip()
