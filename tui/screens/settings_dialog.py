"""A job's settings to be edited in a box: for the next run of a job, or for a job that is about to start."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from engine.settings import FieldDescription
from engine.text import clean_text
from tui import format as fmt
from tui.dialog import Dialog
from tui.form_draft import Document
from tui.later import Later
from tui.screens.confirm_dialog import Answer, ConfirmDialog
from tui.widgets.settings_form import FieldForm, SettingsForm


class SettingsDialog(Dialog[Document]):
    """Dismissed with the whole document, valid and with something changed, or with None. Stores nothing.

    `note` says what the settings are for; `fields` shows only some of them.
    """

    AUTO_FOCUS = "FieldList"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "take", "Take", show=False)]

    def __init__(
        self,
        title: str,
        settings: Mapping[str, Any],
        *,
        note: str = "",
        fields: Sequence[FieldDescription] | None = None,
    ) -> None:
        super().__init__(title)
        self._note = clean_text(note)
        self._form = SettingsForm(settings, fields)

    def compose_dialog(self) -> ComposeResult:
        if self._note:
            yield Static(self._note, markup=False, id="settings-note")
        yield self._form
        yield Static(id="settings-keys", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        self._show_keys()

    def on_field_form_changed(self, event: FieldForm.Changed) -> None:
        event.stop()
        self._show_keys()

    def _show_keys(self) -> None:
        changed = len(self._form.changed)
        words = f"{fmt.plural(changed, 'change')}   " if changed else ""
        self.query_one("#settings-keys", Static).update(
            f"{words}ctrl+s take   enter edit   / find   u undo   esc back"
        )

    def action_take(self) -> None:
        self.run_worker(Later(self._take()), group="take", exclusive=True)

    async def _take(self) -> None:
        if not await self._form.finish_editing():
            return
        if problems := self._form.problems():
            lines = [f"{one.field}: {fmt.advice(one.message, one.hint)}" for one in problems]
            self.host.toast("\n".join(lines), title="Mend this first", severity="error")
            self._form.show_problem()
            return
        self.dismiss(self._form.value() if self._form.changed else None)

    def action_cancel(self) -> None:
        if self._form.step_back():
            return
        if self._form.changed:
            self.run_worker(Later(self._ask_and_leave()), group="take", exclusive=True)
        else:
            self.dismiss(None)

    async def _ask_and_leave(self) -> None:
        answers = (Answer("stay", "Keep editing"), Answer("discard", "Throw the changes away"))
        question = f"{fmt.plural(len(self._form.changed), 'change')} would be lost."
        if await self.app.push_screen_wait(ConfirmDialog("Unsaved changes", question, answers)) == "discard":
            self.dismiss(None)
