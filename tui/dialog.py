"""The base of dialogs: a box over the screen. Esc closes it without a result. Never used over a picture."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.text import clean_text
from tui.host import FactoryHost


class Dialog[Result](ModalScreen[Result | None]):
    """Subclasses implement `compose_dialog`; the title may hold text from outside."""

    BINDINGS = [Binding("escape", "cancel", "Cancel", show=False)]
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-low"), (30, "-tall")]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = clean_text(title)

    @property
    def host(self) -> FactoryHost:
        """The app, as far as screens may use it."""
        assert isinstance(self.app, FactoryHost)
        return self.app

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._title, classes="dialog-title", markup=False)
            yield from self.compose_dialog()

    def compose_dialog(self) -> ComposeResult:
        """What is in the box."""
        raise NotImplementedError

    def action_cancel(self) -> None:
        self.dismiss(None)
