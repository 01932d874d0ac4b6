"""What a new user does next: shown on the dashboard until the first job. Shows what it is given, asks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from engine.text import clean_text
from tui.format import advice

if TYPE_CHECKING:
    from engine.views import ProblemView

_WHAT = "No job has run here yet. Keywords go in; checked, processed and titled pictures come out."


class WelcomePanel(Widget):
    """Says what is missing before a job can start, and the key for each step."""

    def __init__(self) -> None:
        super().__init__(id="welcome-panel")
        self.border_title = "Welcome"
        self._problems: tuple[ProblemView, ...] = ()
        self._demo_folder = ""

    def show(self, problems: Sequence[ProblemView], demo_folder: str) -> None:
        """`problems`: what stands in the way of a job of the default configuration. No `demo_folder`: no demo."""
        self._problems = tuple(problems)
        self._demo_folder = demo_folder
        self.refresh(layout=True)

    def render(self) -> RenderResult:
        table = Table.grid()
        table.add_column(width=5, no_wrap=True)
        table.add_column()
        blocking = [one for one in self._problems if not one.is_warning]
        if blocking:
            table.add_row(_key("5"), "Settings: what a job still needs")
            for one in blocking:
                words = advice(
                    clean_text(f"{one.field}: {one.message}", limit=200), clean_text(one.hint, limit=200)
                )
                table.add_row(Text("   ✗", "red"), Text(words))
        else:
            ready = Text.assemble(("✓ ", "green"), "Everything that a job needs is there.")
            table.add_row(_key("5"), ready)
        table.add_row(_key("s"), "Start: see what a job would make and cost, then start it")
        if self._demo_folder:
            demo = "Try the demo: a job against a simulator on this machine; no key, no cost. "
            place = (f"It keeps its files in {clean_text(self._demo_folder)}", "dim")
            table.add_row(_key("t"), Text.assemble(demo, place))
        table.add_row(_key("?"), "Every key of this screen")
        return Group(Text(_WHAT), table)


def _key(key: str) -> Text:
    return Text.assemble((f" {key} ", "reverse"))
