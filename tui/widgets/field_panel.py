"""The pane under a form: what the field at the cursor is, and its editor while it is edited."""

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from engine.errors import Problem
from engine.settings import FieldDescription, FieldKind
from engine.text import clean_text
from tui import format as fmt
from tui.widgets.choice_list import ChoiceList
from tui.widgets.field_text import default_text, plain_value, range_text
from tui.widgets.line_input import LineInput
from tui.widgets.path_input import PathInput

_SUFFIXES = {"files.keywords_file": (".txt", ".csv")}


class LinesInput(TextArea):
    """Text of several lines; ctrl+s or tab takes it, because enter is a line of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s,tab", "done", show=False, priority=True)]

    class Done(Message):
        """The text is to be taken."""

    def __init__(self, text: str) -> None:
        super().__init__(text, compact=True, soft_wrap=True, tab_behavior="focus", id="field-editor")
        self.cursor_blink = False

    def action_done(self) -> None:
        self.post_message(self.Done())


class FieldPanel(Vertical):
    """Shows one field; `edit` puts its editor in. Posts what was entered; whoever hears it judges it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]

    class Entered(Message):
        """Text was entered for a field, or one of its choices was taken."""

        def __init__(self, field: FieldDescription, text: str) -> None:
            super().__init__()
            self.field = field
            self.text = text

    class Cancelled(Message):
        """The editor was left."""

    def __init__(self) -> None:
        super().__init__(id="field-panel")
        self._field: FieldDescription | None = None
        self._edited: FieldDescription | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="field-facts", markup=False)
        yield Static(id="field-problem", markup=False)

    @property
    def is_editing(self) -> bool:
        """Whether an editor is open."""
        return self._edited is not None

    @property
    def text(self) -> str | None:
        """What stands in the editor; None where none is open, or where it is a list of choices."""
        for editor in self.query("#field-editor"):
            if isinstance(editor, Input | PathInput):
                return editor.value
            if isinstance(editor, TextArea):
                return editor.text
        return None

    def show(self, field: FieldDescription | None, problem: Problem | None) -> None:
        """Describe a field and what is wrong with it."""
        self._field = field
        if self._edited is None:
            self._describe()
        self.complain(problem)

    def complain(self, problem: Problem | None) -> None:
        """Say what is wrong, and what to do."""
        shown = self.query_one("#field-problem", Static)
        shown.display = problem is not None
        if problem is not None:
            glyph, style = ("!", "yellow") if problem.is_warning else ("✗", "bold red")
            said = clean_text(fmt.advice(problem.message, problem.hint))
            shown.update(Text.assemble((f"{glyph} ", style), (said, style)))

    async def edit(self, field: FieldDescription, value: Any) -> None:
        """Open the editor of a field."""
        await self.close()
        self._field = self._edited = field
        editor = _editor(field, value)
        self._describe(_KEYS.get(field.kind, "enter take   esc leave as it was"))
        await self.mount(editor, before="#field-problem")
        self.add_class("-editing")
        editor.focus()

    async def close(self) -> None:
        """Take the editor away."""
        if self._edited is not None:
            self._edited = None
            self.remove_class("-editing")
            await self.query("#field-editor").remove()
            self._describe()

    def _describe(self, keys: str = "") -> None:
        field = self._field
        text = Text() if field is None else _facts(field)
        if keys:
            text.append(f"\n{keys}", "dim")
        self.query_one("#field-facts", Static).update(text)

    # ---- what the editors tell

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._enter(event.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.complain(None)

    def on_path_input_submitted(self, event: PathInput.Submitted) -> None:
        event.stop()
        self._enter(event.value)

    def on_lines_input_done(self) -> None:
        self._enter(self.text or "")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._enter(event.option_id or "")

    def _enter(self, text: str) -> None:
        if self._edited is not None:
            self.post_message(self.Entered(self._edited, text))

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled())


def _editor(field: FieldDescription, value: Any) -> Widget:
    text = plain_value(field, value)
    match field.kind:
        case FieldKind.CHOICE:
            choices = ChoiceList(
                *(Option(Text(one), id=one) for one in field.choices), id="field-editor", compact=True
            )
            choices.highlighted = field.choices.index(text) if text in field.choices else 0
            return choices
        case FieldKind.FILE | FieldKind.FOLDER:
            return PathInput(
                text,
                is_folder=field.kind is FieldKind.FOLDER,
                suffixes=_SUFFIXES.get(field.path, ()),
                id="field-editor",
            )
        case FieldKind.LINES:
            return LinesInput("" if value is None else str(value))
        case _:
            return LineInput(text, placeholder="not set" if field.is_optional else "", id="field-editor")


def _facts(field: FieldDescription) -> Text:
    parts = (field.unit,) if field.kind is FieldKind.KEY else (range_text(field), default_text(field))
    facts = "   ".join(part for part in parts if part)
    return Text.assemble(
        (field.title, "bold"),
        "   ",
        (field.path, "dim"),
        f"\n{field.description}",
        (f"\n{facts}", "dim") if facts else "",
    )


_KEYS = {
    FieldKind.FILE: "enter take   tab complete   esc leave as it was   empty: not set",
    FieldKind.FOLDER: "enter take   tab complete   esc leave as it was   empty: not set",
    FieldKind.CHOICE: "enter take   esc leave as it was",
    FieldKind.LINES: "tab take   esc leave as it was",
    FieldKind.LIST: "enter take   esc leave as it was   separate with commas",
    FieldKind.LORAS: "enter take   esc leave as it was   model:weight, separated with commas",
}
