"""The base of dialogs: a box over the screen. Esc closes it without a result. Never used over a picture."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.text import clean_text
from tui.host import HEIGHTS, WIDTHS, FactoryHost


class Dialog[Result](ModalScreen[Result | None]):
    """Subclasses implement `compose_dialog`; the title may hold text from outside."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

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
