"""The tasks that need a decision, as a list, with everything about the one at the cursor under it. Asks nobody: it
tells what was chosen."""

from collections.abc import Sequence
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from engine.api import TaskChoice
from engine.views import UndecidedView
from tui import format as fmt
from tui.host import FactoryHost
from tui.keys import bindings_for
from tui.messages import OpenJob
from tui.widgets.memory_source import MemorySource
from tui.widgets.record_table import RecordTable
from tui.widgets.undecided_rows import COLUMNS, undecided_cells, undecided_key, undecided_text


class DecisionPanel(Vertical):
    """Its keys are the section `decide`; they mean the marked tasks, or the one at the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for("decide")

    class Chosen(Message):
        """This is to become of these tasks."""

        def __init__(self, choice: TaskChoice, tasks: Sequence[UndecidedView]) -> None:
            super().__init__()
            self.choice = choice
            self.tasks = tuple(tasks)

    def __init__(self) -> None:
        super().__init__()
        self._source: MemorySource[UndecidedView] = MemorySource(key=undecided_key, cells=undecided_cells)
        self._notes: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(id="decide-line", markup=False)
        yield RecordTable(
            COLUMNS,
            self._source,
            empty="Nothing needs a decision.\n"
            "Tasks whose answer was lost, and those that failed without a picture, come here.",
            id="decide-list",
        )
        with VerticalScroll(id="decide-text", can_focus=False):
            yield Static(id="decide-words", markup=False)

    @property
    def table(self) -> RecordTable:
        """The list."""
        return self.query_one(RecordTable)

    @property
    def current(self) -> UndecidedView | None:
        """The task at the cursor."""
        return self._source.row(self.table.cursor_key) if self.is_mounted else None

    @property
    def rows(self) -> Sequence[UndecidedView]:
        """All of them, as shown."""
        return self._source.rows

    def show(self, tasks: Sequence[UndecidedView]) -> None:
        """Show these from now on; marks on others are gone."""
        self._source.replace(tasks)
        keys = {task.task for task in tasks}
        self.table.set_marks(self.table.marks & keys)
        self._show_current()

    def show_line(self, *notes: str) -> None:
        """How many there are, and what else is to be said; without notes: what was said before."""
        self._notes = notes or self._notes
        marks = len(self.table.marks)
        parts = [
            fmt.plural(self._source.count, "task"),
            f"{fmt.count(marks)} marked" if marks else "",
            *self._notes,
        ]
        self.query_one("#decide-line", Static).update(" " + "  ·  ".join(part for part in parts if part))

    def _show_current(self) -> None:
        task, keymap = self.current, cast("FactoryHost", self.app).keymap
        self.query_one("#decide-words", Static).update("" if task is None else undecided_text(task, keymap))
        self.screen.refresh_bindings()

    # ---- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in set(TaskChoice):
            return any(action in task.choices for task in self._chosen())
        return True

    def action_ask(self) -> None:
        self._choose(TaskChoice.ASK)

    def action_submit(self) -> None:
        self._choose(TaskChoice.SUBMIT)

    def action_lost(self) -> None:
        self._choose(TaskChoice.LOST)

    def _chosen(self) -> list[UndecidedView]:
        if not self.is_mounted:
            return []
        marks, current = self.table.marks, self.current
        if marks:
            return [task for task in self._source.rows if task.task in marks]
        return [] if current is None else [current]

    def _choose(self, choice: TaskChoice) -> None:
        if tasks := self._chosen():
            self.post_message(self.Chosen(choice, tasks))

    # ---- what the list tells

    def on_record_table_cursor_moved(self, message: RecordTable.CursorMoved) -> None:
        message.stop()
        self._show_current()

    def on_record_table_marks_changed(self, message: RecordTable.MarksChanged) -> None:
        message.stop()
        self.show_line()
        self.screen.refresh_bindings()

    def on_record_table_row_opened(self, message: RecordTable.RowOpened) -> None:
        """Enter shows the job."""
        message.stop()
        if (task := self._source.row(message.key)) is not None:
            self.post_message(OpenJob(task.job_id))
