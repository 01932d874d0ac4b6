"""The list of a form: a line for each field, under the headings of its groups. Steps values; opens no editor."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.errors import Problem
from engine.settings import FieldDescription, FieldKind
from engine.text import clean_text
from tui.form_draft import FormDraft, stepped, toggled, value_at
from tui.keys import bindings_for
from tui.widgets.columns import fit
from tui.widgets.field_rows import FieldRows, Heading
from tui.widgets.field_text import value_text

TITLE = 28
NARROW = 76
"""Below this many cells titles get less room."""


class FieldList(ScrollView, can_focus=True, inherit_bindings=False):
    """One line a field; the cursor skips headings and stays with its field when the list is filtered."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for("form")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "field-list--heading",
        "field-list--cursor",
        "field-list--cursor-away",
        "field-list--changed",
        "field-list--problem",
        "field-list--warning",
        "field-list--muted",
    }

    class CursorMoved(Message):
        """The cursor is on another field; None where no field is shown."""

        def __init__(self, field: FieldDescription | None) -> None:
            super().__init__()
            self.field = field

    class Changed(Message):
        """A field was edited."""

        def __init__(self, path: str, value: Any) -> None:
            super().__init__()
            self.path = path
            self.value = value

    class EditWanted(Message):
        """Enter on a field that needs an editor."""

        def __init__(self, field: FieldDescription) -> None:
            super().__init__()
            self.field = field

    class DefaultWanted(Message):
        """A field that the list cannot put back itself: a key."""

        def __init__(self, field: FieldDescription) -> None:
            super().__init__()
            self.field = field

    class FindWanted(Message):
        """The key of the search was pressed."""

    def __init__(self, drafts: Sequence[FormDraft]) -> None:
        super().__init__()
        self._drafts = {path: draft for draft in drafts for path in draft.fields}
        self._rows = FieldRows(field for draft in drafts for field in draft.fields.values())
        self._cursor = 0
        self._notes: dict[str, Text] = {}
        self._warnings: dict[str, Problem] = {}
        self._undo_order: list[FormDraft] = []

    # ---- what the form uses

    @property
    def field(self) -> FieldDescription | None:
        """The field under the cursor."""
        return self._rows.field(self._cursor)

    def draft_of(self, path: str) -> FormDraft:
        """Where the field's value lives."""
        return self._drafts[path]

    def warning(self, path: str) -> Problem | None:
        """What else there is to know about a field."""
        return self._warnings.get(path)

    def note(self, path: str) -> Text | None:
        """What stands behind the field's value."""
        return self._notes.get(path)

    def set_note(self, path: str, note: Text | None) -> None:
        """Show something behind a field's value, such as whether its file is there."""
        if note is None:
            self._notes.pop(path, None)
        else:
            self._notes[path] = note
        self._refresh_field(path)

    def set_warnings(self, problems: Mapping[str, Problem]) -> None:
        """What the engine says about the values, by path; replaces what it said before."""
        if problems != self._warnings:
            self._warnings = dict(problems)
            self.refresh()

    def find(self, text: str) -> None:
        """Show only fields with every word of the text."""
        before = self.field
        self._rows.find(text)
        self._fit_size()
        if before is None or not self.move_to(before.path):
            self._put_cursor(self._rows.nearest(0, 1) or 0)

    def move_to(self, path: str) -> bool:
        """Put the cursor on a field; False where it is not shown."""
        place = self._rows.place_of(path)
        if place is not None:
            self._put_cursor(place)
        return place is not None

    def move_to_group(self, group: str) -> None:
        """Put the cursor on the first field of a group, with its heading at the top."""
        place = self._rows.first_of(group)
        if place is not None:
            self.scroll_to(y=self._rows.top_of(place), animate=False, force=True)
            self._put_cursor(place)

    def put(self, path: str, value: Any) -> None:
        """Edit a field and tell it."""
        draft = self._drafts[path]
        if draft.set(path, value):
            self._undo_order.append(draft)
            self._tell(path)

    def replace(self, draft: FormDraft, document: Mapping[str, Any]) -> bool:
        """Take over all values of a document as one edit of a draft; False where nothing differs."""
        before = draft.document()
        is_new = draft.replace(document)
        if is_new:
            self._undo_order.append(draft)
            self._tell(*(path for path in draft.fields if value_at(before, path) != draft.value(path)))
        return is_new

    def forget_undo(self) -> None:
        """The drafts were loaded anew."""
        self._undo_order.clear()
        self.refresh()

    # ---- keys

    def action_cursor_down(self) -> None:
        self._go(self._cursor + 1, 1)

    def action_cursor_up(self) -> None:
        self._go(self._cursor - 1, -1)

    def action_first(self) -> None:
        self._go(0, 1)

    def action_last(self) -> None:
        self._go(len(self._rows) - 1, -1)

    def action_half_page_down(self) -> None:
        self._go(min(self._cursor + self._half, len(self._rows) - 1), 1)

    def action_half_page_up(self) -> None:
        self._go(max(self._cursor - self._half, 0), -1)

    def action_previous_group(self) -> None:
        self._step_group(-1)

    def action_next_group(self) -> None:
        self._step_group(1)

    def action_edit(self) -> None:
        field = self.field
        if field is None:
            return
        if field.kind is FieldKind.SWITCH:
            self.action_switch()
        else:
            self.post_message(self.EditWanted(field))

    def action_switch(self) -> None:
        if (field := self.field) is not None:
            self.put(field.path, toggled(field, self._drafts[field.path].value(field.path)))

    def action_increase(self) -> None:
        self._step(1)

    def action_decrease(self) -> None:
        self._step(-1)

    def action_default(self) -> None:
        if (field := self.field) is None:
            return
        if field.kind is FieldKind.KEY:
            self.post_message(self.DefaultWanted(field))
        else:
            self.put(field.path, field.default)

    def action_undo(self) -> None:
        while self._undo_order:
            if paths := self._undo_order.pop().undo():
                self.move_to(paths[0])
                self._tell(*paths)
                return

    def action_find(self) -> None:
        self.post_message(self.FindWanted())

    def _step(self, direction: int) -> None:
        if (field := self.field) is not None and field.kind is not FieldKind.KEY:
            value = self._drafts[field.path].value(field.path)
            self.put(field.path, stepped(field, value, direction))

    def _tell(self, *paths: str) -> None:
        self.refresh()
        for path in paths:
            self.post_message(self.Changed(path, self._drafts[path].value(path)))

    # ---- mouse

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        place = self.scroll_offset.y + offset.y
        if self._rows.field(place) is not None:
            self._put_cursor(place)
            if event.chain == 2:
                self.action_edit()

    # ---- size and place

    def on_mount(self) -> None:
        self.find("")

    def on_resize(self) -> None:
        self._fit_size()
        self._show_cursor()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    @property
    def _half(self) -> int:
        return max(self.size.height // 2, 1)

    def _fit_size(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, max(len(self._rows), 1))

    def _go(self, place: int, direction: int) -> None:
        found = self._rows.nearest(place, direction)
        if found is None:  # above the first or below the last
            found = self._rows.nearest(place, -direction)
        if found is not None:
            self._put_cursor(found)

    def _step_group(self, direction: int) -> None:
        if self.field is not None:
            self.move_to_group(self._rows.group_after(self.field.group, direction))

    def _put_cursor(self, place: int) -> None:
        self._cursor = place
        self.refresh()
        self._show_cursor()
        self.post_message(self.CursorMoved(self.field))

    def _show_cursor(self) -> None:
        height = self.scrollable_content_region.height
        first, top = self.scroll_offset.y, self._rows.top_of(self._cursor)
        if top < first:
            self.scroll_to(y=top, animate=False, force=True)
        elif height and self._cursor >= first + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, force=True)

    def _refresh_field(self, path: str) -> None:
        if (place := self._rows.place_of(path)) is not None:
            self.refresh(Region(0, place - self.scroll_offset.y, self.size.width, 1))

    # ---- drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        place = self.scroll_offset.y + y
        if len(self._rows) == 0 and y == 0:
            return Strip(
                [Segment(fit("  No setting has this text. esc shows all.", width), self._style("muted"))]
            )
        if place >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows.rows[place]
        if isinstance(row, Heading):
            line = f"── {row.title} "
            line += "─" * max(width - cell_len(line), 0)
            return Strip([Segment(fit(line, width), self._style("heading"))])
        base = self.rich_style
        if is_cursor := place == self._cursor:
            base += self._partial("cursor" if self.has_focus else "cursor-away")
        text = self._line(row, width, is_cursor=is_cursor)
        parts = text.render(self.app.console)
        segments = [Segment(part, base + (style or Style.null())) for part, style, _ in parts]
        return Strip(segments).adjust_cell_length(width, base)

    def _line(self, field: FieldDescription, width: int, *, is_cursor: bool) -> Text:
        draft = self._drafts[field.path]
        problem = draft.problem(field.path) or self._warnings.get(field.path)
        is_only_warning = problem is not None and problem.is_warning
        colour = self._partial("warning" if is_only_warning else "problem")
        changed = self._partial("changed") if draft.is_changed(field.path) else Style.null()
        text = Text(no_wrap=True, end="")
        text.append("›" if is_cursor else " ")
        text.append("*" if draft.is_changed(field.path) else " ", changed)
        text.append("  " if problem is None else "! " if is_only_warning else "✗ ", colour)
        text.append(fit(field.title, TITLE if width >= NARROW else max(width // 3, 12)), changed)
        text.append("  ")
        text.append_text(value_text(field, draft.value(field.path), is_cursor=is_cursor))
        if problem is not None:
            text.append("   ").append(clean_text(problem.message), colour)
        elif (note := self._notes.get(field.path)) is not None:
            text.append("   ").append_text(note)
        text.truncate(width, overflow="ellipsis", pad=True)
        return text

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"field-list--{name}")

    def _partial(self, name: str) -> Style:
        return self.get_component_rich_style(f"field-list--{name}", partial=True)
