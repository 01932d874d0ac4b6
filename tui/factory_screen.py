"""The base of every screen: header, body, footer, and when it loads and hears. Knows no particular screen."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import ModalScreen, Screen
from textual.worker import Worker

from engine.api import EngineApi
from engine.events import Event, Resynced
from tui.compositor import NarrowCompositor
from tui.host import HEIGHTS, WIDTHS, FactoryHost, classes_of, is_going
from tui.key_table import SECTION_TITLES
from tui.keys import bindings_for
from tui.later import Later
from tui.widgets.app_footer import AppFooter
from tui.widgets.app_header import AppHeader
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.size_guard import SizeGuard
from tui.widgets.trouble_bar import TroubleBar

HELD_LIMIT = 2_000


class FactoryScreen(Screen[None]):
    """Subclasses set SECTION and implement `compose_body`, `load` and `apply_events`.

    `load` asks the engine for everything shown: on the first show, and on a later one when something happened while
    the screen was covered. `apply_events` is called only while the screen can be seen, never during a load: what
    comes meanwhile is held back and applied to what was loaded.
    """

    SECTION: ClassVar[str] = ""
    """The screen's section in the table of keys: footer, help and palette come from it."""

    BINDINGS = bindings_for("screen")
    AUTO_FOCUS = "#body *"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(self) -> None:
        super().__init__()
        self._compositor = NarrowCompositor()
        self._was_seen = False
        self._is_stale = True
        self._loads = 0
        self._is_loading = False
        self._held: list[Event] = []

    # ---- what subclasses fill in

    def compose_body(self) -> ComposeResult:
        """The widgets between header and footer."""
        raise NotImplementedError

    async def load(self) -> None:
        """Ask the engine for everything shown, and show it."""

    def apply_events(self, events: Sequence[Event]) -> None:
        """Bring what is shown up to date; at most ten times a second, so it may be short of time, not of events."""

    def step_back(self) -> bool:
        """Undo the innermost of search text, filters, marks, panel; False where nothing is left to undo."""
        return False

    def asks_before_leaving(self, leave: Callable[[], Awaitable[None]]) -> bool:
        """Whether there is a question first, such as what becomes of unsaved edits; the screen then calls `leave`
        itself where the answer lets it."""
        return False

    def path_to_copy(self) -> str | None:
        """What `y` copies: the file, folder or line at the cursor; None: nothing."""
        return None

    def prompt_to_copy(self) -> str | None:
        """What `Y` copies; None: nothing."""
        return None

    # ---- what subclasses use

    @property
    def host(self) -> FactoryHost:
        """The app, as far as screens may use it."""
        return cast("FactoryHost", self.app)

    @property
    def engine(self) -> EngineApi:
        """Raises EngineUnreachableError while there is none."""
        return self.host.engine

    @property
    def section_title(self) -> str:
        """How people call the screen."""
        return SECTION_TITLES.get(self.SECTION, self.SECTION)

    @property
    def is_loading_now(self) -> bool:
        """Whether what is shown is still being asked for."""
        return self._is_loading or self._is_stale

    async def ask(self, question: str, *, yes: str, no: str = "Keep") -> bool:
        """Ask in the bar under the body and wait for the answer; call it from a worker. Esc means no."""
        return await self.query_one(ConfirmBar).ask(question, yes=yes, no=no)

    def run_query(self, query: Coroutine[Any, Any, object], what: str) -> Worker[None]:
        """Ask for something beside everything else; it ends with the screen. `what` completes "Could not ..."."""
        return self.run_worker(
            Later(self._guarded(Later(query), what)), name=what, group="queries", exit_on_error=False
        )

    async def _guarded(self, query: Awaitable[object], what: str) -> None:
        try:
            await query
        except Exception as error:  # noqa: BLE001 - the edge of a query: nobody else could still say it
            self._report(error, what)

    def _report(self, error: Exception, what: str) -> None:
        """Say what could not be done, but not what a screen that is being closed could not do."""
        if not is_going(self):
            self.host.report(error, what)

    def reload(self) -> None:
        """Load again, from the start where a load is under way."""
        self._is_stale = False
        self._is_loading = True
        self._loads += 1
        self._held.clear()
        self.run_worker(
            Later(self._load(self._loads)), name=f"load {self.SECTION}", group="load", exclusive=True
        )

    # ---- the frame

    def compose(self) -> ComposeResult:
        self.update_classes(classes_of(self.app.size))  # later all widgets would have to be styled once more
        yield AppHeader()
        yield TroubleBar()
        with Container(id="body"):
            yield from self.compose_body()
        yield ConfirmBar()
        yield AppFooter()
        yield SizeGuard()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        if not self._was_seen:
            self._was_seen = True
            event.refresh_styles = False  # its widgets have just been made with these styles
        self._redraw_pictures()
        if self._is_stale and self.host.is_attached:
            self.reload()

    def on_screen_suspend(self, event: events.ScreenSuspend) -> None:
        self._redraw_pictures()

    def _redraw_pictures(self) -> None:
        """They are left out under a dialog, whose tint would spoil them, and Textual keeps what was drawn before."""
        for picture in self.query(".picture"):
            picture.refresh()

    def take_events(self, events: Sequence[Event], *, is_visible: bool) -> None:
        """Called by the app with every batch."""
        if not is_visible:
            self._is_stale = True
        elif self._is_stale or any(isinstance(event, Resynced) for event in events):
            self.reload()
        elif self._is_loading:
            self._held.extend(events)
        else:
            self.apply_events(events)

    def _is_seen(self) -> bool:
        """Whether nothing but dialogs lies over it."""
        for screen in reversed(self.app.screen_stack):
            if screen is self or not isinstance(screen, ModalScreen):
                return screen is self
        return False

    def _compositor_refresh(self) -> None:
        """As Textual's, which takes every screen below the one on top for one that shines through, and has all of the
        one on top drawn again with each change in it. What was not drawn is drawn when it can be seen again."""
        if self._is_seen():
            super()._compositor_refresh()

    async def _load(self, number: int) -> None:
        try:
            await self.load()
        except Exception as error:  # noqa: BLE001 - a screen that cannot load says why and stays usable
            self._report(error, f"show {self.section_title.lower()}")
        if number != self._loads:
            return
        self._is_loading = False
        held, self._held = self._held, []
        if len(held) > HELD_LIMIT:
            self.reload()
        elif held:
            self.apply_events(held)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "copy_path":
            return self.path_to_copy() is not None
        if action == "copy_prompt":
            return self.prompt_to_copy() is not None
        return True

    def action_copy_path(self) -> None:
        if (text := self.path_to_copy()) is not None:
            self.host.copy(text, "path" if text.startswith("/") else "line")

    def action_copy_prompt(self) -> None:
        if (text := self.prompt_to_copy()) is not None:
            self.host.copy(text, "prompt")
