"""A panel of single lines: over a slow line to the terminal only what changed in them is sent again."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult, RenderResult
from textual.containers import Vertical
from textual.widget import Widget

from tui.widgets.changed_cells import changed_regions


class Line(Widget):
    """One row; what does not fit is cut with an ellipsis."""

    def __init__(self) -> None:
        super().__init__(classes="panel-line")
        self.shown = Text()

    def show(self, text: Text) -> None:
        """Show this, drawing only the cells that are other ones."""
        text.no_wrap, text.overflow = True, "ellipsis"
        width = self.content_size.width
        changed = changed_regions(self.shown, text, width)
        self.shown = text
        if changed or not width:
            self.refresh(*changed)

    def render(self) -> RenderResult:
        return self.shown


class Lines(Vertical):
    """`count` lines of one row each."""

    def __init__(self, count: int, *, title: str, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.border_title = title
        self._lines = [Line() for _ in range(count)]

    def compose(self) -> ComposeResult:
        yield from self._lines

    @property
    def plain(self) -> str:
        """Everything shown, without styles."""
        return "\n".join(line.shown.plain for line in self._lines)

    def show_lines(self, lines: Sequence[Text]) -> None:
        """Show these from the top; lines that are missing become empty."""
        for number, line in enumerate(self._lines):
            line.show(lines[number] if number < len(lines) else Text())
