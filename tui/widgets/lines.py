"""A panel of single lines: over a slow line to the terminal only those that changed are sent again."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static


class Lines(Vertical):
    """`count` lines of one row each; what does not fit is cut with an ellipsis."""

    def __init__(self, count: int, *, title: str, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.border_title = title
        self._lines = [Static(classes="panel-line") for _ in range(count)]
        self._shown = [Text() for _ in range(count)]

    def compose(self) -> ComposeResult:
        yield from self._lines

    @property
    def plain(self) -> str:
        """Everything shown, without styles."""
        return "\n".join(text.plain for text in self._shown)

    def show_lines(self, lines: Sequence[Text]) -> None:
        """Show these from the top; lines that are missing become empty."""
        for number, line in enumerate(self._lines):
            text = lines[number] if number < len(lines) else Text()
            text.no_wrap, text.overflow = True, "ellipsis"
            if text != self._shown[number] or text.spans != self._shown[number].spans:
                self._shown[number] = text
                line.update(text, layout=False)
