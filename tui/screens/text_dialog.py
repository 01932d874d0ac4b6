"""One line of text asked for: a name, or a key that is not shown."""

from textual.app import ComposeResult
from textual.widgets import Input, Static

from engine.text import clean_text
from tui.dialog import Dialog
from tui.widgets.line_input import LineInput


class TextDialog(Dialog[str]):
    """Dismissed with the text, blanks around it removed, or with None; an empty text is no answer."""

    def __init__(
        self,
        title: str,
        text: str = "",
        *,
        explanation: str = "",
        placeholder: str = "",
        is_hidden: bool = False,
    ) -> None:
        super().__init__(title)
        self._text = clean_text(text)
        self._explanation = clean_text(explanation, keep_newlines=True)
        self._placeholder = placeholder
        self._is_hidden = is_hidden

    def compose_dialog(self) -> ComposeResult:
        if self._explanation:
            yield Static(self._explanation, markup=False, classes="dialog-text")
        yield LineInput(
            self._text, placeholder=self._placeholder, password=self._is_hidden, id="dialog-input"
        )
        yield Static("enter take   esc back", classes="dialog-keys", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if text := event.value.strip():
            self.dismiss(text)
