"""A form over settings: the list of fields, the pane with help and editor, a search. Saves nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from engine.errors import Problem
from engine.settings import FieldDescription, FieldKind, Settings, dump_settings
from tui.form_draft import Document, FormDraft, field_of, settings_draft
from tui.later import Later
from tui.path_names import judge
from tui.widgets.field_list import FieldList
from tui.widgets.field_panel import FieldPanel
from tui.widgets.line_input import LineInput
from tui.widgets.path_input import state_text

_PATHS = (FieldKind.FILE, FieldKind.FOLDER)


class FindInput(LineInput):
    """The search over a form; down and enter go to what was found."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down,enter", "done", show=False)]

    class Done(Message):
        """On to the list."""

    def __init__(self) -> None:
        super().__init__(placeholder="find a setting", id="field-find")
        self.display = False

    def action_done(self) -> None:
        self.post_message(self.Done())


class FieldForm(Vertical):
    """Edits drafts, one under the other. Messages: `Changed`, `KeyWanted`, `KeyDefaultWanted`, `GroupEntered`."""

    class Changed(Message):
        """A field was edited."""

        def __init__(self, path: str, value: Any) -> None:
            super().__init__()
            self.path = path
            self.value = value

    class KeyWanted(Message):
        """Enter on a key: the form never sees one."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    class KeyDefaultWanted(Message):
        """A key is to be deleted."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    class GroupEntered(Message):
        """The cursor has come to another group."""

        def __init__(self, group: str) -> None:
            super().__init__()
            self.group = group

    def __init__(self, *drafts: FormDraft, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.drafts = drafts
        self._group = ""

    def compose(self) -> ComposeResult:
        yield FindInput()
        yield FieldList(self.drafts)
        yield FieldPanel()

    # ---- what screens use

    @property
    def fields(self) -> FieldList:
        """The list."""
        return self.query_one(FieldList)

    @property
    def changed(self) -> tuple[str, ...]:
        """The paths of all fields that are not saved."""
        return tuple(path for draft in self.drafts for path in draft.changed)

    def problems(self) -> tuple[Problem, ...]:
        """What keeps it from being saved; empty where all is well."""
        return tuple(problem for draft in self.drafts for problem in draft.problems)

    def put(self, path: str, value: Any) -> None:
        """Edit a field as its keys do."""
        self.fields.put(path, value)

    def show_saved(self) -> None:
        """The drafts were loaded or saved: show them as they are now."""
        self.fields.refresh()
        self._show_field()
        self.look_at_paths()

    def show_warnings(self, problems: Sequence[Problem]) -> None:
        """Show at their fields what the engine says about the values; what has no field here is left out."""
        known = {path for draft in self.drafts for path in draft.fields}
        by_path = {field_of(one): one for one in reversed(problems) if field_of(one) in known}
        self.fields.set_warnings(by_path)
        self._show_field()

    def show_problem(self) -> None:
        """Go to the first field that cannot be saved."""
        for problem in self.problems():
            self.step_back()
            if self.fields.move_to(field_of(problem)):
                return

    def step_back(self) -> bool:
        """Leave the editor, else the search; False where neither is open."""
        if self.query_one(FieldPanel).is_editing:
            self._leave_editor()
            return True
        find = self.query_one(FindInput)
        if find.display:
            find.display = False
            find.value = ""
            self.fields.find("")
            self.fields.focus()
            return True
        return False

    async def finish_editing(self) -> bool:
        """Take what stands in the editor; False where it is refused, and the editor stays."""
        panel = self.query_one(FieldPanel)
        text, field = panel.text, self.fields.field
        if not panel.is_editing or field is None:
            return True
        if text is None:
            self._leave_editor()
            return True
        return self._take(field, text)

    # ---- the list

    def on_field_list_cursor_moved(self, event: FieldList.CursorMoved) -> None:
        event.stop()
        self._show_field()
        if event.field is not None and event.field.group != self._group:
            self._group = event.field.group
            self.post_message(self.GroupEntered(self._group))

    def on_field_list_changed(self, event: FieldList.Changed) -> None:
        event.stop()
        self._show_field()
        self.look_at_paths(event.path)
        self.post_message(self.Changed(event.path, event.value))

    def on_field_list_edit_wanted(self, event: FieldList.EditWanted) -> None:
        event.stop()
        field = event.field
        if field.kind is FieldKind.KEY:
            self.post_message(self.KeyWanted(field.path))
            return
        value = self.fields.draft_of(field.path).value(field.path)
        self.run_worker(Later(self.query_one(FieldPanel).edit(field, value)), group="editor", exclusive=True)

    def on_field_list_default_wanted(self, event: FieldList.DefaultWanted) -> None:
        event.stop()
        self.post_message(self.KeyDefaultWanted(event.field.path))

    def on_field_list_find_wanted(self, event: FieldList.FindWanted) -> None:
        event.stop()
        find = self.query_one(FindInput)
        find.display = True
        find.focus()

    def on_descendant_focus(self) -> None:
        """Whoever clicks into the list while an editor is open has entered what stands in it."""
        if self.query_one(FieldPanel).is_editing and self.fields.has_focus:
            self.run_worker(Later(self.finish_editing()), group="editor")

    def _show_field(self) -> None:
        field = self.fields.field
        problem = None
        if field is not None:
            problem = self.fields.draft_of(field.path).problem(field.path) or self.fields.warning(field.path)
        self.query_one(FieldPanel).show(field, problem)

    # ---- the editor

    def on_field_panel_entered(self, event: FieldPanel.Entered) -> None:
        event.stop()
        self._take(event.field, event.text)

    def on_field_panel_cancelled(self, event: FieldPanel.Cancelled) -> None:
        event.stop()
        self._leave_editor()

    def _take(self, field: FieldDescription, text: str) -> bool:
        value, refusal = self.fields.draft_of(field.path).parse(field.path, text)
        if refusal is not None:
            self.query_one(FieldPanel).complain(refusal)
            return False
        self.fields.put(field.path, value)
        self._leave_editor()
        return True

    def _leave_editor(self) -> None:
        self.run_worker(Later(self._close_editor()), group="editor", exclusive=True)

    async def _close_editor(self) -> None:
        await self.query_one(FieldPanel).close()
        self.fields.focus()
        self._show_field()

    # ---- the search

    def on_input_changed(self, event: Input.Changed) -> None:
        if isinstance(event.input, FindInput):
            event.stop()
            self.fields.find(event.value)

    def on_find_input_done(self, event: FindInput.Done) -> None:
        event.stop()
        self.fields.focus()

    # ---- files and folders

    def on_mount(self) -> None:
        self.look_at_paths()

    def look_at_paths(self, *paths: str) -> None:
        """See in a thread whether files and folders are there; none named: all of them."""
        fields = [
            field
            for draft in self.drafts
            for path, field in draft.fields.items()
            if field.kind in _PATHS and (not paths or path in paths)
        ]
        if fields:
            self.run_worker(Later(self._look(fields)), group="look")

    async def _look(self, fields: Sequence[FieldDescription]) -> None:
        for field in fields:
            text = self.fields.draft_of(field.path).value(field.path)
            note: Text | None = None
            if isinstance(text, str) and text:
                state = await asyncio.to_thread(judge, text, is_folder=field.kind is FieldKind.FOLDER)
                note = state_text(state)
            self.fields.set_note(field.path, note)


class SettingsForm(FieldForm):
    """A job's settings, or some of their fields, to be edited; `value()` is for `engine.merge_settings` or a job."""

    def __init__(
        self,
        settings: Settings | Mapping[str, Any],
        fields: Sequence[FieldDescription] | None = None,
        *,
        id: str | None = None,  # noqa: A002 - Textual's name for it
    ) -> None:
        document = dump_settings(settings) if isinstance(settings, Settings) else settings
        self.draft = settings_draft(document, fields)
        super().__init__(self.draft, id=id)

    def value(self) -> Document:
        """All settings with the edits, as a document; it can be used where `problems()` is empty."""
        return self.draft.document()
